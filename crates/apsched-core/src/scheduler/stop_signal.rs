//! Tells a running job to stop, and why.

use std::sync::atomic::{AtomicU8, Ordering};

use tokio::sync::Notify;

use crate::engine::StopReason;

/// A flag that is raised once and can be waited for.
#[derive(Debug, Default)]
pub(crate) struct StopSignal {
    reason: AtomicU8,
    raised: Notify,
}

impl StopSignal {
    /// Raises the flag; the first reason stays.
    pub(crate) fn raise(&self, reason: StopReason) {
        let number = match reason {
            StopReason::Cancelled => 1,
            StopReason::Shutdown => 2,
            StopReason::LeaseLost => 3,
            StopReason::TimedOut => 4,
        };
        if self.reason.compare_exchange(0, number, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            self.raised.notify_waiters();
        }
    }

    /// Why the flag is raised. `None`: it is not.
    pub(crate) fn reason(&self) -> Option<StopReason> {
        match self.reason.load(Ordering::Acquire) {
            0 => None,
            1 => Some(StopReason::Cancelled),
            2 => Some(StopReason::Shutdown),
            3 => Some(StopReason::LeaseLost),
            _ => Some(StopReason::TimedOut),
        }
    }

    /// Ends when the flag is raised.
    pub(crate) async fn raised(&self) -> StopReason {
        loop {
            // Registered before the look, so that a flag raised in between is not missed.
            let raised = self.raised.notified();
            if let Some(reason) = self.reason() {
                return reason;
            }
            raised.await;
        }
    }
}
