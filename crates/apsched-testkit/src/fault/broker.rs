//! A broker some of whose events go astray.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use apsched_core::broker::{BrokerError, EventBroker, Subscription};
use apsched_core::event::{Event, EventInterest, Health};
use async_trait::async_trait;

/// What happens to one event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EventFault {
    /// It is published.
    #[default]
    None,
    /// It is lost, and nobody is told.
    Drop,
    /// It is published twice.
    Duplicate,
    /// It is held back, and published after the next event that is not.
    Delay,
}

/// Decides about each event in turn. Closures from [`Event`] to [`EventFault`] are plans.
pub trait EventFaultPlan: Send + 'static {
    /// What happens to this event.
    fn fault(&mut self, event: &Event) -> EventFault;
}

impl<F: FnMut(&Event) -> EventFault + Send + 'static> EventFaultPlan for F {
    fn fault(&mut self, event: &Event) -> EventFault {
        self(event)
    }
}

/// Faults by chance, the same again for the same seed.
///
/// Each setter gives the probability of its fault, 0 (the default) to 1; what is left over goes well.
#[derive(Clone, Debug)]
pub struct RandomEventFaults {
    random: fastrand::Rng,
    drop: f64,
    duplicate: f64,
    delay: f64,
}

impl RandomEventFaults {
    /// No faults yet, by this seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self { random: fastrand::Rng::with_seed(seed), drop: 0.0, duplicate: 0.0, delay: 0.0 }
    }

    /// How often an event is lost.
    #[must_use]
    pub const fn drop(mut self, probability: f64) -> Self {
        self.drop = probability;
        self
    }

    /// How often an event is published twice.
    #[must_use]
    pub const fn duplicate(mut self, probability: f64) -> Self {
        self.duplicate = probability;
        self
    }

    /// How often an event is overtaken by the next.
    #[must_use]
    pub const fn delay(mut self, probability: f64) -> Self {
        self.delay = probability;
        self
    }
}

impl EventFaultPlan for RandomEventFaults {
    fn fault(&mut self, _event: &Event) -> EventFault {
        let mut chance = self.random.f64();
        let odds = [
            (self.drop, EventFault::Drop),
            (self.duplicate, EventFault::Duplicate),
            (self.delay, EventFault::Delay),
        ];
        for (probability, fault) in odds {
            if chance < probability {
                return fault;
            }
            chance -= probability;
        }
        EventFault::None
    }
}

/// A broker whose events go astray as a plan says.
///
/// ```
/// use std::sync::Arc;
/// use apsched_core::broker::{EventBroker, LocalBroker};
/// use apsched_core::event::{EventInterest, Wakeup};
/// use apsched_testkit::fault::{FaultyBroker, RandomEventFaults};
/// use apsched_testkit::sample::at;
///
/// let broker = FaultyBroker::new(Arc::new(LocalBroker::new()), RandomEventFaults::seeded(1).drop(0.5));
/// let mut subscription = broker.subscribe(EventInterest::ALL);
/// broker.publish(vec![Wakeup::jobs(at(0)).into(); 1000]);
///
/// let heard = std::iter::from_fn(|| subscription.try_next()).count();
/// assert!((400..600).contains(&heard));
/// ```
pub struct FaultyBroker<B: EventBroker + ?Sized> {
    inner: Arc<B>,
    state: Mutex<State>,
}

struct State {
    plan: Box<dyn EventFaultPlan>,
    delayed: VecDeque<Event>,
}

impl<B: EventBroker + ?Sized> FaultyBroker<B> {
    /// The broker with a plan.
    #[must_use]
    pub fn new(inner: Arc<B>, plan: impl EventFaultPlan) -> Self {
        Self { inner, state: Mutex::new(State { plan: Box::new(plan), delayed: VecDeque::new() }) }
    }

    /// Puts another plan in the place of the old one.
    pub fn set_plan(&self, plan: impl EventFaultPlan) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).plan = Box::new(plan);
    }
}

impl State {
    /// What is published in the place of `events`.
    fn passed(&mut self, events: Vec<Event>) -> Vec<Event> {
        let mut passed = Vec::new();
        for event in events {
            let times = match self.plan.fault(&event) {
                EventFault::None => 1,
                EventFault::Duplicate => 2,
                EventFault::Drop => 0,
                EventFault::Delay => {
                    self.delayed.push_back(event);
                    continue;
                }
            };
            if times > 0 {
                passed.extend(std::iter::repeat_n(event, times));
                passed.extend(self.delayed.drain(..));
            }
        }
        passed
    }
}

impl<B: EventBroker + ?Sized> fmt::Debug for FaultyBroker<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyBroker").field("inner", &self.inner).finish_non_exhaustive()
    }
}

#[async_trait]
impl<B: EventBroker + ?Sized> EventBroker for FaultyBroker<B> {
    async fn start(&self) -> Result<(), BrokerError> {
        self.inner.start().await
    }

    fn publish(&self, events: Vec<Event>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = state.passed(events);
        self.inner.publish(passed);
    }

    fn interest(&self) -> EventInterest {
        self.inner.interest()
    }

    fn subscribe(&self, interest: EventInterest) -> Subscription {
        self.inner.subscribe(interest)
    }

    fn health(&self) -> Health {
        self.inner.health()
    }

    async fn stop(&self) {
        self.inner.stop().await;
    }
}

#[cfg(test)]
mod tests {
    use apsched_core::broker::{EventItem, LocalBroker};
    use apsched_core::event::Wakeup;

    use super::*;
    use crate::sample::at;

    fn event(number: i64) -> Event {
        Wakeup::jobs(at(number)).into()
    }

    #[test]
    fn events_are_dropped_doubled_and_overtaken_as_planned() {
        let mut faults =
            [EventFault::None, EventFault::Drop, EventFault::Delay, EventFault::Duplicate].into_iter();
        let plan = move |_: &Event| faults.next().unwrap_or_default();
        let broker = FaultyBroker::new(Arc::new(LocalBroker::new()), plan);
        let mut subscription = broker.subscribe(EventInterest::ALL);

        broker.publish((0..5).map(event).collect());

        let heard: Vec<_> = std::iter::from_fn(|| subscription.try_next()).collect();
        assert_eq!(heard, [0, 3, 3, 2, 4].map(|number| EventItem::Event(event(number))));
    }
}
