//! Which calls go wrong, and how.

use std::collections::{BTreeMap, VecDeque};

use super::Operation;

/// What happens to one call of a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// Nothing goes wrong.
    #[default]
    None,
    /// It is not done; the caller is told that the store is unavailable.
    FailBefore,
    /// It is done, but the caller is told that the store is unavailable: the answer was lost.
    FailAfter,
    /// It is not done, and never answered: the caller was killed before.
    HangBefore,
    /// It is done, but never answered: the caller was killed after.
    HangAfter,
    /// It is done after giving way to others so many times.
    Delay(u32),
    /// It is done twice, and the second answer counts: somebody repeated it because the first was lost.
    Repeat,
}

/// One call of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// What is called.
    pub operation: Operation,
    /// How many calls came before it, of whatever operation.
    pub number: u64,
}

/// Decides about each call in turn. Closures from [`Call`] to [`Fault`] are plans.
pub trait FaultPlan: Send + 'static {
    /// What happens to this call.
    fn fault(&mut self, call: Call) -> Fault;
}

impl<F: FnMut(Call) -> Fault + Send + 'static> FaultPlan for F {
    fn fault(&mut self, call: Call) -> Fault {
        self(call)
    }
}

/// Faults written down by operation: the first for its first call, and so on. When they are used up, nothing goes wrong.
///
/// ```
/// use apsched_testkit::fault::{Call, Fault, FaultPlan, Operation, Script};
///
/// let mut script = Script::new().on(Operation::AddJobs, [Fault::None, Fault::FailAfter]);
/// let mut add_jobs = |number| script.fault(Call { operation: Operation::AddJobs, number });
/// assert_eq!([add_jobs(0), add_jobs(1), add_jobs(2)], [Fault::None, Fault::FailAfter, Fault::None]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Script(BTreeMap<Operation, VecDeque<Fault>>);

impl Script {
    /// A script by which nothing goes wrong.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What happens to the next calls of an operation.
    #[must_use]
    pub fn on(mut self, operation: Operation, faults: impl IntoIterator<Item = Fault>) -> Self {
        self.0.entry(operation).or_default().extend(faults);
        self
    }
}

impl FaultPlan for Script {
    fn fault(&mut self, call: Call) -> Fault {
        self.0.get_mut(&call.operation).and_then(VecDeque::pop_front).unwrap_or_default()
    }
}

/// Faults by chance, the same again for the same seed.
///
/// Each setter gives the probability of its fault, 0 (the default) to 1; what is left over goes well. A call is repeated
/// only where the contract allows it.
#[derive(Clone, Debug)]
pub struct RandomFaults {
    random: fastrand::Rng,
    fail_before: f64,
    fail_after: f64,
    delay: f64,
    repeat: f64,
}

/// Most times that a delayed call gives way.
const LONGEST_DELAY: u32 = 5;

impl RandomFaults {
    /// No faults yet, by this seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        let random = fastrand::Rng::with_seed(seed);
        Self { random, fail_before: 0.0, fail_after: 0.0, delay: 0.0, repeat: 0.0 }
    }

    /// How often a call fails without being done.
    #[must_use]
    pub const fn fail_before(mut self, probability: f64) -> Self {
        self.fail_before = probability;
        self
    }

    /// How often a call is done and its answer lost.
    #[must_use]
    pub const fn fail_after(mut self, probability: f64) -> Self {
        self.fail_after = probability;
        self
    }

    /// How often a call gives way to others, one to five times.
    #[must_use]
    pub const fn delay(mut self, probability: f64) -> Self {
        self.delay = probability;
        self
    }

    /// How often a call that may be repeated is done twice.
    #[must_use]
    pub const fn repeat(mut self, probability: f64) -> Self {
        self.repeat = probability;
        self
    }
}

impl FaultPlan for RandomFaults {
    fn fault(&mut self, call: Call) -> Fault {
        let mut chance = self.random.f64();
        let delay = Fault::Delay(self.random.u32(1..=LONGEST_DELAY));
        let odds = [
            (self.fail_before, Fault::FailBefore),
            (self.fail_after, Fault::FailAfter),
            (self.delay, delay),
            (self.repeat, if call.operation.is_repeatable() { Fault::Repeat } else { Fault::None }),
        ];
        for (probability, fault) in odds {
            if chance < probability {
                return fault;
            }
            chance -= probability;
        }
        Fault::None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(mut plan: RandomFaults, operation: Operation) -> Vec<Fault> {
        (0..1_000).map(|number| plan.fault(Call { operation, number })).collect()
    }

    #[test]
    fn a_seed_decides_the_same_again() {
        let plan = || RandomFaults::seeded(7).fail_before(0.1).fail_after(0.1).delay(0.2).repeat(0.2);

        let first = faults(plan(), Operation::AddJobs);

        assert_eq!(first, faults(plan(), Operation::AddJobs));
        for fault in [Fault::None, Fault::FailBefore, Fault::FailAfter, Fault::Repeat, Fault::Delay(5)] {
            assert!(first.contains(&fault), "{fault:?}");
        }
    }

    #[test]
    fn what_may_not_be_repeated_is_not() {
        let plan = || RandomFaults::seeded(7).repeat(1.0);

        assert!(faults(plan(), Operation::AcquireJobs).iter().all(|fault| *fault == Fault::None));
        assert!(faults(plan(), Operation::ReleaseJobs).iter().all(|fault| *fault == Fault::Repeat));
    }
}
