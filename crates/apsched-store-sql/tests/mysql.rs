//! The data store contract, and what holds on every SQL database, on MySQL and MariaDB.
#![cfg(feature = "mysql")]

mod harness;
mod server;

use apsched_testkit::backend::Backend;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use sqlx::{AssertSqlSafe, Connection, Executor, MySqlConnection};

use server::Server;

fn run(url: String, script: String) -> BoxFuture<'static, ()> {
    async move {
        let mut connection = MySqlConnection::connect(&url).await.expect("the test server");
        connection.execute(sqlx::raw_sql(AssertSqlSafe(script))).await.expect("a script of the test");
    }
    .boxed()
}

fn server() -> Server {
    Server::new(Backend::Mysql, run, |hex| format!("x'{hex}'"))
}

mod contract {
    apsched_testkit::data_store_conformance!(super::server());
}

mod sql {
    crate::harness::suite::sql_suite!(super::server());
}

mod transaction {
    use apsched_testkit::backend::Backend;
    use sqlx::MySqlPool;

    crate::harness::transaction::transaction_suite!(MySqlPool, "BEGIN", crate::server(), |_| Backend::Mysql
        .url());
}

mod lock {
    use apsched_testkit::backend::Backend;
    use sqlx::MySqlPool;

    crate::server::lock::lock_suite!(
        MySqlPool,
        crate::server(),
        Backend::Mysql.url(),
        "SELECT COUNT(*) FROM information_schema.innodb_trx JOIN information_schema.processlist ON id = trx_mysql_thread_id
        WHERE trx_state = 'LOCK WAIT' AND info LIKE '%{}jobs%'"
    );
}

mod race {
    use apsched_testkit::backend::Backend;
    use sqlx::MySqlPool;

    crate::server::race::race_suite!(MySqlPool, crate::server(), Backend::Mysql.url());
}
