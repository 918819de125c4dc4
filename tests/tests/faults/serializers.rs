//! Schedulers that write CBOR and schedulers that write JSON on one database: each reads what the other wrote, and what
//! neither can read hurts itself alone (guarantee 6 once more).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use apsched::Error;
use apsched::event::{JobQuarantined, ScheduleQuarantined};
use apsched::job::JobOutcome;
use apsched::prelude::*;
use apsched::serializer::{Cbor, Json, Serializers};
use apsched::store::StoreError;
use serde::{Deserialize, Serialize};

use super::client::{Client, KEEP, flawless};
use super::record::{PATIENCE, Story};
use super::site::Ground;
use super::spoil::Spoil;
use super::verdict::Verdict;

/// Each task is run by one of the two, whoever adds the job.
const BY_JSON: Task<Letter, Letter> = Task::new("by_json");
const BY_CBOR: Task<Letter, Letter> = Task::new("by_cbor");
/// Longer than any test.
const LATER: Duration = Duration::from_secs(24 * 3600);

/// A payload with what formats tell apart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Letter {
    number: u64,
    text: String,
    weight: f64,
    note: Option<String>,
    tags: BTreeMap<String, Vec<i64>>,
}

impl Letter {
    fn numbered(number: u64) -> Self {
        let tags = BTreeMap::from([("größe".to_owned(), vec![-1, 0, i64::MAX]), (String::new(), Vec::new())]);
        let note = number.is_multiple_of(2).then(|| "\0 and \u{1F600}".to_owned());
        Self { number, text: "x".repeat(number as usize * 100), weight: 0.1, note, tags }
    }
}

/// Two schedulers that work, each with a store of its own.
async fn started(ground: &Ground) -> [Scheduler; 2] {
    let start = async |serializers: Serializers, task: Task<Letter, Letter>| {
        let tasks = Tasks::<()>::new().task(task, async |letter: Letter| letter);
        let builder = Scheduler::builder().data_store(flawless(ground.open())).serializers(serializers);
        builder.poll_interval(Duration::from_millis(20)).tasks(tasks).start_in_background().await
    };
    let json = start(Serializers::new(Json).reading(Cbor), BY_JSON).await.expect("the database");
    let cbor = start(Serializers::new(Cbor), BY_CBOR).await.expect("the database");
    [json, cbor]
}

/// Later than any test.
fn some_day() -> DateTrigger {
    DateTrigger::at("2100-01-01T00:00:00Z".parse::<DateTime<Utc>>().expect("a date"))
}

async fn stopped(schedulers: [Scheduler; 2]) {
    for scheduler in schedulers {
        scheduler.shutdown(PATIENCE).await;
    }
}

pub(crate) async fn what_cbor_and_json_schedulers_write_at_once_is_read_by_both(
    ground: Ground,
    _seed: u64,
) -> Verdict {
    let schedulers = started(&ground).await;
    let mut written = Vec::new();
    for (writer, letters) in schedulers.iter().zip([0..20, 20..40]) {
        for task in [BY_JSON, BY_CBOR] {
            let loads = letters.clone().map(Letter::numbered);
            let jobs = writer.add_jobs(&task, loads).keep_result(KEEP).await.expect("jobs");
            written.extend(jobs.into_iter().zip(letters.clone()));
            let id = format!("{}-{}", task.name(), letters.start);
            let load = Letter::numbered(letters.start);
            let added = writer.add_schedule(task, load, some_day()).id(&id).keep_results(KEEP);
            added.await.expect("a schedule");
            // Fired by the other one, which need not read the payload for that.
            let other = if letters.start == 0 { &schedulers[1] } else { &schedulers[0] };
            written.push((other.fire_schedule(&id).await.expect("it is there"), letters.start));
        }
    }

    for reader in &schedulers {
        for (job, number) in &written {
            let result = reader.job::<Letter>(*job).result().timeout(PATIENCE).await;
            assert_eq!(result.expect("a result"), Letter::numbered(*number));
        }
    }
    let schedules = Client::of(&ground).await.schedules().await;
    let mut writers = BTreeSet::new();
    for schedule in schedules {
        let payload = schedule.payload.clone().into_encoded(&Serializers::default()).expect("it is encoded");
        writers.insert(payload.serializer.to_string());
        for serializers in [Serializers::new(Json).reading(Cbor), Serializers::new(Cbor)] {
            let letter = schedule.payload.clone().into_value::<Letter>(&serializers).expect("a letter");
            assert!(schedule.id.as_str().ends_with(&format!("-{}", letter.number)), "{schedule}");
        }
    }
    assert_eq!(writers, BTreeSet::from(["cbor".to_owned(), "json".to_owned()]));
    stopped(schedulers).await;
    let mut verdict = Verdict::of(Story::default());
    verdict.count("jobs", written.len());
    verdict
}

pub(crate) async fn a_row_that_cannot_be_read_is_put_aside_by_both_and_harms_nobody(
    ground: Ground,
    _seed: u64,
) -> Verdict {
    let schedulers = started(&ground).await;
    let [json, cbor] = &schedulers;
    let add = async |writer: &Scheduler, task| {
        writer.add_job(task, Letter::numbered(1)).delay(LATER).keep_result(KEEP).await.expect("a job").id()
    };
    // Each comes across what the other wrote.
    let told = [json.next_event::<JobQuarantined>(), cbor.next_event::<JobQuarantined>()];
    let spoiled = [add(cbor, BY_JSON).await, add(json, BY_CBOR).await];
    let schedule_told = [json.next_event::<ScheduleQuarantined>(), cbor.next_event::<ScheduleQuarantined>()];
    let added = cbor.add_schedule(BY_CBOR, Letter::numbered(1), some_day()).id("spoiled").await;
    added.expect("a schedule");
    Spoil::All.apply(&ground).await;

    for (told, job) in told.into_iter().zip(spoiled) {
        let event = tokio::time::timeout(PATIENCE, told).await.expect("somebody tells it").expect("an event");
        assert_eq!(event.job_id, job);
        for reader in &schedulers {
            let status = reader.job::<Letter>(job).status().await.expect_err("it cannot be read");
            assert!(matches!(status, Error::Store(StoreError::Unreadable { .. })), "{status:?}");
        }
    }
    let [json_told, cbor_told] = schedule_told;
    let told = async {
        tokio::select! { event = json_told => event, event = cbor_told => event }
    };
    let event = tokio::time::timeout(PATIENCE, told).await.expect("somebody tells it").expect("an event");
    assert_eq!(event.schedule_id.as_str(), "spoiled");
    for reader in &schedulers {
        let schedule = reader.schedule("spoiled").await.expect_err("it cannot be read");
        assert!(matches!(schedule, Error::Store(StoreError::Unreadable { .. })), "{schedule:?}");
        for task in [BY_JSON, BY_CBOR] {
            let job = reader.add_job(task, Letter::numbered(2)).keep_result(KEEP).await.expect("a job");
            let letter = job.result().timeout(PATIENCE).await;
            assert_eq!(letter.expect("the others run"), Letter::numbered(2));
        }
    }
    stopped(schedulers).await;
    let mut verdict = Verdict::of(Story::default());
    verdict.count("unreadable rows", 3);
    verdict
}

pub(crate) async fn a_payload_that_cannot_be_read_ends_its_own_job_alone(
    ground: Ground,
    _seed: u64,
) -> Verdict {
    let schedulers = started(&ground).await;
    let mut unreadable = 0;
    for (writer, spoiling) in schedulers.iter().zip(["cbor", "json"]) {
        // Bytes of the one that are said to be of the other, and of one that nobody knows.
        for serializer in [spoiling, "yaml"] {
            for task in [BY_JSON, BY_CBOR] {
                let job = writer.add_job(&task, Letter::numbered(1)).delay(LATER).keep_result(KEEP).await;
                let job = job.expect("a job");
                let whole = writer.add_job(task, Letter::numbered(2)).keep_result(KEEP).await;
                Spoil::Serializer(serializer).apply(&ground).await;

                for reader in &schedulers {
                    let result = reader.job::<Letter>(job.id()).result().timeout(PATIENCE).await;
                    let is_told = matches!(
                        result,
                        Err(Error::JobFailed { outcome: JobOutcome::DeserializationFailed, .. })
                    );
                    assert!(is_told, "{serializer}: {result:?}");
                }
                let result = whole.expect("a job").result().timeout(PATIENCE).await;
                assert_eq!(result.expect("the other runs"), Letter::numbered(2));
                unreadable += 1;
            }
        }
    }
    stopped(schedulers).await;
    let mut verdict = Verdict::of(Story::default());
    verdict.count("unreadable payloads", unreadable);
    verdict
}
