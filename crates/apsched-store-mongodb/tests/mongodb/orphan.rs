//! A process that is killed within a transaction leaves it open: what it locked harms itself alone, and not for long.

use apsched_core::DataStore;
use apsched_core::event::EventInterest;
use apsched_core::task::TaskDefinition;
use apsched_testkit::backend::Backend;
use apsched_testkit::report_skipped;
use apsched_testkit::sample::{self};
use mongodb::ClientSession;

use crate::database::{self, Database, acquire};

/// As a store begins one, and has locked the document of a task.
async fn open_transaction(database: &Database, task: &str) -> ClientSession {
    database::lock(database, "apsched", "apsched_tasks", task).await
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
