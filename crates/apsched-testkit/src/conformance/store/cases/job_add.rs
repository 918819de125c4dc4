//! `add_jobs`: a job is kept as it was given, once, however often it is added.

use apsched_core::event::{EventInterest, JobAdded, Wakeup};
use apsched_core::{Event, JobOutcome, JobStatus, Metadata, Payload, PayloadForm, Retry};
use serde_json::json;

use crate::conformance::store::StoreHarness;
use crate::conformance::store::observed::{all, assert_same_job, ids, only};
use crate::conformance::store::process::{Process, done};
use crate::sample::{self, at, at_micros, seconds};

pub(crate) async fn a_job_reads_back_as_it_was_added(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let full = sample::job()
        .task("mail")
        .of_schedule("s")
        .payload(vec!["Ada".to_owned()])
        .job_executor("threadpool");
    let full =
        full.fire_time(at_micros(1)).run_at(at_micros(2)).start_deadline(at_micros(3)).priority(i32::MIN);
    let full = full.settings(|settings| {
        settings.retry = Retry::exponential(u32::MAX);
        settings.timeout = Some(seconds(0));
        settings.metadata = Metadata::try_from(json!({"ключ": [1.5, {"x": null}]})).expect("an object");
    });
    let added = [full.build(), sample::job().build()];

    a.add_jobs(added.to_vec()).await;

    let b = Process::start(harness, "b").await;
    for job in added {
        let expected = apsched_core::Job { payload: b.stored(job.payload.clone()), ..job };
        assert_same_job(&b.job(expected.id).await, &expected);
    }
}

pub(crate) async fn payloads_come_back_in_the_form_the_store_asks_for(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let long = "x".repeat(1 << 20);
    let texts = ["", "plain", "ünï\u{0}code ☾", &long];
    let added: Vec<_> = texts.iter().map(|text| sample::job().payload((*text).to_owned()).build()).collect();
    let form = a.store().payload_form();

    a.add_jobs(added.clone()).await;

    for (job, text) in added.iter().zip(texts) {
        let payload = a.job(job.id).await.payload;
        let is_encoded = format!("{payload:?}").contains("bytes of json");
        assert_eq!(is_encoded, form == PayloadForm::Encoded, "{payload:?} in a store of {form:?} payloads");
        assert_eq!(payload.into_value::<String>(a.serializers()).as_deref().ok(), Some(text));
    }
}

pub(crate) async fn encoded_payloads_keep_bytes_and_serializer(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let bytes: Vec<u8> = (0..=255).collect();
    let encoded = apsched_core::EncodedPayload { serializer: "third-party".into(), bytes: bytes.into() };
    let job = apsched_core::Job { payload: encoded.clone().into(), ..sample::job().build() };

    a.add_jobs(vec![job.clone()]).await;

    assert!(a.job(job.id).await.payload.is_same_value(&Payload::from(encoded)));
}

pub(crate) async fn added_jobs_are_reported_and_one_wakeup_names_the_earliest(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let jobs = [30, 10, 20].map(|second| sample::job().of_schedule("s").run_at(at(second)).build());

    let events = a.add_jobs(jobs.to_vec()).await;

    let added: Vec<_> = all::<JobAdded>(&events).iter().map(|event| event.job_id).collect();
    assert_eq!(added, ids(&jobs));
    assert_eq!(
        all::<JobAdded>(&events)[1],
        JobAdded::new(jobs[1].id, jobs[1].task_id.clone(), jobs[1].schedule_id.clone(), at(10))
    );
    assert_eq!(only::<Wakeup>(&events), Wakeup::jobs(at(10)));
}

pub(crate) async fn adding_jobs_again_adds_nothing(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let jobs = vec![sample::job().build(), sample::job().build()];
    a.add_jobs(jobs.clone()).await;

    let events = Process::start(harness, "b").await.add_jobs(jobs.clone()).await;

    assert_eq!(events, [], "not even a wake-up");
    assert_eq!(a.job_ids().await, ids(&jobs));
}

pub(crate) async fn a_job_whose_id_is_there_is_left_as_it_is(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let sample = sample::job().priority(1);
    a.add_job(sample.clone().build()).await;
    let running = a.acquire_job(at(0)).await;
    let new = sample::job().build();

    let events = a.add_jobs(vec![sample.priority(2).run_at(at(99)).build(), new.clone()]).await;

    assert_eq!(only::<JobAdded>(&events).job_id, new.id, "only what is new is added");
    assert_same_job(&a.job(running.id).await, &running);
}

pub(crate) async fn of_two_jobs_with_one_id_in_one_call_the_first_is_added(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let small = || "x".to_owned();
    let large = || "x".repeat(5_000);
    for (first, second) in [(small(), large()), (large(), small()), (large(), large() + "y")] {
        let job = sample::job().payload(first.clone()).build();
        let same = apsched_core::Job { payload: Payload::live(second), ..job.clone() };

        let events = a.add_jobs(vec![job.clone(), sample::job().build(), same]).await;

        let payload = a.job(job.id).await.payload;
        assert_eq!(payload.into_value::<String>(a.serializers()).as_deref().ok(), Some(&*first));
        let added = all::<JobAdded>(&events);
        assert_eq!(added.iter().filter(|added| added.job_id == job.id).count(), 1, "{events:?}");
        assert_eq!(added.len(), 2, "{events:?}");
    }
}

pub(crate) async fn a_job_that_has_ended_with_a_kept_result_is_not_added_again(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let job = sample::job().build();
    a.add_job(job.clone()).await;
    let running = a.acquire_job(at(0)).await;
    a.finish(&running, JobOutcome::Success, at(1)).await;

    let events = a.add_jobs(vec![job.clone()]).await;

    assert_eq!(all::<JobAdded>(&events), [], "a call that is repeated late must not run a job twice");
    assert!(matches!(a.status(job.id).await, JobStatus::Finished(_)));
}

pub(crate) async fn adding_no_jobs_causes_nothing(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;

    assert_eq!(a.add_jobs(Vec::new()).await, Vec::<Event>::new());
}

pub(crate) async fn jobs_are_added_though_nobody_listens(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let job = sample::job().build();

    done("add_jobs", a.store().add_jobs(vec![job.clone()], EventInterest::NONE).await);

    assert_eq!(a.job_ids().await, [job.id]);
}

pub(crate) async fn a_large_batch_is_added_as_a_whole(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let jobs: Vec<_> = (0..2_000).map(|_| sample::job().payload("x".to_owned()).build()).collect();

    let events = a.add_jobs(jobs.clone()).await;

    assert_eq!(all::<JobAdded>(&events).len(), jobs.len());
    assert_eq!(a.job_ids().await, ids(&jobs));
}

pub(crate) async fn a_job_added_again_after_its_end_is_one_job(harness: &dyn StoreHarness) {
    let a = Process::start(harness, "a").await;
    let sample = sample::job().keep_result(seconds(0));
    let (due, later) = (sample.clone().build(), sample::job().keep_result(seconds(0)).run_at(at(50)).build());
    for job in [&due, &later] {
        a.add_job(job.clone()).await;
        a.cancel(job.id, at(0)).await;
        a.add_job(job.clone()).await;
    }

    let first = a.acquire_jobs(at(0), 10).await;
    let promised = a.next_wakeup(at(0)).await.job;
    let second = a.acquire_jobs(at(50), 10).await;
    let third = a.next_wakeup(at(50)).await.job;

    assert_eq!((ids(&first), promised), (vec![due.id], Some(at(50))));
    assert_eq!((ids(&second), third), (vec![later.id], None));
}
