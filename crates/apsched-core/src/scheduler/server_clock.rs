//! The time of the store's server, so that schedulers on hosts with different clocks agree.
//!
//! At start the server is asked for its time. It lies between the moments before and after the question; the middle of
//! the two is taken for the moment of the answer, so the measured offset is wrong by at most half a round trip. From
//! then on the scheduler's time is its own clock and that offset. A clock that drifts or is stepped after the start keeps
//! its offset until the next start.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};

use super::clock::{Clock, Sleep};
use crate::store::{DataStore, StoreResult};

/// A clock corrected by what the server said.
#[derive(Debug)]
pub(super) struct ServerClock {
    own: Arc<dyn Clock>,
    /// Server time minus own time, in microseconds.
    offset: AtomicI64,
}

impl ServerClock {
    pub(super) fn new(own: Arc<dyn Clock>) -> Self {
        Self { own, offset: AtomicI64::new(0) }
    }

    /// Asks the store's server for its time, and follows it from now on. A store without a clock changes nothing.
    pub(super) async fn measure(&self, store: &dyn DataStore) -> StoreResult<()> {
        let asked_at = self.own.now();
        let Some(server_time) = store.server_time().await? else { return Ok(()) };
        let offset = offset(asked_at, self.own.now(), server_time);
        self.offset.store(offset.num_microseconds().unwrap_or(0), Ordering::Release);
        Ok(())
    }

    fn offset(&self) -> TimeDelta {
        TimeDelta::microseconds(self.offset.load(Ordering::Acquire))
    }
}

/// Server time minus own time, when the server was asked and answered at these own times.
fn offset(asked_at: DateTime<Utc>, answered_at: DateTime<Utc>, server_time: DateTime<Utc>) -> TimeDelta {
    server_time - (asked_at + (answered_at - asked_at) / 2)
}

impl Clock for ServerClock {
    fn now(&self) -> DateTime<Utc> {
        let own = self.own.now();
        match self.offset.load(Ordering::Acquire) {
            0 => own,
            offset => own.checked_add_signed(TimeDelta::microseconds(offset)).unwrap_or(own),
        }
    }

    fn sleep_until(&self, at: DateTime<Utc>) -> Sleep {
        self.own.sleep_until(at.checked_sub_signed(self.offset()).unwrap_or(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_taken_to_be_given_in_the_middle() {
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        assert_eq!(offset(at(100), at(104), at(112)), TimeDelta::seconds(10));
        assert_eq!(offset(at(100), at(104), at(90)), TimeDelta::seconds(-12));
    }
}
