//! Ends of which nothing is kept are written by one statement: what becomes of them when somebody takes a job back just before.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use apsched_core::event::{Event, EventInterest};
use apsched_core::job::{FinishedAttempt, JobRelease, Release};
use apsched_core::store::{AcquireJobs, ReleaseJobs, Released};
use apsched_core::trigger::TriggerRegistry;
use apsched_core::{Abilities, DataStore, Job, JobId, JobOutcome};
use apsched_store_mongodb::MongoDataStore;
use apsched_testkit::backend::Backend;
use apsched_testkit::report_skipped;
use apsched_testkit::sample::{self, at, executor, seconds, task_id};
use mongodb::bson::{Document, Uuid, doc};
use mongodb::event::EventHandler;
use mongodb::event::command::CommandEvent;
use mongodb::options::ClientOptions;
use mongodb::{Client, Collection};
use tokio::runtime::Handle;
use tokio::task::block_in_place;

use crate::database::Database;

/// What somebody else does to a job at the last moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meanwhile {
    TakesBack,
    TakesBackAndEnds,
}

/// A store before whose next deletion somebody does something to the job that is named later.
async fn store_with_rival(
    database: &Database,
    meanwhile: Meanwhile,
) -> (MongoDataStore, Arc<OnceLock<JobId>>) {
    let jobs: Collection<Document> = database.collection("jobs").await;
    let taken = Arc::new(OnceLock::<JobId>::new());
    let (of_rival, is_done) = (taken.clone(), AtomicBool::new(false));
    let mut options = ClientOptions::parse(Backend::Mongodb.url()).await.expect("the URL of the tests");
    options.command_event_handler = Some(EventHandler::callback(move |event| {
        let CommandEvent::Started(event) = event else { return };
        let Some(job) = of_rival.get().filter(|_| event.command_name == "delete") else { return };
        if is_done.swap(true, Ordering::SeqCst) {
            return;
        }
        let by_id = doc! {"_id": Uuid::from_bytes(job.as_uuid().into_bytes())};
        let done = async {
            match meanwhile {
                Meanwhile::TakesBack => {
                    let taken = jobs.update_one(by_id, doc! {"$inc": {"token": 1_i64}}).await;
                    taken.expect("an answer").matched_count
                }
                Meanwhile::TakesBackAndEnds => jobs.delete_one(by_id).await.expect("an answer").deleted_count,
            }
        };
        assert_eq!(block_in_place(|| Handle::current().block_on(done)), 1);
    }));
    let client = Client::with_options(options).expect("a client");
    let store = MongoDataStore::from_client_with(client, database.options()).expect("a store");
    store.start(&TriggerRegistry::new()).await.expect("the store starts");
    (store, taken)
}

/// Acquires three jobs, and ends them while somebody takes the second; gives all three.
async fn end_three(store: &MongoDataStore, taken: &OnceLock<JobId>) -> (Vec<Job>, Released<JobId>) {
    let (scheduler_id, interest) = (sample::scheduler_id("a"), EventInterest::ALL);
    let jobs = (0..3).map(|_| sample::job().keep_result(seconds(0)));
    let jobs: Vec<Job> = jobs.map(|job| job.build()).collect();
    store.put_tasks(vec![sample::task("send")]).await.expect("a task");
    store.add_jobs(jobs, EventInterest::NONE).await.expect("jobs");
    let abilities = Arc::new(Abilities::new([task_id("send")], [executor("async")]));
    let id = scheduler_id.clone();
    let request =
        AcquireJobs { scheduler_id: id, now: at(0), lease: seconds(30), limit: 9, abilities, interest };
    let (acquired, _) = store.acquire_jobs(request).await.expect("jobs");
    assert_eq!(acquired.len(), 3);
    taken.set(acquired[1].id).expect("once");
    let end = |job: &Job| JobRelease {
        job_id: job.id,
        token: job.token,
        release: Release::Finish(FinishedAttempt::without_run(JobOutcome::Success, at(1))),
    };
    let releases = Arc::new(acquired.iter().map(end).collect());
    let released = store.release_jobs(ReleaseJobs { scheduler_id, now: at(1), releases, interest }).await;
    (acquired, released.expect("an answer"))
}

fn told(released: &Released<JobId>) -> Vec<JobId> {
    let ended = released.events.iter().filter_map(|event| match event {
        Event::JobReleased(released) => Some(released.job_id),
        _ => None,
    });
    ended.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_taken_back_at_the_last_moment_is_lost_and_no_other() {
    if let Some(why) = Backend::Mongodb.missing() {
        let name = "a_job_that_is_taken_back_at_the_last_moment_is_lost_and_no_other";
        return report_skipped(name, &why);
    }
    let database = Database::new();
    let (store, taken) = store_with_rival(&database, Meanwhile::TakesBack).await;

    let (jobs, released) = end_three(&store, &taken).await;

    assert_eq!(released.lost, [jobs[1].id]);
    assert_eq!(told(&released), [jobs[0].id, jobs[2].id]);
    let left: Vec<JobId> =
        store.jobs(&Default::default()).await.expect("jobs").iter().map(|job| job.id).collect();
    assert_eq!(left, [jobs[1].id]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_jobs_that_others_may_have_ended_none_is_told_as_ended_here() {
    if let Some(why) = Backend::Mongodb.missing() {
        return report_skipped("of_jobs_that_others_may_have_ended_none_is_told_as_ended_here", &why);
    }
    let database = Database::new();
    let (store, taken) = store_with_rival(&database, Meanwhile::TakesBackAndEnds).await;

    let (jobs, released) = end_three(&store, &taken).await;

    let mut lost = released.lost.clone();
    lost.sort_unstable();
    assert_eq!(lost, jobs.iter().map(|job| job.id).collect::<Vec<_>>());
    assert_eq!(told(&released), []);
}
