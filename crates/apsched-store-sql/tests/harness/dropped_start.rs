//! A start that nobody waits for any more.

use std::time::Duration;

use apsched_core::event::EventInterest;
use apsched_core::trigger::TriggerRegistry;
use apsched_core::{DataStore, Job};
use apsched_store_sql::SqlDataStore;
use apsched_testkit::fault::dropped_after;
use apsched_testkit::sample;
use futures_util::future::join_all;

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
}

pub(crate) async fn a_start_that_is_dropped_holds_up_nobody(database: &impl Database) {
    let registry = TriggerRegistry::new();
    for polls in 1.. {
        let dropped = database.store();

        let done = dropped_after(polls, dropped.start(&registry)).await;

        let store = database.store();
        let started = tokio::time::timeout(PATIENCE, store.start(&registry)).await;
        let started =
            started.unwrap_or_else(|_| panic!("after {polls} polls it waits for the one that was dropped"));
        started.unwrap_or_else(|error| panic!("after {polls} polls: {error:?}"));
        let added = tokio::time::timeout(PATIENCE, add_jobs(&store)).await;
        added.unwrap_or_else(|_| panic!("after {polls} polls the one that was dropped has locked something"));
        if done.is_some() {
            return;
        }
        database.drop_tables().await;
    }
}
