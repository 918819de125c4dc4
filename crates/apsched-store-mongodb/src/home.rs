//! Connections that are made when the store is first used, one for each runtime that uses it.
//!
//! A client belongs to the runtime in which it was made: tasks there watch the servers, open connections, and end what was dropped.
//! Through a client that several runtimes share, one that stands still, or has ended, would hold up the others. So each has a client
//! of its own; when the runtime ends, its client is forgotten.
//!
//! A user's own client is taken as it is.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use apsched_core::store::Strangers;
use tokio::runtime::{Handle, Id};
use tokio::sync::{OnceCell, oneshot};

use crate::connection::{Connection, Source};
use crate::error::Outcome;
use crate::options::MongoOptions;

/// What connections are made of, and those that were made.
pub(crate) struct Homes {
    source: Source,
    options: MongoOptions,
    strangers: Arc<Strangers>,
    /// The one on a client of the user's, for all runtimes.
    given: Arc<Home>,
    made: Arc<Made>,
}

/// The homes that were made, by their runtimes.
#[derive(Default)]
struct Made(Mutex<HashMap<Id, Arc<Home>>>);

/// The connection of one runtime, once there is one.
#[derive(Default)]
struct Home {
    connection: OnceCell<Arc<Connection>>,
    /// Dropped with the home.
    _end: Option<oneshot::Sender<()>>,
}

impl Homes {
    pub(crate) fn new(source: Source, options: MongoOptions, strangers: Arc<Strangers>) -> Self {
        Self { source, options, strangers, given: Arc::default(), made: Arc::default() }
    }

    pub(crate) const fn options(&self) -> &MongoOptions {
        &self.options
    }

    pub(crate) fn strangers(&self) -> &Strangers {
        &self.strangers
    }

    /// The connection for the runtime of the caller, who has one.
    pub(crate) async fn connection(&self) -> Outcome<Arc<Connection>> {
        let home = match self.source {
            Source::Client(_) => self.given.clone(),
            Source::Url(_) => self.made.home(&Handle::current()),
        };
        let open = || Connection::open(&self.source, &self.options, self.strangers.clone());
        home.connection.get_or_try_init(async || open().await.map(Arc::new)).await.cloned()
    }
}

impl Made {
    fn homes(&self) -> MutexGuard<'_, HashMap<Id, Arc<Home>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn home(self: &Arc<Self>, runtime: &Handle) -> Arc<Home> {
        let mut homes = self.homes();
        if let Some(home) = homes.get(&runtime.id()) {
            return home.clone();
        }
        let (end, ended) = oneshot::channel();
        let home = Arc::new(Home { connection: OnceCell::new(), _end: Some(end) });
        homes.insert(runtime.id(), home.clone());
        drop(homes);
        let forget = Forget { made: Arc::downgrade(self), runtime: runtime.id() };
        runtime.spawn(async move {
            let _at_the_end = forget;
            // It never comes: the store is dropped before, or the runtime ends and this with it.
            let _ = ended.await;
        });
        home
    }
}

/// Forgets a runtime's home when it is dropped, as it is by a runtime that ends.
struct Forget {
    made: Weak<Made>,
    runtime: Id,
}

impl Drop for Forget {
    fn drop(&mut self) {
        let forgotten = self.made.upgrade().and_then(|made| made.homes().remove(&self.runtime));
        // Its client is dropped here, where nobody waits for the homes.
        drop(forgotten);
    }
}
