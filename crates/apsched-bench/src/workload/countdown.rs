//! Waits until something has happened so many times.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// Tells when so many things have happened.
#[derive(Debug)]
pub(super) struct Countdown {
    left: AtomicUsize,
    over: Notify,
}

impl Countdown {
    pub(super) const fn new() -> Self {
        Self { left: AtomicUsize::new(0), over: Notify::const_new() }
    }

    pub(super) fn expect(&self, count: usize) {
        self.left.store(count, Ordering::Release);
    }

    pub(super) fn count(&self) {
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.over.notify_one();
        }
    }

    pub(super) async fn wait(&self) {
        self.over.notified().await;
    }
}
