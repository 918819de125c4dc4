//! What a user reads when PostgreSQL cannot be used: what, where, and what to do.
#![cfg(feature = "postgres")]

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use apsched_core::trigger::TriggerRegistry;
use apsched_core::{DataStore, ErrorChain, StoreError};
use apsched_store_sql::{SqlDataStore, SqlOptions};
use apsched_testkit::backend::Backend;
use apsched_testkit::report_skipped;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

/// The error as a user reads it, with its causes.
fn told(error: &StoreError) -> String {
    ErrorChain::of(error).to_string()
}

/// A port of this machine at which nobody listens.
fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    listener.local_addr().expect("its number").port()
}

fn impatient() -> SqlOptions {
    SqlOptions::new().acquire_timeout(Duration::from_millis(100))
}

#[tokio::test]
async fn nobody_who_listens_is_told_at_once_with_the_address() {
    let port = free_port();
    // The timeout of an operation, ten seconds, is not waited for.
    let url = format!("postgres://ada:secret@127.0.0.1:{port}/jobs");
    let connected = tokio::time::timeout(Duration::from_secs(5), SqlDataStore::connect(&url)).await;
    let connected = connected.expect("at once");
    let error = connected.expect_err("nobody listens");
    assert!(error.is_transient());
    let expected = format!(
        "connect to the SQL store: the data store is unavailable: PostgreSQL at 127.0.0.1:{port}: Connection refused"
    );
    assert!(told(&error).starts_with(&expected), "{}", told(&error));
}

#[tokio::test]
async fn an_operation_that_finds_nobody_tells_for_how_long_it_has_tried() {
    let port = free_port();
    let url = format!("postgres://ada:secret@127.0.0.1:{port}/jobs");
    let store = SqlDataStore::open_with(&url, impatient()).expect("a URL");
    let error = store.tasks().await.expect_err("nobody listens");
    assert!(error.is_transient());
    assert_eq!(
        told(&error),
        format!(
            "store.tasks: the data store is unavailable: PostgreSQL at 127.0.0.1:{port}: no connection within 100ms: it does not answer"
        )
    );
}

#[tokio::test]
async fn a_password_that_breaks_the_url_is_not_repeated() {
    for url in ["postgres://ada:p@ss/word@127.0.0.1/jobs", "postgres://ada:pass#word@127.0.0.1/jobs"] {
        let error = SqlDataStore::connect(url).await.expect_err("it is no URL");
        assert_eq!(
            told(&error),
            "connect to the SQL store: URL of the data store: found an \"@\" behind the host; in a user or password write \"/\" as %2F, \
             \"#\" as %23 and \"@\" as %40"
        );
    }
}

/// A role without rights and a schema, of one test, dropped at its end.
struct Poor(String);

impl Poor {
    async fn new(name: &str) -> Self {
        let poor = Self(format!("apsched_{name}_{}", std::process::id()));
        poor.run("CREATE ROLE {} LOGIN; CREATE SCHEMA {};").await;
        poor
    }

    /// As the owner of the server; `{}` stands for the name of role and schema.
    async fn run(&self, script: &str) {
        let mut owner = PgConnection::connect(&Backend::Postgres.url()).await.expect("the test server");
        owner.execute(sqlx::raw_sql(AssertSqlSafe(script.replace("{}", &self.0)))).await.expect("a script");
    }

    /// A store of the owner's, or of the role's.
    fn store(&self, url: &str) -> SqlDataStore {
        SqlDataStore::open_with(url, SqlOptions::new().schema(&self.0))
            .expect("the address of the test server")
    }

    fn url(&self) -> String {
        let url = Backend::Postgres.url();
        let (scheme, rest) = url.split_once("://").expect("a URL");
        let host = rest.split_once('@').map_or(rest, |(_, host)| host);
        format!("{scheme}://{}@{host}", self.0)
    }

    async fn remove(self) {
        self.run("DROP SCHEMA {} CASCADE; DROP ROLE {};").await;
    }
}

#[tokio::test]
async fn tables_that_are_there_and_may_not_be_read_are_not_taken_for_missing() {
    if let Some(why) = Backend::Postgres.missing() {
        return report_skipped("tables_that_are_there_and_may_not_be_read_are_not_taken_for_missing", &why);
    }
    let poor = Poor::new("blind").await;
    poor.store(&Backend::Postgres.url()).start(&TriggerRegistry::new()).await.expect("tables");

    let error = poor.store(&poor.url()).start(&TriggerRegistry::new()).await.expect_err("it has no rights");
    let (told, expected) = (told(&error), format!(" says: permission denied for schema {}", poor.0));
    poor.remove().await;
    assert!(told.ends_with(&expected), "{told}");
}

#[tokio::test]
async fn a_schema_that_is_there_is_not_made_so_that_its_owner_needs_no_right_to() {
    if let Some(why) = Backend::Postgres.missing() {
        return report_skipped(
            "a_schema_that_is_there_is_not_made_so_that_its_owner_needs_no_right_to",
            &why,
        );
    }
    let poor = Poor::new("owner").await;
    poor.run("ALTER SCHEMA {} OWNER TO {};").await;

    let store = poor.store(&poor.url());
    let started = store.start(&TriggerRegistry::new()).await;
    poor.remove().await;
    started.expect("it owns the schema");
}
