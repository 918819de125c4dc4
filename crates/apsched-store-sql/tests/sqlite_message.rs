//! What a user reads when SQLite cannot be used: what, where, and what to do.
#![cfg(feature = "sqlite")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use apsched_core::event::EventInterest;
use apsched_core::store::StoreTransaction;
use apsched_core::trigger::TriggerRegistry;
use apsched_core::{DataStore, ErrorChain, StoreError};
use apsched_store_sql::SqlDataStore;
use apsched_testkit::sample;
use sqlx::Executor;
use sqlx::sqlite::SqlitePoolOptions;

/// A directory of a test's own, removed at its end.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("apsched-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a directory below the temporary one");
        Self(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // What cannot be removed is left to the system.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn url(file: &Path) -> String {
    format!("sqlite:{}", file.display())
}

/// The error as a user reads it, with its causes.
fn told(error: &StoreError) -> String {
    ErrorChain::of(error).to_string()
}

async fn refusal(url: &str) -> String {
    told(&SqlDataStore::connect(url).await.expect_err("it cannot be used"))
}

#[tokio::test]
async fn a_file_in_a_directory_that_is_not_there_is_told_with_the_directory() {
    let directory = Directory::new("nowhere");
    let file = directory.file("nowhere/jobs.db");
    assert_eq!(
        refusal(&url(&file)).await,
        format!(
            "connect to the SQL store: SQLite file {} says: unable to open database file: there is no directory {}",
            file.display(),
            directory.file("nowhere").display()
        )
    );
}

#[tokio::test]
async fn a_directory_in_place_of_a_file_is_told() {
    let directory = Directory::new("directory");
    let path = directory.0.display();
    assert_eq!(
        refusal(&url(&directory.0)).await,
        format!(
            "connect to the SQL store: SQLite file {path} says: unable to open database file: it is a directory"
        )
    );
}

#[tokio::test]
async fn a_file_that_is_no_database_is_told_by_name() {
    let directory = Directory::new("text");
    let file = directory.file("text.db");
    std::fs::write(&file, "Not a database, but a text that is longer than the header of one. ".repeat(4))
        .expect("a file");
    assert_eq!(
        refusal(&url(&file)).await,
        format!("connect to the SQL store: SQLite file {} says: file is not a database", file.display())
    );
}

#[tokio::test]
async fn a_file_that_may_only_be_read_is_told_by_name() {
    let directory = Directory::new("readonly");
    let file = directory.file("jobs.db");
    let store = SqlDataStore::connect(&url(&file)).await.expect("a file");
    store.start(&TriggerRegistry::new()).await.expect("tables");
    let store = SqlDataStore::connect(&format!("{}?mode=ro", url(&file))).await.expect("it can be read");
    store.start(&TriggerRegistry::new()).await.expect("the tables are there");
    let error = store.cleanup(chrono::DateTime::UNIX_EPOCH).await.expect_err("nothing can be written");
    assert_eq!(
        told(&error),
        format!("store.cleanup: SQLite file {} says: attempt to write a readonly database", file.display())
    );
}

#[tokio::test]
async fn a_mistake_in_the_url_is_told_as_one() {
    assert_eq!(
        refusal("sqlite:jobs.db?jornal=wal").await,
        "connect to the SQL store: URL of the data store: unknown query parameter `jornal` while parsing connection URL"
    );
}

#[tokio::test]
async fn a_pool_whose_connections_are_all_in_use_is_told_so() {
    let pool = SqlitePoolOptions::new().max_connections(1).acquire_timeout(Duration::from_millis(20));
    let pool = pool.connect("sqlite::memory:").await.expect("memory");
    let held = pool.acquire().await.expect("the one connection");
    let store = SqlDataStore::from_pool(pool);
    let error = store.start(&TriggerRegistry::new()).await.expect_err("no connection is free");
    assert!(error.is_transient());
    assert_eq!(
        told(&error),
        "store.start: the data store is unavailable: SQLite in memory: no connection became free within 20ms, all 1 are in use"
    );
    drop(held);
}

#[tokio::test]
async fn a_transaction_that_began_to_read_before_another_wrote_is_told_how_to_begin() {
    let directory = Directory::new("deferred");
    let file = directory.file("jobs.db");
    let store = SqlDataStore::connect(&url(&file)).await.expect("a file");
    store.start(&TriggerRegistry::new()).await.expect("tables");
    let pool = SqlitePoolOptions::new().connect(&url(&file)).await.expect("the file");
    let mut transaction = pool.begin().await.expect("a transaction");
    transaction.execute("SELECT COUNT(*) FROM apsched_jobs").await.expect("a look");
    let job = sample::job().build();
    store.add_jobs(vec![job.clone()], EventInterest::NONE).await.expect("another writes");

    let mut within = store.within(&mut *transaction).expect("the same database");
    let error = within.add_jobs(vec![job], EventInterest::NONE).await.expect_err("what it has read is old");
    assert!(error.is_transient());
    assert_eq!(
        told(&error),
        format!(
            "store.add_jobs: the data store is unavailable: SQLite file {} says: database is locked: another \
             transaction has written since this one began to read; begin it with BEGIN IMMEDIATE",
            file.display()
        )
    );
}

#[test]
fn a_store_is_opened_outside_of_a_runtime() {
    let store = SqlDataStore::open("sqlite::memory:").expect("a URL");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        store.start(&TriggerRegistry::new()).await.expect("tables");
        assert_eq!(store.tasks().await.expect("an answer"), []);
    });
}
