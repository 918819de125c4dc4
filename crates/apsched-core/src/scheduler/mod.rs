//! The scheduler: drives the engine with a clock, a store, a broker and handlers.

mod clock;
mod context;
pub mod handler;
mod stop_signal;

use std::sync::Arc;

use chrono::{DateTime, Utc};

pub use clock::{Clock, Sleep, SystemClock};
pub use context::{JobContext, current_job, current_scheduler};
pub use stop_signal::StopReason;

use crate::job::Progress;
use crate::serializer::Serializers;
use crate::store::{HeldJob, StoreError};

/// A task scheduler and job queue; a cheap handle, cloned freely.
#[derive(Clone, Debug)]
pub struct Scheduler {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    clock: Arc<dyn Clock>,
    serializers: Serializers,
}

impl Scheduler {
    /// A scheduler that does nothing, for tests of what needs one.
    #[cfg(test)]
    pub(crate) fn for_test() -> Self {
        Self { shared: Arc::new(Shared { clock: Arc::new(SystemClock), serializers: Serializers::default() }) }
    }

    /// The scheduler's time.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.shared.clock.now()
    }

    pub(crate) fn serializers(&self) -> &Serializers {
        &self.shared.serializers
    }

    pub(crate) async fn set_progress(&self, _job: HeldJob, _progress: Progress) -> Result<(), StoreError> {
        Ok(())
    }
}
