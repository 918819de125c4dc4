//! Several runtimes on one store: what becomes of one of them concerns nobody else.

use std::task::Poll;
use std::time::Duration;

use apsched_core::event::EventInterest;
use apsched_core::store::JobFilter;
use apsched_core::trigger::TriggerRegistry;
use apsched_core::{DataStore, Job};
use apsched_store_sql::SqlDataStore;
use apsched_testkit::sample;
use futures_util::FutureExt;
use futures_util::future::join_all;
use tokio::runtime::{Builder, Runtime};

use super::database::Database;
use super::suite::stored;

/// Much longer than any of these calls takes, shorter than a server that does not answer is waited for.
const PATIENCE: Duration = Duration::from_secs(8);

/// Calls at once: more than the pool of a test has connections.
const CALLS: usize = 6;

fn jobs() -> Vec<Job> {
    vec![stored(sample::job().build())]
}

async fn add_jobs(store: &SqlDataStore) {
    let added = join_all((0..CALLS).map(|_| store.add_jobs(jobs(), EventInterest::NONE))).await;
    for done in added {
        done.expect("jobs");
    }
    store.jobs(&JobFilter::default()).await.expect("jobs");
}

/// Lets a runtime of its own add jobs, and at last ask for what it does not wait for; gives the runtime, which stands still then.
fn used_by_another_runtime(store: &SqlDataStore) -> Runtime {
    std::thread::scope(|scope| {
        let used = scope.spawn(|| {
            let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                store.start(&TriggerRegistry::new()).await.expect("the tables are made");
                add_jobs(store).await;
                // Begun, and seldom done at once.
                let _ = store.add_jobs(jobs(), EventInterest::NONE).now_or_never();
            });
            runtime
        });
        used.join().expect("no panic")
    })
}

async fn check_that_all_is_well(store: &SqlDataStore) {
    for _ in 0..CALLS {
        let added = tokio::time::timeout(PATIENCE, add_jobs(store)).await;
        added.expect("nobody waits for a runtime that is not his own");
    }
}

pub(crate) async fn a_runtime_that_stands_still_holds_up_nobody(database: &impl Database) {
    let store = database.store();

    let still = used_by_another_runtime(&store);

    check_that_all_is_well(&store).await;
    still.shutdown_background();
}

pub(crate) async fn a_runtime_that_has_ended_holds_up_nobody(database: &impl Database) {
    let store = database.store();

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

pub(crate) async fn a_start_that_is_dropped_holds_up_nobody(database: &impl Database) {
    let registry = TriggerRegistry::new();
    for polls in 1.. {
        let dropped = database.store();

        let is_dropped = dropped_after(polls, dropped.start(&registry)).await;

        let store = database.store();
        let started = tokio::time::timeout(PATIENCE, store.start(&registry)).await;
        let started =
            started.unwrap_or_else(|_| panic!("after {polls} polls it waits for the one that was dropped"));
        started.unwrap_or_else(|error| panic!("after {polls} polls: {error:?}"));
        let added = tokio::time::timeout(PATIENCE, add_jobs(&store)).await;
        added.unwrap_or_else(|_| panic!("after {polls} polls the one that was dropped has locked something"));
        if is_dropped.is_none() {
            return;
        }
        database.drop_tables().await;
    }
}
