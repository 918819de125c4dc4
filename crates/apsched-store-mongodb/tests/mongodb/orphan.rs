//! A process that is killed within a transaction leaves it open: what it locked harms itself alone, and not for long.

use std::sync::Arc;

use apsched_core::event::EventInterest;
use apsched_core::store::AcquireJobs;
use apsched_core::task::TaskDefinition;
use apsched_core::{Abilities, DataStore, Job};
use apsched_store_mongodb::MongoDataStore;
use apsched_testkit::backend::Backend;
use apsched_testkit::report_skipped;
use apsched_testkit::sample::{self, at, executor, seconds, task_id};
use mongodb::bson::doc;
use mongodb::options::ClientOptions;
use mongodb::{Client, ClientSession};

use crate::database::Database;

/// As a store begins one, and has locked the document of a task.
async fn open_transaction(database: &Database, task: &str) -> ClientSession {
    let mut options = ClientOptions::parse(Backend::Mongodb.url()).await.expect("the URL of the tests");
    options.app_name = Some("apsched".to_owned());
    let client = Client::with_options(options).expect("a client");
    let mut session = client.start_session().await.expect("a session");
    session.start_transaction().await.expect("a transaction");
    let tasks = client.database(&database.name).collection::<mongodb::bson::Document>("apsched_tasks");
    let locked =
        tasks.update_one(doc! {"_id": task}, doc! {"$inc": {"claims": 1}}).session(&mut session).await;
    assert_eq!(locked.expect("the lock").matched_count, 1);
    session
}

async fn acquire(store: &MongoDataStore) -> Vec<Job> {
    let request = AcquireJobs {
        scheduler_id: sample::scheduler_id("a"),
        now: at(0),
        lease: seconds(30),
        limit: 10,
        abilities: Arc::new(Abilities::new(["send", "hash"].map(task_id), [executor("async")])),
        interest: EventInterest::NONE,
    };
    store.acquire_jobs(request).await.expect("no error").0
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_left_open_holds_up_its_own_task_and_is_ended() {
    if let Some(why) = Backend::Mongodb.missing() {
        return report_skipped("a_transaction_left_open_holds_up_its_own_task_and_is_ended", &why);
    }
    let database = Database::new();
    let store = database.start().await;
    let limited = |id| TaskDefinition { max_running_jobs: Some(1), ..sample::task(id) };
    store.put_tasks(vec![limited("send"), limited("hash")]).await.expect("the tasks are declared");
    let (locked, free) = (sample::job().build(), sample::job().task("hash").build());
    store
        .add_jobs(vec![locked.clone(), free.clone()], EventInterest::NONE)
        .await
        .expect("the jobs are added");
    let _left_open = open_transaction(&database, "send").await;

    let first = acquire(&store).await;
    // Each look takes some tries that are spread over milliseconds; the transaction counts as left open after two seconds.
    let mut later = Vec::new();
    for _ in 0..5_000 {
        later = acquire(&store).await;
        if !later.is_empty() {
            break;
        }
    }

    assert_eq!(
        first.iter().map(|job| job.id).collect::<Vec<_>>(),
        [free.id],
        "the other task is not held up"
    );
    assert_eq!(later.iter().map(|job| job.id).collect::<Vec<_>>(), [locked.id]);
}
