//! What the tests below the contract need of a database, whichever it is.

use apsched_store_sql::{SqlDataStore, SqlOptions};
use async_trait::async_trait;

const TABLES: [&str; 6] = ["meta", "tasks", "schedules", "jobs", "job_payloads", "job_results"];

/// Tables of one test.
#[async_trait]
pub(crate) trait Database: Send + Sync {
    /// Another handle on the tables, with connections of its own.
    fn store_with(&self, options: SqlOptions) -> SqlDataStore;

    /// Options that name the tables.
    fn options(&self) -> SqlOptions;

    /// Runs a script behind the back of the store; `{}` stands for the prefix of the tables.
    async fn run(&self, script: &str);

    /// What this machine lacks to run the test.
    fn missing(&self) -> Option<String>;

    /// Removes the tables that are there.
    async fn drop_tables(&self) {
        let drops = TABLES.map(|table| format!("DROP TABLE IF EXISTS {{}}{table};"));
        self.run(&drops.join(" ")).await;
    }

    fn store(&self) -> SqlDataStore {
        self.store_with(self.options())
    }
}
