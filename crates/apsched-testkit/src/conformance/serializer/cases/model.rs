//! What apsched itself keeps and sends reads back as it was.

use std::sync::Arc;
use std::time::Duration;

use apsched_core::event::{Event, JobReleased, ScheduleAdded, Wakeup};
use apsched_core::task::{RunSettings, Setting};
use apsched_core::trigger::TriggerExt;
use apsched_core::{
    Coalesce, ErrorChain, JobOutcome, JobSettings, Metadata, Overlap, Progress, Retry, ScheduleSettings,
    Serializer,
};
use serde_json::json;

use crate::conformance::serializer::sample_value::{assert_read_back, round_trip};
use crate::conformance::store::custom_trigger::{Twice, registry};
use crate::sample::{self, at, at_micros, seconds};

pub(crate) fn a_trigger_of_every_kind_reads_back(serializer: &dyn Serializer) {
    let registry = registry();
    for trigger in sample::triggers().into_iter().chain([Twice { first: at_micros(7) }.into()]) {
        let mut read = round_trip(serializer, &trigger);
        read.resolve(&registry).unwrap_or_else(|error| panic!("{trigger}: {error}"));

        assert_eq!(read, trigger);
        assert_eq!(read.preview_after(at(-1), 5), trigger.preview_after(at(-1), 5), "{trigger}");
    }
}

pub(crate) fn settings_and_definitions_read_back(serializer: &dyn Serializer) {
    let metadata = Metadata::try_from(json!({"ключ": [1, -1.5, null, {"x": true}]})).expect("an object");
    let run = RunSettings {
        job_executor: Setting::Set(sample::executor("threadpool")),
        retry: Setting::Set(Retry::exponential(u32::MAX)),
        timeout: Setting::Set(None),
        priority: Setting::Set(i32::MIN),
        metadata: metadata.clone(),
    };
    let full = ScheduleSettings {
        run,
        misfire_grace_time: Setting::Set(Some(Duration::ZERO)),
        coalesce: Coalesce::All,
        overlap: Some(Overlap::Replace),
        max_jitter: Duration::from_micros(1),
        max_fires: Some(u64::MAX),
        max_catch_up: u32::MAX,
        result_expiration_time: Duration::MAX,
    };
    assert_read_back(serializer, [ScheduleSettings::default(), full]);
    let job = sample::job()
        .attempts(3, seconds(9))
        .settings(|settings| settings.metadata = metadata.clone())
        .build();
    assert_read_back(serializer, [JobSettings::clone(&job.settings)]);
    assert_read_back(serializer, [Arc::new(metadata)]);
}

pub(crate) fn events_and_results_read_back(serializer: &dyn Serializer) {
    let (task, schedule) = (sample::task_id("ü"), sample::schedule_id("s"));
    let scheduler = Some(sample::scheduler_id("pod-1"));
    let outcomes = JobOutcome::ALL.map(|outcome| {
        let (task, schedule) = (task.clone(), Some(schedule.clone()));
        Event::from(JobReleased::new(sample::job_id(), task, schedule, scheduler.clone(), outcome))
    });
    assert_read_back(serializer, outcomes);
    assert_read_back(
        serializer,
        [
            Event::from(ScheduleAdded::new(schedule, task, Some(at_micros(-1)))),
            Event::from(Wakeup::new(None, Some(at(5)))),
        ],
    );
    assert_read_back(serializer, [ErrorChain::new(["send".to_owned(), "ошибка".to_owned()])]);
    assert_read_back(serializer, [Progress::new(0.25, "½")]);
}
