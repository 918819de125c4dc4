//! The SQL data store of apsched: SQLite, PostgreSQL, MySQL and MariaDB.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # #[cfg(feature = "sqlite")] {
//! use apsched_store_sql::SqlDataStore;
//!
//! let store = SqlDataStore::connect("sqlite::memory:").await?;
//! assert!(format!("{store:?}").contains("SQLite"));
//! # }
//! # Ok(())
//! # }
//! ```
//!
//! | what a reader looks for | file |
//! |---|---|
//! | the tables | `migration/`, run by `schema.rs` |
//! | the statements | `sql/`, made for a database by `statement.rs` and `dialect/` |
//! | what happens between statements | `operation/`, which calls the rules of core |
//! | who may write at once | below; SQLite's one writer: `writer.rs` |
//! | which errors may pass | `error.rs` |
//!
//! # Who locks what
//!
//! | operation | locks | passes over what others have locked |
//! |---|---|---|
//! | acquire jobs | the rows of tasks with a limit, in order of id; then the chosen jobs | jobs |
//! | acquire schedules | the chosen schedules | schedules |
//! | release jobs, prolong leases | the jobs, by id, token and holder | |
//! | release schedules | the schedules, in order of id; the jobs that are replaced | |
//! | recover | the orphaned and the missed jobs | jobs |
//! | add, change, remove a schedule | the schedule; its jobs if they are cancelled | |
//!
//! On SQLite there is one lock, on the file, and one thread that takes it for all callers of a store.

#[cfg(not(any(feature = "sqlite", feature = "postgres", feature = "mysql")))]
compile_error!("enable a database of apsched-store-sql: the feature `sqlite`, `postgres` or `mysql`");

mod dialect;
mod endpoint;
mod error;
mod lazy_pool;
mod lent;
mod operation;
mod options;
mod packed;
mod pool;
#[cfg(all(test, feature = "sqlite"))]
mod query_plan;
mod row;
mod schema;
mod session;
mod statement;
mod store;
mod strangers;
mod transaction;
mod url;
mod value;
#[cfg(feature = "sqlite")]
mod writer;

pub use options::{Durability, SqlOptions};
pub use pool::SqlPool;
pub use schema::SqlMigration;
pub use store::SqlDataStore;
pub use transaction::{SqlConnection, SqlTransaction};
