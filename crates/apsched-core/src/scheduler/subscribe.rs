//! Listening to events: by callback, as a stream, or for the next one.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_util::FutureExt;
use tokio::task::AbortHandle;

use super::Scheduler;
use super::error::{Error, Result};
use crate::broker::{EventItem, Subscription};
use crate::event::{Event, EventInterest, EventType};

impl Scheduler {
    /// Calls `callback` for each event of one type, on a task of its own, until the subscription is dropped.
    ///
    /// A callback that panics loses that event and nothing else; one that is slow loses events, which is logged. For
    /// work that blocks use [`subscribe_blocking`](Self::subscribe_blocking).
    ///
    /// ```
    /// use apsched_core::{event::JobReleased, scheduler::Scheduler};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> apsched_core::scheduler::Result<()> {
    /// let scheduler = Scheduler::builder().build()?;
    /// let subscription = scheduler.subscribe(|event: &JobReleased| println!("{}: {}", event.job_id, event.outcome));
    /// drop(subscription); // ends it
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn subscribe<E: EventType>(
        &self,
        mut callback: impl FnMut(&E) + Send + 'static,
    ) -> EventSubscription {
        self.subscribe_async(move |event: E| {
            callback(&event);
            std::future::ready(())
        })
    }

    /// Like [`subscribe`](Self::subscribe), for a callback that awaits. Events are handed over one after the other.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn subscribe_async<E, F>(
        &self,
        mut callback: impl FnMut(E) -> F + Send + 'static,
    ) -> EventSubscription
    where
        E: EventType,
        F: Future<Output = ()> + Send,
    {
        let mut events = self.events_of::<E>();
        let task = tokio::spawn(async move {
            while let Some(item) = events.next().await {
                match item {
                    EventItem::Event(event) => {
                        let called = AssertUnwindSafe(async { callback(event).await }).catch_unwind().await;
                        if called.is_err() {
                            tracing::error!("an event callback panicked");
                        }
                    }
                    EventItem::Lagged(0) => tracing::debug!("events may have been lost between processes"),
                    EventItem::Lagged(lost) => tracing::warn!(lost, "an event callback was too slow"),
                }
            }
        });
        EventSubscription(task.abort_handle())
    }

    /// Like [`subscribe`](Self::subscribe), for a callback that blocks: it runs on tokio's blocking threads.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn subscribe_blocking<E: EventType>(
        &self,
        callback: impl FnMut(&E) + Send + 'static,
    ) -> EventSubscription {
        let callback = std::sync::Arc::new(std::sync::Mutex::new(callback));
        self.subscribe_async(move |event: E| {
            let callback = callback.clone();
            async move {
                let called = tokio::task::spawn_blocking(move || {
                    let mut callback = callback.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    callback(&event);
                });
                if called.await.is_err() {
                    tracing::error!("an event callback panicked");
                }
            }
        })
    }

    /// All events, as a stream; loss by slowness is an item.
    #[must_use]
    pub fn events(&self) -> Subscription {
        self.shared().broker.subscribe(EventInterest::ALL)
    }

    /// The events of some types, as a stream; loss by slowness is an item.
    #[must_use]
    pub fn events_of_interest(&self, interest: EventInterest) -> Subscription {
        self.shared().broker.subscribe(interest)
    }

    /// The events of one type, as a stream; loss by slowness is an item.
    #[must_use]
    pub fn events_of<E: EventType>(&self) -> Events<E> {
        Events { subscription: self.shared().broker.subscribe(E::INTEREST), event: std::marker::PhantomData }
    }

    /// Waits for the next event of one type.
    ///
    /// Listens from the call on, not only from the first poll.
    ///
    /// # Errors
    /// [`Error::NotRunning`] when the broker has stopped.
    ///
    /// # Cancel safety
    /// Dropping the future stops listening.
    pub fn next_event<E: EventType>(&self) -> impl Future<Output = Result<E>> + use<E> {
        let mut events = self.events_of::<E>();
        async move {
            while let Some(item) = events.next().await {
                if let EventItem::Event(event) = item {
                    return Ok(event);
                }
            }
            Err(Error::NotRunning { operation: "wait for an event" })
        }
    }

    /// Calls `callback` for the next event of one type, and never again.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn subscribe_once<E: EventType>(
        &self,
        callback: impl FnOnce(&E) + Send + 'static,
    ) -> EventSubscription {
        let next = self.next_event::<E>();
        let task = tokio::spawn(async move {
            if let Ok(event) = next.await {
                let called = std::panic::catch_unwind(AssertUnwindSafe(|| callback(&event)));
                if called.is_err() {
                    tracing::error!("an event callback panicked");
                }
            }
        });
        EventSubscription(task.abort_handle())
    }
}

/// A callback's subscription; dropping it ends it.
#[must_use = "the subscription ends when it is dropped"]
#[derive(Debug)]
pub struct EventSubscription(AbortHandle);

impl EventSubscription {
    /// Lets the callback go on for as long as the scheduler lives.
    pub fn detach(self) {
        std::mem::forget(self);
    }
}

impl Drop for EventSubscription {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The events of one type; ends when the broker stops.
#[derive(Debug)]
pub struct Events<E> {
    subscription: Subscription,
    event: std::marker::PhantomData<fn() -> E>,
}

impl<E: EventType> Events<E> {
    /// The next event, or how many were lost here. `None`: the broker has stopped.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<EventItem<E>> {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }
}

impl<E: EventType> Stream for Events<E> {
    type Item = EventItem<E>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            return Poll::Ready(
                match std::task::ready!(Pin::new(&mut self.subscription).poll_next(context)) {
                    None => None,
                    Some(EventItem::Lagged(lost)) => Some(EventItem::Lagged(lost)),
                    Some(EventItem::Event(event)) => match take::<E>(event) {
                        Some(event) => Some(EventItem::Event(event)),
                        None => continue,
                    },
                },
            );
        }
    }
}

fn take<E: EventType>(event: Event) -> Option<E> {
    E::of(&event).cloned()
}
