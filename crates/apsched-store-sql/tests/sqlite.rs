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
