//! The databases as sites: tables or collections of each test's own, in a file or on the server of the tests.

use std::sync::atomic::{AtomicU32, Ordering};

use apsched_testkit::backend::Backend;
use async_trait::async_trait;
use mongodb::bson::Document;
use mongodb::{Client, Collection};
use sqlx::{AssertSqlSafe, Connection, Executor, MySqlConnection, PgConnection, SqliteConnection};

use super::own_server::OwnServer;
use super::site::{Ground, Site};

pub(crate) struct DatabaseSite {
    backend: Backend,
    /// Where files are kept, until the site is dropped.
    directory: tempfile::TempDir,
}

const TABLES: [&str; 6] = ["meta", "tasks", "schedules", "jobs", "job_payloads", "job_results"];

impl DatabaseSite {
    pub(crate) fn new(backend: Backend) -> Self {
        Self { backend, directory: tempfile::tempdir().expect("a directory for the test") }
    }
}

#[async_trait]
impl Site for DatabaseSite {
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
        if ground.backend == Backend::Mongodb {
            return drop_collections(ground).await;
        }
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

async fn drop_collections(ground: &Ground) {
    for table in TABLES {
        let collection = collection(ground, table).await;
        collection.drop().await.expect("the collections of the test can be dropped");
    }
}

/// What the store keeps under this name, behind its back.
pub(crate) async fn collection(ground: &Ground, name: &str) -> Collection<Document> {
    let client = Client::with_uri_str(&ground.url).await.expect("the URL of the tests");
    // Where the store keeps what it has if nobody names a database.
    let database = client.default_database().unwrap_or_else(|| client.database("apsched"));
    database.collection(&format!("{}{name}", ground.prefix))
}
