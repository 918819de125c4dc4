//! Several runtimes on one store: what becomes of one of them concerns nobody else. And calls that nobody waits for any more.

use std::future::Future;
use std::task::Poll;
use std::time::Duration;

use apsched_core::event::EventInterest;
use apsched_core::task::TaskDefinition;
use apsched_core::trigger::TriggerRegistry;
use apsched_core::{DataStore, Job};
use apsched_store_mongodb::MongoDataStore;
use apsched_testkit::backend::Backend;
use apsched_testkit::{report_skipped, sample};
use futures_util::FutureExt;
use futures_util::future::join_all;
use mongodb::bson::{Document, doc};
use tokio::runtime::{Builder, Runtime};

use crate::database::{Database, client};

/// Much longer than any of these calls takes, shorter than a server that does not answer is waited for.
const PATIENCE: Duration = Duration::from_secs(15);

/// Calls at once: more than a client keeps connections for one that is not busy.
const CALLS: usize = 6;

fn jobs() -> Vec<Job> {
    vec![sample::job().build()]
}

async fn add_jobs(store: &MongoDataStore) {
    let added = join_all((0..CALLS).map(|_| store.add_jobs(jobs(), EventInterest::NONE))).await;
    for done in added {
        done.expect("jobs");
    }
    store.jobs(&Default::default()).await.expect("jobs");
}

/// Lets a runtime of its own add jobs, and at last ask for what it does not wait for; gives the runtime, which stands still then.
fn used_by_another_runtime(store: &MongoDataStore) -> Runtime {
    std::thread::scope(|scope| {
        let used = scope.spawn(|| {
            let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                store.start(&TriggerRegistry::new()).await.expect("the store starts");
                add_jobs(store).await;
                // Begun, and seldom done at once.
                let _ = store.add_jobs(jobs(), EventInterest::NONE).now_or_never();
            });
            runtime
        });
        used.join().expect("no panic")
    })
}

async fn check_that_all_is_well(store: &MongoDataStore) {
    for _ in 0..CALLS {
        let added = tokio::time::timeout(PATIENCE, add_jobs(store)).await;
        added.expect("nobody waits for a runtime that is not his own");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runtime_that_stands_still_holds_up_nobody() {
    if let Some(why) = Backend::Mongodb.missing() {
        return report_skipped("a_runtime_that_stands_still_holds_up_nobody", &why);
    }
    let database = Database::new();
    let store = database.open();

    let still = used_by_another_runtime(&store);

    check_that_all_is_well(&store).await;
    still.shutdown_background();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runtime_that_has_ended_holds_up_nobody() {
    if let Some(why) = Backend::Mongodb.missing() {
        return report_skipped("a_runtime_that_has_ended_holds_up_nobody", &why);
    }
    let database = Database::new();
    let store = database.open();

    used_by_another_runtime(&store).shutdown_background();

    check_that_all_is_well(&store).await;
}

/// Polls a call so often, each time when it is woken, then drops it. `None`: it was done before.
async fn dropped_after<T>(polls: usize, call: impl Future<Output = T>) -> Option<()> {
    let mut call = std::pin::pin!(call);
    let mut polled = 0;
    let is_dropped = std::future::poll_fn(|context| {
        if polled == polls {
            return Poll::Ready(true);
        }
        polled += 1;
        call.as_mut().poll(context).map(|_| false)
    });
    is_dropped.await.then_some(())
}

/// Transactions of the client that calls itself as this database is called, which nobody is at work in.
async fn left_open(database: &Database) -> Vec<Document> {
    let admin = client().await.database("admin");
    let sessions = doc! {"$currentOp": {"allUsers": true, "idleSessions": true}};
    let idle =
        doc! {"$match": {"active": false, "appName": &database.name, "transaction": {"$exists": true}}};
    let found = admin.aggregate([sessions, idle]).await.expect("an answer");
    futures_util::TryStreamExt::try_collect(found).await.expect("transactions")
}

/// Each call is dropped at each of its polls, also while its first statement is under way.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_dropped_leaves_no_transaction_open() {
    if let Some(why) = Backend::Mongodb.missing() {
        return report_skipped("a_call_that_is_dropped_leaves_no_transaction_open", &why);
    }
    let database = Database::new();
    database.start().await;
    let url = Backend::Mongodb.url();
    let joint = if url.contains('?') { '&' } else { '?' };
    let url = format!("{url}{joint}appName={}", database.name);
    let store = MongoDataStore::open_with(&url, database.options()).expect("the URL of the tests");
    for polls in 1..=8 {
        let task = TaskDefinition { max_running_jobs: Some(polls), ..sample::task("send") };
        dropped_after(polls as usize, store.put_tasks(vec![task])).await;

        // A session that is used again would end what was left open in it.
        let mut looks = 0;
        while !left_open(&database).await.is_empty() {
            looks += 1;
            assert!(looks < 1_000, "after {polls} polls: {:?}", left_open(&database).await);
        }
    }
}
