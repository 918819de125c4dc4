//! Who a scheduler is, over restarts and within one run.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::SchedulerName;

/// Names one run of a scheduler: a name that the user may choose, and an incarnation that each start draws anew.
///
/// Leases name their holder by both, so two processes that were given one name cannot take each other's work for
/// their own; a restart under the same name takes back at once what its predecessor held.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SchedulerId {
    name: SchedulerName,
    incarnation: u64,
}

impl SchedulerId {
    /// The scheduler `name`, in its run `incarnation`.
    #[must_use]
    pub const fn new(name: SchedulerName, incarnation: u64) -> Self {
        Self { name, incarnation }
    }

    /// The name that survives a restart.
    #[must_use]
    pub const fn name(&self) -> &SchedulerName {
        &self.name
    }

    /// The number drawn at this start.
    #[must_use]
    pub const fn incarnation(&self) -> u64 {
        self.incarnation
    }

    /// Whether `other` is another run under the same name: a predecessor or a successor.
    #[must_use]
    pub fn is_other_run_of(&self, other: &Self) -> bool {
        self.name == other.name && self.incarnation != other.incarnation
    }
}

impl fmt::Display for SchedulerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{:016x}", self.name, self.incarnation)
    }
}

impl fmt::Debug for SchedulerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SchedulerId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restart_is_another_run_of_the_same_scheduler() {
        let name = SchedulerName::new("pod-1").unwrap();
        let (old, new) = (SchedulerId::new(name.clone(), 1), SchedulerId::new(name, 2));
        assert!(new.is_other_run_of(&old));
        assert!(!new.is_other_run_of(&new));
    }
}
