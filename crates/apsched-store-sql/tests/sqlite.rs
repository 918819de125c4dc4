//! The data store contract on SQLite: in a file, and in memory.
#![cfg(feature = "sqlite")]

mod harness;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use apsched_core::DataStore;
use apsched_store_sql::{SqlDataStore, SqlOptions};
use apsched_testkit::conformance::Support;
use apsched_testkit::conformance::store::{StoreCapabilities, StoreHarness, StoredRow};
use async_trait::async_trait;
use harness::database::Database;
use sqlx::sqlite::SqlitePool;
use sqlx::{AssertSqlSafe, Connection, Executor, SqliteConnection};

fn spoiling(row: StoredRow<'_>) -> String {
    harness::spoil::spoiling(row, |hex| format!("x'{hex}'")).replace("{}", "apsched_")
}

const CAPABILITIES: StoreCapabilities =
    StoreCapabilities { server_time: Support::No, unreadable_rows: Support::Yes };

/// A file of its own for each case; every handle has connections of its own, as another process would.
struct File(PathBuf);

static CASES: AtomicU32 = AtomicU32::new(0);

impl File {
    fn new() -> Self {
        let case = CASES.fetch_add(1, Ordering::Relaxed);
        let name = format!("apsched-{}-{case}.db", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    fn url(&self) -> String {
        format!("sqlite://{}?mode=rwc", self.0.display())
    }
}

impl Drop for File {
    fn drop(&mut self) {
        for suffix in ["", "-wal", "-shm"] {
            // Not there: the case made none.
            let _ = std::fs::remove_file(format!("{}{suffix}", self.0.display()));
        }
    }
}

#[async_trait]
impl StoreHarness for File {
    async fn open(&self) -> Arc<dyn DataStore> {
        Arc::new(SqlDataStore::open(&self.url()).expect("a file"))
    }

    fn capabilities(&self) -> StoreCapabilities {
        CAPABILITIES
    }

    async fn spoil(&self, row: StoredRow<'_>) {
        self.run(&harness::spoil::spoiling(row, |hex| format!("x'{hex}'"))).await;
    }
}

#[async_trait]
impl Database for File {
    fn store_with(&self, options: SqlOptions) -> SqlDataStore {
        SqlDataStore::open_with(&self.url(), options).expect("a file")
    }

    fn options(&self) -> SqlOptions {
        SqlOptions::new()
    }

    async fn run(&self, script: &str) {
        let mut connection = SqliteConnection::connect(&self.url()).await.expect("the file");
        let script = AssertSqlSafe(script.replace("{}", "apsched_"));
        connection.execute(sqlx::raw_sql(script)).await.expect("a script of the test");
    }

    fn missing(&self) -> Option<String> {
        None
    }
}

mod sql {
    crate::harness::suite::sql_suite!(super::File::new());
}

/// The other databases keep no such text.
#[test]
fn text_that_is_no_utf_8_harms_its_own_row_alone() {
    use apsched_core::event::EventInterest;
    use apsched_core::trigger::TriggerRegistry;
    use apsched_testkit::sample;

    apsched_testkit::conformance::block_on(async {
        let file = File::new();
        let store = file.store();
        store.start(&TriggerRegistry::new()).await.expect("the tables are made");
        store.put_tasks(vec![sample::task("send")]).await.expect("a task");
        for column in ["settings", "progress", "schedule_id", "payload_serializer"] {
            let [strange, whole] = [(); 2].map(|()| harness::suite::stored(sample::job().build()));
            store.add_jobs(vec![strange], EventInterest::NONE).await.expect("a job");
            file.run(&format!("UPDATE {{}}jobs SET {column} = CAST(x'ff' AS TEXT) WHERE state = 'queued';"))
                .await;
            store.add_jobs(vec![whole.clone()], EventInterest::NONE).await.expect("another job");

            let acquired = store.acquire_jobs(harness::suite::acquisition(9)).await;

            let (acquired, events) = acquired.unwrap_or_else(|error| panic!("{column}: {error:?}"));
            assert_eq!(acquired.iter().map(|job| job.id).collect::<Vec<_>>(), [whole.id], "{column}");
            assert_eq!(events.len(), 2, "one is put aside, one acquired: {events:?}");
        }
    });
}

/// In the other databases an id is text of some kind.
#[test]
fn a_schedule_whose_id_is_no_text_is_put_aside_alone() {
    use apsched_core::store::AcquireSchedules;
    use apsched_core::trigger::TriggerRegistry;
    use apsched_core::{ConflictPolicy, ScheduleState};
    use apsched_testkit::sample::{self, at, schedule_id, seconds};

    apsched_testkit::conformance::block_on(async {
        let file = File::new();
        let store = file.store();
        store.start(&TriggerRegistry::new()).await.expect("the tables are made");
        for id in ["?", "strange"] {
            let schedule = harness::suite::stored_schedule(id);
            store.add_schedule(schedule, ConflictPolicy::Error).await.expect("a schedule");
        }
        file.run("UPDATE {}schedules SET id = x'ff', next_fire_time = 0 WHERE id = 'strange';").await;
        let scheduler_id = sample::scheduler_id("a");
        let request = || AcquireSchedules {
            scheduler_id: scheduler_id.clone(),
            now: at(10),
            lease: seconds(30),
            limit: 1,
        };

        let (first, _) = store.acquire_schedules(request()).await.expect("an answer");
        let (second, _) = store.acquire_schedules(request()).await.expect("an answer");

        assert!(first.is_empty(), "the one that is no text comes first: {first:?}");
        let ids: Vec<_> = second.iter().map(|acquired| acquired.schedule.id.as_str()).collect();
        assert_eq!(ids, ["?"], "it is put aside, and stands in nobody's way");
        let innocent = store.schedule(&schedule_id("?")).await.expect("an answer").expect("it is there");
        assert_eq!(innocent.state, ScheduleState::Active);
    });
}

mod file {
    apsched_testkit::data_store_conformance!(super::File::new());
}

/// A database in memory lives in one connection, so its handles share a pool.
struct Memory(SqlitePool);

impl Memory {
    fn new() -> Self {
        let pool =
            sqlx::sqlite::SqlitePoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
        Self(pool.connect_lazy("sqlite::memory:").expect("memory"))
    }
}

#[async_trait]
impl StoreHarness for Memory {
    async fn open(&self) -> Arc<dyn DataStore> {
        Arc::new(SqlDataStore::from_pool(self.0.clone()))
    }

    fn capabilities(&self) -> StoreCapabilities {
        CAPABILITIES
    }

    async fn spoil(&self, row: StoredRow<'_>) {
        self.0.execute(sqlx::raw_sql(AssertSqlSafe(spoiling(row)))).await.expect("a script of the test");
    }
}

mod memory {
    apsched_testkit::data_store_conformance!(super::Memory::new());
}

mod transaction {
    use sqlx::SqlitePool;

    use super::File;

    crate::harness::transaction::transaction_suite!(SqlitePool, "BEGIN IMMEDIATE", File::new(), File::url);
}
