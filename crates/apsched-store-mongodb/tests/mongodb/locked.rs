//! A job that somebody has locked harms itself alone: leases on others are taken and prolonged around it.

use apsched_core::event::EventInterest;
use apsched_core::store::{ExtendLeases, HeldJob};
use apsched_core::{DataStore, Job, JobId, Progress, StoreError};
use apsched_store_mongodb::MongoDataStore;
use apsched_testkit::backend::Backend;
use apsched_testkit::report_skipped;
use apsched_testkit::sample::{self, at, seconds};
use mongodb::ClientSession;
use mongodb::bson::{Document, Uuid, doc};

use crate::database::{self, Database, acquire};

/// Somebody else's transaction, which the store does not know as one of its own and cannot end.
async fn lock(database: &Database, job: JobId) -> ClientSession {
    database::lock(database, "somebody", "apsched_jobs", Uuid::from_bytes(job.as_uuid().into_bytes())).await
}

/// Five jobs, in claim order, of a task without a limit.
async fn add_five(store: &MongoDataStore) -> Vec<JobId> {
    store.put_tasks(vec![sample::task("send")]).await.expect("the task is declared");
    let jobs: Vec<Job> = (0..5).map(|_| sample::job().build()).collect();
    let ids = jobs.iter().map(|job| job.id).collect();
    store.add_jobs(jobs, EventInterest::NONE).await.expect("the jobs are added");
    ids
}

fn ids(jobs: &[Job]) -> Vec<JobId> {
    jobs.iter().map(|job| job.id).collect()
}

fn held(jobs: &[Job]) -> Vec<HeldJob> {
    jobs.iter().map(|job| HeldJob { job_id: job.id, token: job.token }).collect()
}

fn renewal(jobs: &[Job]) -> ExtendLeases {
    ExtendLeases {
        scheduler_id: sample::scheduler_id("a"),
        now: at(10),
        lease: seconds(30),
        jobs: held(jobs),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_before_and_behind_a_locked_one_are_acquired() {
    if let Some(why) = Backend::Mongodb.missing() {
        return report_skipped("jobs_before_and_behind_a_locked_one_are_acquired", &why);
    }
    let database = Database::new();
    let store = database.start().await;
    let jobs = add_five(&store).await;
    let mut somebody = lock(&database, jobs[2]).await;

    let around = acquire(&store).await;
    somebody.abort_transaction().await.expect("the lock is let go");
    let later = acquire(&store).await;

    assert_eq!(ids(&around), [jobs[0], jobs[1], jobs[3], jobs[4]]);
    assert_eq!(ids(&later), [jobs[2]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn leases_on_jobs_before_and_behind_a_locked_one_are_prolonged() {
    if let Some(why) = Backend::Mongodb.missing() {
        return report_skipped("leases_on_jobs_before_and_behind_a_locked_one_are_prolonged", &why);
    }
    let database = Database::new();
    let store = database.start().await;
    add_five(&store).await;
    let jobs = acquire(&store).await;
    let mut somebody = lock(&database, jobs[2].id).await;

    let refused = store.extend_leases(renewal(&jobs)).await;
    let stored: Vec<_> = prolonged_to(&database, &jobs).await;
    somebody.abort_transaction().await.expect("the lock is let go");
    let report = store.extend_leases(renewal(&jobs)).await.expect("nobody is in the way");

    assert!(matches!(refused, Err(StoreError::Unavailable { .. })), "whether it is lost cannot be told");
    assert_eq!(stored, [at(40), at(40), at(30), at(40), at(40)].map(|until| until.timestamp_micros()));
    assert_eq!((report.lost, report.cancelled), (vec![], vec![]));
}

async fn prolonged_to(database: &Database, jobs: &[Job]) -> Vec<i64> {
    let documents = database.collection("jobs").await;
    let mut until = Vec::new();
    for job in jobs {
        let by_id = doc! {"_id": Uuid::from_bytes(job.id.as_uuid().into_bytes())};
        let found: Document = documents.find_one(by_id).await.expect("an answer").expect("the job");
        let lease = found.get_document("lease").expect("a lease");
        until.push(lease.get_i64("until").expect("microseconds"));
    }
    until
}

/// In one transaction each word of a job about itself would roll all of them back.
#[tokio::test(flavor = "multi_thread")]
async fn leases_are_prolonged_while_jobs_tell_their_progress() {
    if let Some(why) = Backend::Mongodb.missing() {
        return report_skipped("leases_are_prolonged_while_jobs_tell_their_progress", &why);
    }
    let database = Database::new();
    let store = database.start().await;
    add_five(&store).await;
    let jobs = acquire(&store).await;
    let told = held(&jobs).into_iter().map(|job| {
        let store = store.clone();
        tokio::spawn(async move {
            for step in 0..40_u8 {
                let progress = Progress { fraction: f32::from(step) / 40.0, message: String::new() };
                store.set_progress(job, &sample::scheduler_id("a"), progress).await.expect("it is held");
            }
        })
    });
    let told: Vec<_> = told.collect();

    while told.iter().any(|telling| !telling.is_finished()) {
        let report = store.extend_leases(renewal(&jobs)).await.expect("progress is in nobody's way");
        assert_eq!(report.lost, []);
    }
    for telling in told {
        telling.await.expect("no progress is refused");
    }
}
