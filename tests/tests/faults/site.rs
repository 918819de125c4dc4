//! Where a test takes place: a data store that several processes share, empty at first.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use apsched::store::DataStore;
use apsched_testkit::backend::{Address, Backend};
use async_trait::async_trait;

use super::own_server::OwnServer;

/// A kind of data store.
#[async_trait]
pub(crate) trait Site: Send + Sync {
    /// Its name in reports.
    fn name(&self) -> &'static str;

    /// Why its tests cannot run. `None`: they can.
    fn missing(&self) -> Option<String>;

    /// An empty place on it.
    fn ground(&self) -> Ground;

    /// A server of the test's own, which may be killed.
    ///
    /// # Errors
    /// What this machine lacks, or that the store has no server.
    fn own_server(&self) -> Result<OwnServer, String>;

    /// Removes all that stands at a place.
    async fn clear(&self, ground: &Ground);
}

/// An empty place for the tables of one test.
#[derive(Clone, Debug)]
pub(crate) struct Ground {
    /// What keeps the data.
    pub(crate) backend: Backend,
    /// URL of the data store.
    pub(crate) url: String,
    /// What the names of the tables begin with.
    pub(crate) prefix: String,
    /// Where its server listens. `None`: it has none.
    pub(crate) server: Option<Address>,
    /// Whether it tells the time, so that processes whose clocks differ agree.
    pub(crate) has_clock: bool,
}

impl Ground {
    /// The store, as another process sees it.
    pub(crate) fn open(&self) -> Arc<dyn DataStore> {
        let patience = Duration::from_secs(10);
        apsched_tests::open_store(&self.url, &self.prefix, 4, patience)
            .expect("the address of the test's store")
    }

    /// The same place behind another address.
    pub(crate) fn through(&self, address: SocketAddr) -> Self {
        let server = self.server.as_ref().expect("the store has a server").to_string();
        let url = self.url.replacen(&server, &address.to_string(), 1);
        assert_ne!(url, self.url, "the URL names its server as {server}");
        Self { url, ..self.clone() }
    }
}
