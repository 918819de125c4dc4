//! The data store at a URL.

use std::sync::Arc;
use std::time::Duration;

use apsched::store::{DataStore, MongoDataStore, MongoOptions, SqlDataStore, SqlOptions, StoreError};

/// The store at `url`, in tables or collections whose names begin with `prefix`.
///
/// # Errors
/// As the store's own constructor.
pub fn open_store(
    url: &str,
    prefix: &str,
    most_connections: u32,
    acquire_timeout: Duration,
) -> Result<Arc<dyn DataStore>, StoreError> {
    if url.starts_with("mongodb") {
        let options = MongoOptions::new().collection_prefix(prefix).operation_timeout(acquire_timeout);
        return Ok(Arc::new(MongoDataStore::open_with(url, options)?));
    }
    let options = SqlOptions::new().table_prefix(prefix).max_connections(most_connections);
    Ok(Arc::new(SqlDataStore::open_with(url, options.acquire_timeout(acquire_timeout))?))
}
