//! The tries of one call: whether there is another, and when.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::backoff::Backoff;
use crate::instant;
use crate::scheduler::caller::Caller;
use crate::store::{StoreError, StoreResult};

/// What failed so far of one call.
#[derive(Debug)]
pub(super) struct Tries {
    backoff: Backoff,
    give_up_after: Option<Duration>,
    failed: u32,
    /// When it failed first.
    failed_at: Option<DateTime<Utc>>,
}

impl Tries {
    /// None yet.
    pub(super) const fn none(backoff: Backoff, give_up_after: Option<Duration>) -> Self {
        Self { backoff, give_up_after, failed: 0, failed_at: None }
    }

    /// Whether the store may have done the call already: one that failed may have lost only its answer.
    pub(super) const fn may_have_done_it(&self) -> bool {
        self.failed > 0
    }

    /// Ends when it is time for the next try.
    ///
    /// # Errors
    /// The error itself: it does not pass by itself, or time is up.
    pub(super) async fn go_on_after(&mut self, error: StoreError) -> StoreResult<()> {
        if !error.is_transient() {
            return Err(error);
        }
        let caller = Caller::current();
        let now = caller.now();
        let failed_at = *self.failed_at.get_or_insert(now);
        self.failed = self.failed.saturating_add(1);
        let next = instant::after(now, self.backoff.delay(self.failed, caller.random()));
        let next = match self.give_up_after.map(|most| instant::after(failed_at, most)) {
            Some(last) if last <= now => return Err(error),
            Some(last) => next.min(last),
            None => next,
        };
        caller.tried_in_vain(&error, next);
        caller.sleep_until(next).await;
        Ok(())
    }
}
