//! Where the process and its connection meet: what is published goes into the outbox, what arrives to the subscribers.
//!
//! The process calls [`Exchange::publish`] and [`Exchange::subscribe`], which never wait; the connection (`link.rs`) takes
//! messages out, brings in those of others, and says how it is.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

use super::audience::{Arrival, Audience, HINTS, TICKS_TO_REPEAT};
use super::message::{Heard, IgnoredMessage, Message, Origin};
use super::options::{BrokerOptions, RelayedEvents};
use super::outbox::{Announcement, Outbox, Parcel};
use crate::broker::{Subscribers, Subscription};
use crate::event::{BrokerHealthChanged, Event, EventInterest, Health, LOCAL};
use crate::serializer::Serializers;

/// Largest body of a message that is handed to a serializer.
const MAX_BODY_BYTES: usize = 64 * 1024;

#[derive(Debug)]
pub(super) struct Exchange {
    origin: Origin,
    events: RelayedEvents,
    serializers: Serializers,
    subscribers: Subscribers,
    state: Mutex<State>,
    /// Wakes the connection when there may be something to send.
    work: Notify,
    /// Grows with each message of one's own that comes back.
    echoes: watch::Sender<u64>,
}

#[derive(Debug)]
struct State {
    outbox: Outbox,
    audience: Audience,
    /// What the others were last told to be listened to here.
    announced: EventInterest,
    ticks: u32,
    health: Health,
    stage: Stage,
    /// Messages that were ignored so far.
    ignored: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Open,
    /// Nothing is listened to any more.
    Leaving,
    /// Nothing is sent any more.
    Closed,
}

/// How the health has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    None,
    ForBetter,
    ForWorse,
}

/// Whether events may have been missed before a connection was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gap {
    None,
    Possible,
}

/// A message that was ignored, and how many were so far.
#[derive(Debug)]
pub(super) struct Ignored {
    pub(super) why: IgnoredMessage,
    count: u64,
}

impl Exchange {
    pub(super) fn new(options: &BrokerOptions, origin: Origin) -> Self {
        Self {
            origin,
            events: options.events,
            serializers: options.serializers.clone().max_bytes(MAX_BODY_BYTES),
            subscribers: Subscribers::new(),
            state: Mutex::new(State {
                outbox: Outbox::new(options.queue_capacity),
                audience: Audience::default(),
                announced: EventInterest::NONE,
                ticks: 0,
                health: Health::Healthy,
                stage: Stage::Open,
                ignored: 0,
            }),
            work: Notify::new(),
            echoes: watch::Sender::new(0),
        }
    }

    // ----- for the process -----

    pub(super) fn publish(&self, events: Vec<Event>) {
        self.subscribers.deliver(&events);
        let mut state = self.state();
        if state.stage == Stage::Closed {
            return;
        }
        for event in events {
            if !event.is_local() && self.is_relayed(&event) {
                state.outbox.push(event);
            }
        }
        self.wake_link(&state);
    }

    pub(super) fn subscribe(&self, interest: EventInterest) -> Subscription {
        let subscription = self.subscribers.subscribe(interest);
        let mut state = self.state();
        let told = state.announced | HINTS;
        if !told.includes(self.listens(&state)) {
            state.outbox.announce(Announcement::Tell);
            self.wake_link(&state);
        }
        subscription
    }

    pub(super) fn interest(&self) -> EventInterest {
        let own = self.subscribers.interest();
        match self.events {
            RelayedEvents::Wanted => own | self.state().audience.interest(),
            RelayedEvents::Wakeups => own,
        }
    }

    pub(super) fn health(&self) -> Health {
        self.state().health.clone()
    }

    pub(super) fn close(&self) {
        self.state().stage = Stage::Closed;
        self.subscribers.close();
    }

    // ----- for the connection -----

    /// Begins a connection: the next message asks the others. Returns what tells of one's own messages that come back.
    pub(super) fn begin(&self) -> watch::Receiver<u64> {
        let mut state = self.state();
        state.audience.connected();
        state.outbox.announce(Announcement::Ask);
        self.echoes.subscribe()
    }

    /// Ends when there may be something to send.
    pub(super) async fn has_work(&self) {
        self.work.notified().await;
    }

    /// The next message to send. Wakes itself up again when it is not the last.
    pub(super) fn take(&self) -> Option<Parcel> {
        let mut state = self.state();
        let listens = self.listens(&state);
        let parcel = state.outbox.take(self.origin, listens, &self.serializers)?;
        state.announced = listens;
        self.wake_link(&state);
        Some(parcel)
    }

    pub(super) fn rest_is_over(&self) {
        let mut state = self.state();
        state.outbox.rest_is_over();
        self.wake_link(&state);
    }

    /// A message has arrived.
    pub(super) fn receive(&self, bytes: &[u8]) -> Result<(), Ignored> {
        let message = match Message::read(bytes, self.origin, &self.serializers) {
            Ok(Heard::Other(message)) => message,
            Ok(Heard::Own) => {
                self.echoes.send_modify(|count| *count += 1);
                return Ok(());
            }
            Err(why) => {
                let mut state = self.state();
                state.ignored += 1;
                return Err(Ignored { why, count: state.ignored });
            }
        };
        let mut state = self.state();
        let arrival = state.audience.hear(message.origin, message.number, message.listens);
        if message.asks && !HINTS.includes(self.listens(&state)) {
            state.outbox.announce(Announcement::Tell);
            self.wake_link(&state);
        }
        drop(state);
        match arrival {
            Arrival::Repeated => return Ok(()),
            Arrival::AfterGap => self.subscribers.report_gap(EventInterest::ALL),
            Arrival::Next => self.subscribers.report_gap(message.lost),
        }
        self.subscribers.deliver(&message.events);
        Ok(())
    }

    /// Messages reach the others, and theirs us.
    pub(super) fn connected(&self, gap: Gap) -> Turn {
        let turn = self.turn(Health::Healthy);
        if gap == Gap::Possible {
            self.subscribers.report_gap(EventInterest::ALL);
        }
        turn
    }

    /// There is no connection.
    pub(super) fn disconnected(&self, reason: String) -> Turn {
        self.turn(Health::Unhealthy(reason))
    }

    /// A second has passed on a connection.
    pub(super) fn tick(&self) {
        let mut state = self.state();
        state.audience.tick();
        state.ticks += 1;
        let (told, now) = (state.announced | HINTS, self.listens(&state) | HINTS);
        let is_to_be_repeated = now != HINTS && state.ticks.is_multiple_of(TICKS_TO_REPEAT);
        if told != now || is_to_be_repeated {
            state.outbox.announce(Announcement::Tell);
            self.wake_link(&state);
        }
    }

    /// The last message says that nobody listens here any more.
    pub(super) fn leave(&self) {
        let mut state = self.state();
        state.stage = Stage::Leaving;
        state.outbox.rest_is_over();
        state.outbox.announce(Announcement::Tell);
    }

    // ----- both -----

    fn turn(&self, health: Health) -> Turn {
        let mut state = self.state();
        let turn = match (&state.health, &health) {
            (Health::Healthy, Health::Unhealthy(_)) => Turn::ForWorse,
            (Health::Unhealthy(_), Health::Healthy) => Turn::ForBetter,
            _ => Turn::None,
        };
        state.health = health.clone();
        drop(state);
        if turn != Turn::None {
            self.subscribers.deliver(&[BrokerHealthChanged::new(health).into()]);
        }
        turn
    }

    fn is_relayed(&self, event: &Event) -> bool {
        match self.events {
            RelayedEvents::Wanted => true,
            RelayedEvents::Wakeups => HINTS.includes(event.interest()),
        }
    }

    /// What the others are told to be listened to here.
    fn listens(&self, state: &State) -> EventInterest {
        match (state.stage, self.events) {
            (Stage::Open, RelayedEvents::Wanted) => self.subscribers.interest().without(LOCAL),
            _ => EventInterest::NONE,
        }
    }

    fn wake_link(&self, state: &State) {
        if state.outbox.has_message() {
            self.work.notify_one();
        }
    }

    /// A poisoned lock here means that a serializer panicked; what waits is whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ignored {
    /// Whether to tell of it: of the first, the second, the fourth, the eighth…
    pub(super) const fn is_worth_telling(&self) -> bool {
        self.count.is_power_of_two()
    }
}
