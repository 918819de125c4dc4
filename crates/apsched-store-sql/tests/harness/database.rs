//! What the tests below the contract need of a database, whichever it is.

use apsched_store_sql::{SqlDataStore, SqlOptions};
use async_trait::async_trait;

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

    fn store(&self) -> SqlDataStore {
        self.store_with(self.options())
    }
}
