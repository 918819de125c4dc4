//! The store in memory keeps the data store contract.

use std::sync::Arc;

use apsched_core::{DataStore, MemoryStore};
use apsched_testkit::conformance::store::StoreHarness;

/// One store; every process of a case is another clone of it.
struct InMemory(MemoryStore);

#[async_trait::async_trait]
impl StoreHarness for InMemory {
    async fn open(&self) -> Arc<dyn DataStore> {
        Arc::new(self.0.clone())
    }
}

apsched_testkit::data_store_conformance!(InMemory(MemoryStore::new()));
