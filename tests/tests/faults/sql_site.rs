//! The SQL databases as sites: tables of each test's own, in a file or on the server of the tests.

use std::sync::atomic::{AtomicU32, Ordering};

use apsched_testkit::backend::Backend;
use async_trait::async_trait;
use sqlx::{AssertSqlSafe, Connection, Executor, MySqlConnection, PgConnection};

use super::own_server::OwnServer;
use super::site::{Ground, Site};

pub(crate) struct SqlSite {
    backend: Backend,
    /// Where files are kept, until the site is dropped.
    directory: tempfile::TempDir,
}

const TABLES: [&str; 6] = ["meta", "tasks", "schedules", "jobs", "job_payloads", "job_results"];

impl SqlSite {
    pub(crate) fn new(backend: Backend) -> Self {
        Self { backend, directory: tempfile::tempdir().expect("a directory for the test") }
    }
}

#[async_trait]
impl Site for SqlSite {
    fn name(&self) -> &'static str {
        self.backend.as_str()
    }

    fn missing(&self) -> Option<String> {
        self.backend.missing()
    }

    fn ground(&self) -> Ground {
        static GROUNDS: AtomicU32 = AtomicU32::new(0);
        let number = GROUNDS.fetch_add(1, Ordering::Relaxed);
        let prefix = format!("f{}_{number}_", std::process::id());
        let (url, server) = match self.backend.server() {
            Some(_) => (self.backend.url(), Some(self.backend.address())),
            None => (format!("sqlite:{}/{prefix}.db", self.directory.path().display()), None),
        };
        Ground { url, prefix, has_clock: server.is_some(), server }
    }

    fn own_server(&self) -> Result<OwnServer, String> {
        OwnServer::of(self.backend)
    }

    async fn clear(&self, ground: &Ground) {
        let drops = TABLES.map(|table| format!("DROP TABLE IF EXISTS {}{table};", ground.prefix)).join(" ");
        let drops = sqlx::raw_sql(AssertSqlSafe(drops));
        let dropped = match self.backend {
            Backend::Postgres => match PgConnection::connect(&ground.url).await {
                Ok(mut connection) => connection.execute(drops).await.map(drop),
                Err(error) => Err(error),
            },
            Backend::Mysql => match MySqlConnection::connect(&ground.url).await {
                Ok(mut connection) => connection.execute(drops).await.map(drop),
                Err(error) => Err(error),
            },
            // The file goes with its directory.
            _ => Ok(()),
        };
        dropped.expect("the tables of the test can be dropped");
    }
}
