//! A trigger that works for a while and then does not: it fails, or goes backwards.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use apsched_core::{CustomTrigger, Trigger, TriggerError, instant};

/// Fires each second from `start`, and stumbles at `stumbles_at`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Stumbling {
    pub(super) start: DateTime<Utc>,
    pub(super) stumbles_at: DateTime<Utc>,
    pub(super) how: Stumble,
}

/// What happens when it stumbles.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) enum Stumble {
    Fails,
    GoesBackwards,
}

impl Trigger for Stumbling {
    fn next_after(&self, after: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, TriggerError> {
        if after < self.start {
            return Ok(Some(self.start));
        }
        match self.how {
            _ if after < self.stumbles_at => {
                let whole = (after - self.start).num_seconds().unsigned_abs() + 1;
                Ok(Some(instant::after(self.start, Duration::from_secs(whole))))
            }
            Stumble::Fails => Err(TriggerError::NotRegistered { name: Self::NAME.into() }),
            Stumble::GoesBackwards => Ok(Some(self.start)),
        }
    }
}

impl fmt::Display for Stumbling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "each second from {} until it stumbles at {}", self.start, self.stumbles_at)
    }
}

impl CustomTrigger for Stumbling {
    const NAME: &'static str = "apsched_testkit.stumbling";
}
