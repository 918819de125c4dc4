//! Who calls the store for a user. A store that waits before it tries again
//! ([`Retrying`](crate::store::Retrying)) goes by its caller's clock, and tells it of every try in vain.
//!
//! A scheduler knows its store only as a `DataStore`, and a store no scheduler at all, whatever wrappers stand between
//! them. So the caller is known for the length of a call, to whoever is called.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::clock::{Clock, Sleep, SystemClock};
use super::shared::Shared;
use crate::event::Health;
use crate::store::{StoreError, StoreResult};

tokio::task_local! {
    static CALLER: Arc<Shared>;
}

impl Shared {
    /// Asks the store for a user, and learns from its answers whether it is there.
    pub(super) async fn ask<T>(
        self: &Arc<Self>,
        call: impl Future<Output = StoreResult<T>>,
    ) -> StoreResult<T> {
        let answer = CALLER.scope(self.clone(), call).await;
        match &answer {
            Ok(_) => self.learn(Health::Healthy),
            Err(error) if error.is_transient() => self.learn_failure(error),
            // That is an answer, too; whether work can go on, the loop's own calls tell.
            Err(_) => {}
        }
        answer
    }
}

/// The scheduler that makes the call under way; nobody, when the store was called by itself.
#[derive(Clone, Debug)]
pub(crate) struct Caller(Option<Arc<Shared>>);

impl Caller {
    /// Who makes the call that this code is part of.
    pub(crate) fn current() -> Self {
        Self(CALLER.try_with(Arc::clone).ok())
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock().now()
    }

    /// Ends when it is `at`, or a little earlier.
    pub(crate) fn sleep_until(&self, at: DateTime<Utc>) -> Sleep {
        self.clock().sleep_until(at)
    }

    /// A number in `[0, 1)`.
    pub(crate) fn random(&self) -> f64 {
        match &self.0 {
            Some(shared) => fastrand::Rng::with_seed(shared.random_seed()).f64(),
            None => fastrand::f64(),
        }
    }

    /// A try failed; the next is to be made then.
    pub(crate) fn tried_in_vain(&self, error: &StoreError, next: DateTime<Utc>) {
        match &self.0 {
            Some(shared) => {
                tracing::debug!(%error, %next, "the data store does not answer a user; it is tried again");
                shared.learn_failure(error);
            }
            None => tracing::warn!(%error, %next, "the data store does not answer; it is tried again"),
        }
    }

    fn clock(&self) -> &dyn Clock {
        match &self.0 {
            Some(shared) => &shared.clock,
            None => &SystemClock,
        }
    }
}
