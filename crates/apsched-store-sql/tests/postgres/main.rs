//! The data store contract, and what holds on every SQL database, on PostgreSQL.
#![cfg(feature = "postgres")]

#[path = "../harness/mod.rs"]
mod harness;
mod plan;
#[path = "../server/mod.rs"]
mod server;
mod wakeup;

use apsched_testkit::backend::Backend;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use server::Server;

fn run(url: String, script: String) -> BoxFuture<'static, ()> {
    async move {
        let mut connection = PgConnection::connect(&url).await.expect("the test server");
        connection.execute(sqlx::raw_sql(AssertSqlSafe(script))).await.expect("a script of the test");
    }
    .boxed()
}

fn server() -> Server {
    Server::new(Backend::Postgres, run, |hex| format!("'{hex}'"))
}

mod contract {
    apsched_testkit::data_store_conformance!(super::server());
}

mod sql {
    crate::harness::suite::sql_suite!(super::server());
}

mod transaction {
    use apsched_testkit::backend::Backend;
    use sqlx::PgPool;

    crate::harness::transaction::transaction_suite!(PgPool, "BEGIN", crate::server(), |_| Backend::Postgres
        .url());
}

mod lock {
    use apsched_testkit::backend::Backend;
    use sqlx::PgPool;

    crate::server::lock::lock_suite!(
        PgPool,
        crate::server(),
        Backend::Postgres.url(),
        "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%{}jobs%'"
    );
}

mod race {
    use apsched_testkit::backend::Backend;
    use sqlx::PgPool;

    crate::server::race::race_suite!(PgPool, crate::server(), Backend::Postgres.url());
}
