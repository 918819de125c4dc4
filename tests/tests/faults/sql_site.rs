//! The SQL databases as sites: tables of each test's own, in a file or on the server of the tests.

use std::sync::atomic::{AtomicU32, Ordering};

use apsched_testkit::backend::Backend;
use async_trait::async_trait;
use sqlx::{AssertSqlSafe, Connection, Executor, MySqlConnection, PgConnection, SqliteConnection};

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
        Ground { backend: self.backend, url, prefix, has_clock: server.is_some(), server }
    }

    fn own_server(&self) -> Result<OwnServer, String> {
        OwnServer::of(self.backend)
    }

    async fn clear(&self, ground: &Ground) {
        // A file goes with its directory.
        if ground.server.is_some() {
            let drops = TABLES.map(|table| format!("DROP TABLE IF EXISTS {{}}{table};"));
            run_script(ground, &drops.join(" ")).await;
        }
    }
}

/// Runs a script behind the back of the store; `{}` stands for the prefix of the tables.
pub(crate) async fn run_script(ground: &Ground, script: &str) {
    let script = sqlx::raw_sql(AssertSqlSafe(script.replace("{}", &ground.prefix)));
    let run = async {
        match ground.backend {
            Backend::Postgres => PgConnection::connect(&ground.url).await?.execute(script).await.map(drop),
            Backend::Mysql => MySqlConnection::connect(&ground.url).await?.execute(script).await.map(drop),
            _ => SqliteConnection::connect(&ground.url).await?.execute(script).await.map(drop),
        }
    };
    run.await.expect("a script of the test");
}
