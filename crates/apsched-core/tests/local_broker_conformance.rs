//! The broker of a single process keeps the event broker contract.

use std::sync::Arc;

use apsched_core::broker::{EventBroker, LocalBroker};
use apsched_testkit::conformance::broker::BrokerHarness;

struct Local;

#[async_trait::async_trait]
impl BrokerHarness for Local {
    async fn open(&self) -> Arc<dyn EventBroker> {
        Arc::new(LocalBroker::new())
    }
}

apsched_testkit::event_broker_conformance!(Local);
