//! A SQL server as the suites see it: tables of its own for each case, dropped at the case's end.

pub(crate) mod lock;
pub(crate) mod race;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use apsched_core::DataStore;
use apsched_store_sql::{SqlDataStore, SqlOptions};
use apsched_testkit::backend::Backend;
use apsched_testkit::conformance::Support;
use apsched_testkit::conformance::store::{StoreCapabilities, StoreHarness, StoredRow};
use async_trait::async_trait;
use futures_util::future::BoxFuture;

use crate::harness::database::Database;
use crate::harness::spoil::spoiling;

/// Runs a script at a URL.
pub(crate) type Run = fn(url: String, script: String) -> BoxFuture<'static, ()>;

/// Tables of one case, on a server that other cases use too.
pub(crate) struct Server {
    backend: Backend,
    run: Run,
    /// How the database writes sixteen bytes, given as hexadecimal digits.
    pub(crate) job_id: fn(&str) -> String,
    pub(crate) prefix: String,
}

static CASES: AtomicU32 = AtomicU32::new(0);

impl Server {
    pub(crate) fn new(backend: Backend, run: Run, job_id: fn(&str) -> String) -> Self {
        let case = CASES.fetch_add(1, Ordering::Relaxed);
        Self { backend, run, job_id, prefix: format!("t{}_{case}_", std::process::id()) }
    }
}

#[async_trait]
impl Database for Server {
    fn store_with(&self, options: SqlOptions) -> SqlDataStore {
        SqlDataStore::open_with(&self.backend.url(), options).expect("the address of the test server")
    }

    fn options(&self) -> SqlOptions {
        SqlOptions::new().table_prefix(&self.prefix).max_connections(4)
    }

    async fn run(&self, script: &str) {
        (self.run)(self.backend.url(), script.replace("{}", &self.prefix)).await;
    }

    fn missing(&self) -> Option<String> {
        self.backend.missing()
    }
}

impl Drop for Server {
    /// In a thread of its own, as a case drops it within its runtime.
    fn drop(&mut self) {
        if self.backend.missing().is_some() {
            return;
        }
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.expect("a runtime").block_on(self.drop_tables());
            });
        });
    }
}

#[async_trait]
impl StoreHarness for Server {
    async fn open(&self) -> Arc<dyn DataStore> {
        Arc::new(self.store())
    }

    fn capabilities(&self) -> StoreCapabilities {
        StoreCapabilities { server_time: Support::Yes, unreadable_rows: Support::Yes }
    }

    async fn spoil(&self, row: StoredRow<'_>) {
        self.run(&spoiling(row, self.job_id)).await;
    }

    fn missing(&self) -> Option<String> {
        Database::missing(self)
    }
}
