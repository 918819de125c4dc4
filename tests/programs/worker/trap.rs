//! What a worker does to itself at a certain call to the store.

use std::sync::Mutex;
use std::sync::PoisonError;

use apsched_tests::{Deed, Entry, Ledger, Side, Trap};
use rustix::process::{Signal, getpid, kill_process};

/// A trap that springs once.
#[derive(Debug)]
pub(crate) struct ArmedTrap(Mutex<Option<Trap>>);

impl ArmedTrap {
    pub(crate) const fn new(trap: Option<Trap>) -> Self {
        Self(Mutex::new(trap))
    }

    /// The worker stands at this side of a call.
    pub(crate) fn pass(&self, operation: &str, side: Side, ledger: &Ledger) {
        let mut armed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(trap) = armed.as_mut().filter(|trap| trap.operation == operation && trap.side == side)
        else {
            return;
        };
        if trap.after_calls > 0 {
            trap.after_calls -= 1;
            return;
        }
        let deed = trap.deed;
        *armed = None;
        drop(armed);
        ledger.write(Entry::Freezing);
        let signal = match deed {
            Deed::Die => Signal::KILL,
            Deed::Freeze => Signal::STOP,
        };
        kill_process(getpid(), signal).expect("a process may send signals to itself");
    }
}
