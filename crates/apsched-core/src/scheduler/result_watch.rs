//! Wakes those who wait for the end of a job.
//!
//! One subscription serves all waiters, and it lasts only while there are any, so that a scheduler nobody waits on
//! builds no events.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::broker::{EventBroker, EventItem, Subscription};
use crate::event::{Event, EventType, JobReleased};
use crate::id::{JobId, JobIdMap};

#[derive(Clone, Debug, Default)]
pub(super) struct ResultWatch(Arc<Mutex<Watch>>);

#[derive(Debug, Default)]
struct Watch {
    waiters: JobIdMap<Waiters>,
    listener: Listener,
}

#[derive(Debug, Default)]
struct Waiters {
    ended: Arc<Notify>,
    count: usize,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Listener {
    #[default]
    Absent,
    Present,
}

/// A place among those who wait for one job; given up when dropped.
pub(super) struct Waiting {
    watch: ResultWatch,
    job: JobId,
    ended: Arc<Notify>,
}

impl ResultWatch {
    /// Listens from now on, for a job that is about to be added and waited for: other processes learn that its end is
    /// listened to before they can run it.
    pub(super) fn expect(&self, broker: &dyn EventBroker) {
        let mut watch = self.lock();
        self.bring_listener(&mut watch, broker);
    }

    /// Waits for the end of `job` from now on.
    pub(super) fn wait_for(&self, job: JobId, broker: &dyn EventBroker) -> Waiting {
        let mut watch = self.lock();
        let waiters = watch.waiters.entry(job).or_default();
        waiters.count += 1;
        let ended = waiters.ended.clone();
        self.bring_listener(&mut watch, broker);
        Waiting { watch: self.clone(), job, ended }
    }

    fn bring_listener(&self, watch: &mut Watch, broker: &dyn EventBroker) {
        if watch.listener == Listener::Absent {
            watch.listener = Listener::Present;
            tokio::spawn(self.clone().listen(broker.subscribe(JobReleased::INTEREST)));
        }
    }

    async fn listen(self, mut events: Subscription) {
        let mut presence = Presence(Some(self.clone()));
        while let Some(item) = events.next().await {
            let mut watch = self.lock();
            match item {
                EventItem::Event(Event::JobReleased(event)) => {
                    if let Some(waiters) = watch.waiters.get(&event.job_id) {
                        waiters.ended.notify_waiters();
                    }
                }
                EventItem::Event(_) => {}
                EventItem::Lagged(_) => {
                    watch.waiters.values().for_each(|waiters| waiters.ended.notify_waiters());
                }
            }
            if watch.waiters.is_empty() {
                // Under the lock, so that whoever waits from now on brings a listener of his own.
                watch.listener = Listener::Absent;
                presence.0 = None;
                return;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Watch> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A listener that is there, until it ends or its runtime is dropped.
struct Presence(Option<ResultWatch>);

impl Drop for Presence {
    fn drop(&mut self) {
        if let Some(watch) = &self.0 {
            watch.lock().listener = Listener::Absent;
        }
    }
}

impl Waiting {
    /// Ends when the job has ended, as far as events tell. Create the future before looking at the store.
    pub(super) fn ended(&self) -> impl Future<Output = ()> {
        let mut notified = Box::pin(self.ended.clone().notified_owned());
        notified.as_mut().enable();
        notified
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut watch = self.watch.lock();
        if let Some(waiters) = watch.waiters.get_mut(&self.job) {
            waiters.count -= 1;
            if waiters.count == 0 {
                watch.waiters.remove(&self.job);
            }
        }
    }
}
