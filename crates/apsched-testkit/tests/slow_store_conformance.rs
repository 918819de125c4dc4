//! The data store suite holds on a store that takes its time: every call gives way to others first.

use std::sync::Arc;

use apsched_core::{DataStore, MemoryStore};
use apsched_testkit::conformance::store::StoreHarness;
use apsched_testkit::fault::{Faulty, RandomFaults};

struct Slow(MemoryStore);

#[async_trait::async_trait]
impl StoreHarness for Slow {
    async fn open(&self) -> Arc<dyn DataStore> {
        Arc::new(Faulty::new(Arc::new(self.0.clone()), RandomFaults::seeded(1).delay(0.9)))
    }
}

apsched_testkit::data_store_conformance!(Slow(MemoryStore::new()));
