//! Documents in which stands what this store never writes: each harms itself alone, whatever it is and wherever it stands.

use std::sync::Arc;

use apsched_core::event::{Event, EventInterest};
use apsched_core::store::{AcquireJobs, Recover, RecoverScope, WakeupQuery};
use apsched_core::task::TaskDefinition;
use apsched_core::{Abilities, ConflictPolicy, DataStore, Job, JobId};
use apsched_store_mongodb::MongoDataStore;
use apsched_testkit::backend::Backend;
use apsched_testkit::report_skipped;
use apsched_testkit::sample::{self, at, executor, seconds, task_id};
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, Bson, DateTime, Decimal128, Document, Uuid, doc};

use crate::database::{self, Database};

fn by_id(id: JobId) -> Document {
    doc! {"_id": Uuid::from_bytes(id.as_uuid().into_bytes())}
}

fn abilities() -> Arc<Abilities> {
    Arc::new(Abilities::new([task_id("send")], [executor("async")]))
}

/// Declares the task with one slot.
async fn declare(store: &MongoDataStore) {
    let task = TaskDefinition { max_running_jobs: Some(1), ..sample::task("send") };
    store.put_tasks(vec![task]).await.expect("the task is declared");
}

async fn add(store: &MongoDataStore) -> JobId {
    let job = sample::job().build();
    let id = job.id;
    store.add_jobs(vec![job], EventInterest::NONE).await.expect("the job is added");
    id
}

async fn acquire(store: &MongoDataStore, seconds_later: i64) -> (Vec<JobId>, Vec<Event>) {
    let (scheduler_id, now) = (sample::scheduler_id("a"), at(seconds_later));
    let (abilities, interest) = (abilities(), EventInterest::NONE);
    let request = AcquireJobs { scheduler_id, now, lease: seconds(30), limit: 9, abilities, interest };
    let (jobs, events) = store.acquire_jobs(request).await.expect("an answer");
    (jobs.iter().map(|job: &Job| job.id).collect(), events)
}

async fn recover(store: &MongoDataStore, limit: usize) -> Vec<Event> {
    let (scheduler_id, scope) = (sample::scheduler_id("b"), RecoverScope::Expired);
    store.recover(Recover { scheduler_id, now: at(100), scope, limit, seed: 1 }).await.expect("an answer")
}

fn put_aside(events: &[Event]) -> Vec<JobId> {
    let put_aside = events.iter().filter_map(|event| match event {
        Event::JobQuarantined(told) => Some(told.job_id),
        _ => None,
    });
    put_aside.collect()
}

/// What a field may hold instead of a 64-bit number, where a number is.
fn no_instants() -> Vec<Bson> {
    let numbers = [Bson::from(0.5), Bson::from(f64::NAN), f64::NEG_INFINITY.into(), i64::MIN.into()];
    let decimal = Bson::from("7".parse::<Decimal128>().expect("a number"));
    let others = [Bson::Null, "x".into(), DateTime::from_millis(0).into(), doc! {}.into()];
    numbers.into_iter().chain([decimal]).chain(others).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_lease_cannot_be_read_gives_its_slot_back() {
    if let Some(why) = Backend::Mongodb.missing() {
        return report_skipped("a_job_whose_lease_cannot_be_read_gives_its_slot_back", &why);
    }
    let until = no_instants().into_iter().map(|until| doc! {"lease.until": until});
    for spoiled in until.chain([doc! {"lease.holder": "nobody"}, doc! {"lease.holder": 7}]) {
        let database = Database::new();
        let store = database.start().await;
        declare(&store).await;
        let (held, next) = (add(&store).await, add(&store).await);
        assert_eq!(acquire(&store, 0).await.0, [held]);
        let jobs = database.collection("jobs").await;
        jobs.update_one(by_id(held), doc! {"$set": spoiled.clone()}).await.expect("it can be changed");

        let first = recover(&store, 1).await;
        let second = recover(&store, 1).await;
        let query =
            WakeupQuery { scheduler_id: sample::scheduler_id("b"), now: at(100), abilities: abilities() };
        let wakeups = store.next_wakeup(query).await.expect("an answer");

        assert_eq!((put_aside(&first), put_aside(&second)), (vec![held], Vec::new()), "{spoiled}");
        assert!(first.iter().any(|event| matches!(event, Event::Wakeup(_))), "{spoiled}: {first:?}");
        assert_eq!(wakeups.lease, None, "{spoiled}: nothing is left to recover");
        assert_eq!(acquire(&store, 100).await.0, [next], "{spoiled}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_without_an_instant_to_run_at_does_not_hide_its_lane() {
    if let Some(why) = Backend::Mongodb.missing() {
        return report_skipped("a_job_without_an_instant_to_run_at_does_not_hide_its_lane", &why);
    }
    let set = no_instants().into_iter().map(|run_at| doc! {"$set": {"run_at": run_at}});
    for spoil in set.chain([doc! {"$unset": {"run_at": ""}}]) {
        let database = Database::new();
        let store = database.start().await;
        let (spoiled, whole) = (add(&store).await, add(&store).await);
        let jobs = database.collection("jobs").await;
        jobs.update_one(by_id(spoiled), spoil.clone()).await.expect("it can be changed");

        let (acquired, told) = acquire(&store, 0).await;
        let cleaned = [told, store.cleanup(at(0)).await.expect("an answer")].concat();
        let again = store.cleanup(at(0)).await.expect("an answer");

        assert_eq!(acquired, [whole], "{spoil}");
        assert_eq!((put_aside(&cleaned), put_aside(&again)), (vec![spoiled], Vec::new()), "{spoil}");
    }
}

/// Ids that no job has.
fn no_ids() -> Vec<Bson> {
    let binary = |subtype| Bson::from(Binary { subtype, bytes: vec![7; 16] });
    let binaries = [BinarySubtype::UuidOld, BinarySubtype::Generic].map(binary);
    binaries.into_iter().chain(["x".into(), 7.into(), doc! {"a": 1}.into()]).collect()
}

/// Puts the document of a job under another id, and changes it.
async fn put_under(database: &Database, job: JobId, id: &Bson, change: Document) {
    let jobs = database.collection("jobs").await;
    let document = jobs.find_one_and_delete(by_id(job)).await.expect("an answer");
    let mut document = document.expect("the job is there");
    document.insert("_id", id);
    document.extend(change);
    jobs.insert_one(document).await.expect("it can be written");
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_whose_id_is_none_are_put_aside_and_hold_up_nobody() {
    if let Some(why) = Backend::Mongodb.missing() {
        return report_skipped("jobs_whose_id_is_none_are_put_aside_and_hold_up_nobody", &why);
    }
    let missed = doc! {"start_deadline": 1_i64, "run_at": at(50).timestamp_micros()};
    for change in [Document::new(), missed, doc! {"run_at": Bson::Null}] {
        for id in no_ids() {
            let database = Database::new();
            let store = database.start().await;
            declare(&store).await;
            let (job, next) = (add(&store).await, add(&store).await);
            if change.is_empty() {
                assert_eq!(acquire(&store, 0).await.0, [job]);
            }
            put_under(&database, job, &id, change.clone()).await;

            let recovered = recover(&store, 1).await;
            store.cleanup(at(100)).await.expect("an answer");

            let jobs = database.collection("jobs").await;
            let kept = jobs.find_one(doc! {"_id": doc! {"$eq": &id}}).await.expect("an answer");
            let kept = kept.unwrap_or_else(|| panic!("{id}, {change}: it is gone"));
            assert!(kept.contains_key("quarantine_reason"), "{id}, {change}: {kept}");
            assert_eq!(put_aside(&recovered), [], "there is no id to tell");
            assert_eq!(acquire(&store, 100).await.0, [next], "{id}, {change}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queued_document_under_an_id_that_no_job_has_is_put_aside() {
    if let Some(why) = Backend::Mongodb.missing() {
        return report_skipped("a_queued_document_under_an_id_that_no_job_has_is_put_aside", &why);
    }
    let database = Database::new();
    let store = database.start().await;
    declare(&store).await;
    let first = add(&store).await;
    let jobs = database.collection("jobs").await;
    let mut foreign: Document =
        jobs.find_one_and_delete(by_id(first)).await.expect("an answer").expect("the job");
    foreign.insert("_id", "no job has this");
    jobs.insert_one(foreign).await.expect("a document under another id");
    let behind = add(&store).await;

    let (acquired, events) = acquire(&store, 0).await;

    assert_eq!(acquired, [behind], "the only slot is not kept for what nobody can run");
    assert_eq!(put_aside(&events), [], "it can be named to nobody");
    let left: Document =
        jobs.find_one(doc! {"_id": "no job has this"}).await.expect("an answer").expect("it is kept");
    assert!(!left.contains_key("lane"), "it is in no queue any more: {left}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_that_is_no_number_of_ours_holds_up_no_other_task() {
    if let Some(why) = Backend::Mongodb.missing() {
        return report_skipped("a_limit_that_is_no_number_of_ours_holds_up_no_other_task", &why);
    }
    for limit in [Bson::from(3.0), "3".into(), 5_000_000_000_i64.into(), (-3_i64).into(), doc! {}.into()] {
        let database = Database::new();
        let store = database.start().await;
        let limited = |id| TaskDefinition { max_running_jobs: Some(1), ..sample::task(id) };
        store.put_tasks(vec![limited("send"), limited("hash")]).await.expect("the tasks are declared");
        add(&store).await;
        let other = sample::job().task("hash").build();
        let id = other.id;
        store.add_jobs(vec![other], EventInterest::NONE).await.expect("the job is added");
        let set = doc! {"$set": {"max_running_jobs": limit.clone()}};
        let tasks = database.collection("tasks").await;
        tasks.update_one(doc! {"_id": "send"}, set).await.expect("the document can be changed");

        let acquired = database::acquire(&store).await;

        assert!(acquired.iter().any(|job| job.id == id), "{limit:?}: {acquired:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fire_time_that_is_no_whole_number_hides_no_wakeup() {
    if let Some(why) = Backend::Mongodb.missing() {
        return report_skipped("a_fire_time_that_is_no_whole_number_hides_no_wakeup", &why);
    }
    let decimal = Bson::from("5000000".parse::<Decimal128>().expect("a number"));
    for first in [Bson::from(5e6), decimal] {
        let database = Database::new();
        let store = database.start().await;
        for (id, seconds) in [("strange", 10), ("whole", 20)] {
            let schedule = sample::schedule(id).once_at(at(seconds)).build();
            store.add_schedule(schedule, ConflictPolicy::Error).await.expect("a schedule");
        }
        let set = doc! {"$set": {"next_fire_time": first.clone()}};
        let schedules = database.collection("schedules").await;
        schedules.update_one(doc! {"_id": "strange"}, set).await.expect("the document can be changed");

        let query =
            WakeupQuery { scheduler_id: sample::scheduler_id("a"), now: at(0), abilities: abilities() };
        let wakeups = store.next_wakeup(query).await.expect("an answer");

        let expected = chrono::DateTime::from_timestamp(5, 0);
        assert_eq!(wakeups.schedule, expected, "{first:?}: then it is looked at, and put aside");
    }
}
