//! A clock that is wrong by always the same.

use apsched::chrono::{DateTime, TimeDelta, Utc};
use apsched::clock::{Clock, Sleep, SystemClock};

#[derive(Debug)]
pub(crate) struct ShiftedClock {
    ahead: TimeDelta,
}

impl ShiftedClock {
    pub(crate) const fn new(ahead: TimeDelta) -> Self {
        Self { ahead }
    }
}

impl Clock for ShiftedClock {
    fn now(&self) -> DateTime<Utc> {
        SystemClock.now() + self.ahead
    }

    fn sleep_until(&self, at: DateTime<Utc>) -> Sleep {
        SystemClock.sleep_until(at - self.ahead)
    }
}
