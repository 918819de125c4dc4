//! Custom triggers of the cases: one that works, and one that fails.

use std::fmt;

use apsched_core::trigger::{CustomTrigger, Trigger, TriggerError, TriggerRegistry};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// What every process of the suite knows.
pub(crate) fn registry() -> TriggerRegistry {
    let mut registry = TriggerRegistry::new();
    registry.register::<Twice>().expect("the name is free");
    registry.register::<Failing>().expect("the name is free");
    registry
}

/// Fires at `first`, and once more a minute later.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Twice {
    pub(crate) first: DateTime<Utc>,
}

impl Trigger for Twice {
    fn next_after(&self, after: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, TriggerError> {
        let fire_times = [self.first, self.first + TimeDelta::minutes(1)];
        Ok(fire_times.into_iter().find(|at| *at > after))
    }
}

impl fmt::Display for Twice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "twice from {}", self.first)
    }
}

impl CustomTrigger for Twice {
    const NAME: &'static str = "testkit_twice";
}

/// Cannot tell when it fires.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Failing;

impl Trigger for Failing {
    fn next_after(&self, _after: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, TriggerError> {
        Err(TriggerError::custom("the calendar is gone"))
    }
}

impl fmt::Display for Failing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a trigger that fails")
    }
}

impl CustomTrigger for Failing {
    const NAME: &'static str = "testkit_failing";
}
