//! Delivery within a process: bounded queues, each with what its reader listens to.
//!
//! Every broker delivers to its own process through [`Subscribers`], so lag, order and interest are the same on all.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use futures_core::Stream;

use crate::event::{Event, EventInterest};

/// Events a subscriber may leave unread before it loses the oldest.
pub const QUEUE_CAPACITY: usize = 4096;

/// What a subscriber receives.
#[derive(Clone, Debug, PartialEq)]
pub enum EventItem<E = Event> {
    /// Something happened.
    Event(E),
    /// Events were lost here: this many by this reader's slowness, or an unknown number (zero) by a gap in the
    /// connection. Ask the store for the truth.
    Lagged(u64),
}

impl<E> EventItem<E> {
    /// The event. `None`: some were lost.
    #[must_use]
    pub fn event(self) -> Option<E> {
        match self {
            Self::Event(event) => Some(event),
            Self::Lagged(_) => None,
        }
    }
}

/// The subscribers of one process.
#[derive(Debug, Default)]
pub struct Subscribers {
    queues: Mutex<Vec<Weak<Shared>>>,
    interest: AtomicU32,
    closed: AtomicBool,
}

impl Subscribers {
    /// No subscriber yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a subscriber to the events of `interest`; after [`close`](Self::close), one that has ended.
    #[must_use]
    pub fn subscribe(&self, interest: EventInterest) -> Subscription {
        let shared = Arc::new(Shared { interest, queue: Mutex::default() });
        let mut queues = lock(&self.queues);
        if self.closed.load(Ordering::Acquire) {
            shared.queue().close();
            return Subscription(shared);
        }
        queues.push(Arc::downgrade(&shared));
        self.renew_interest(&mut queues);
        Subscription(shared)
    }

    /// The union of what the subscribers listen to.
    #[must_use]
    pub fn interest(&self) -> EventInterest {
        EventInterest::from_bits(self.interest.load(Ordering::Acquire))
    }

    /// Hands events to those who listen to them.
    pub fn deliver(&self, events: &[Event]) {
        self.to_each(|shared| shared.push(events));
    }

    /// Tells all who listen to one of `types` that events may have been lost on the way here.
    pub fn report_gap(&self, types: EventInterest) {
        self.to_each(|shared| {
            if shared.interest.meets(types) {
                shared.queue().lost(0);
            }
        });
    }

    /// Ends all subscriptions after what they have not read yet.
    pub fn close(&self) {
        let mut queues = lock(&self.queues);
        self.closed.store(true, Ordering::Release);
        for shared in queues.drain(..).filter_map(|queue| queue.upgrade()) {
            shared.queue().close();
        }
        self.renew_interest(&mut queues);
    }

    fn to_each(&self, mut act: impl FnMut(&Shared)) {
        let mut queues = lock(&self.queues);
        let mut dropped = false;
        for queue in queues.iter() {
            match queue.upgrade() {
                Some(shared) => act(&shared),
                None => dropped = true,
            }
        }
        if dropped {
            queues.retain(|queue| queue.strong_count() > 0);
            self.renew_interest(&mut queues);
        }
    }

    fn renew_interest(&self, queues: &mut [Weak<Shared>]) {
        let interests = queues.iter().filter_map(Weak::upgrade).map(|shared| shared.interest);
        let union = interests.fold(EventInterest::NONE, EventInterest::with);
        self.interest.store(union.bits(), Ordering::Release);
    }
}

/// A stream of events; ends when the broker stops. Dropping it ends the subscription.
#[derive(Debug)]
pub struct Subscription(Arc<Shared>);

impl Subscription {
    /// What is there already, without waiting. `None`: nothing yet, or the broker has stopped.
    pub fn try_next(&mut self) -> Option<EventItem> {
        self.0.queue().pop()
    }

    /// The next item. `None`: the broker has stopped.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<EventItem> {
        std::future::poll_fn(|context| self.poll_item(context)).await
    }

    fn poll_item(&self, context: &Context<'_>) -> Poll<Option<EventItem>> {
        let mut queue = self.0.queue();
        if let Some(item) = queue.pop() {
            return Poll::Ready(Some(item));
        }
        if queue.closed {
            return Poll::Ready(None);
        }
        queue.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

impl Stream for Subscription {
    type Item = EventItem;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<EventItem>> {
        self.poll_item(context)
    }
}

#[derive(Debug)]
struct Shared {
    interest: EventInterest,
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    events: VecDeque<Event>,
    /// Events lost before those in the queue. `None`: none was.
    lost: Option<u64>,
    waker: Option<Waker>,
    closed: bool,
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        lock(&self.queue)
    }

    fn push(&self, events: &[Event]) {
        let mut wanted = events.iter().filter(|event| self.interest.includes(event.interest())).peekable();
        if wanted.peek().is_none() {
            return;
        }
        let mut queue = self.queue();
        for event in wanted {
            if queue.events.len() == QUEUE_CAPACITY {
                queue.events.pop_front();
                queue.lost(1);
            }
            queue.events.push_back(event.clone());
        }
        queue.wake();
    }
}

impl Queue {
    fn pop(&mut self) -> Option<EventItem> {
        match self.lost.take() {
            Some(lost) => Some(EventItem::Lagged(lost)),
            None => self.events.pop_front().map(EventItem::Event),
        }
    }

    fn lost(&mut self, count: u64) {
        self.lost = Some(self.lost.unwrap_or(0) + count);
        self.wake();
    }

    fn close(&mut self) {
        self.closed = true;
        self.wake();
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// A poisoned lock here only means that a waker panicked; the queue itself is whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
