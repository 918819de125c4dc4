//! What a worker does to itself at a certain call to the store.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use apsched_tests::{Deed, Entry, Ledger, Side, Springs, Trap};
use rustix::process::{Signal, getpid, kill_process};
use tokio::sync::{OwnedRwLockReadGuard, RwLock};

/// Much longer than it takes until every thread stands still.
const MOMENT: Duration = Duration::from_millis(50);

/// A trap that springs when no other call is under way: who stands still in the middle of a transaction is another
/// story.
#[derive(Debug)]
pub(crate) struct ArmedTrap {
    /// The trap, and how many calls go well before it springs.
    trap: Mutex<Option<(Trap, u32)>>,
    /// Each call holds it to read; whoever freezes has it alone.
    calls: Arc<RwLock<()>>,
}

/// A call that is under way.
pub(crate) type Passage = OwnedRwLockReadGuard<()>;

impl ArmedTrap {
    pub(crate) fn new(trap: Option<Trap>) -> Self {
        let trap = trap.map(|trap| (trap.clone(), trap.after_calls));
        Self { trap: Mutex::new(trap), calls: Arc::default() }
    }

    /// The worker is about to make a call.
    pub(crate) async fn before(&self, operation: &str, ledger: &Ledger) -> Passage {
        if let Some(deed) = self.is_sprung(operation, Side::Before) {
            self.spring(deed, ledger).await;
        }
        self.calls.clone().read_owned().await
    }

    /// The store has answered.
    pub(crate) async fn after(&self, operation: &str, passage: Passage, ledger: &Ledger) {
        drop(passage);
        if let Some(deed) = self.is_sprung(operation, Side::After) {
            self.spring(deed, ledger).await;
        }
    }

    fn is_sprung(&self, operation: &str, side: Side) -> Option<Deed> {
        let mut armed = self.trap.lock().unwrap_or_else(PoisonError::into_inner);
        let (trap, calls_left) =
            armed.as_mut().filter(|(trap, _)| trap.operation == operation && trap.side == side)?;
        if *calls_left > 0 {
            *calls_left -= 1;
            return None;
        }
        let deed = trap.deed;
        match trap.springs {
            Springs::Once => *armed = None,
            Springs::AgainAndAgain => *calls_left = trap.after_calls,
        }
        Some(deed)
    }

    async fn spring(&self, deed: Deed, ledger: &Ledger) {
        let _alone = self.calls.write().await;
        ledger.write(Entry::Freezing);
        match deed {
            Deed::Die => die(),
            Deed::Freeze => signal_myself(Signal::STOP),
        }
        // Other threads may run on for a moment, and must not find the way free.
        let _ = tokio::time::timeout(MOMENT, std::future::pending::<()>()).await;
    }
}

/// Ends this process, as `kill -9` does.
pub(crate) fn die() {
    signal_myself(Signal::KILL);
}

fn signal_myself(signal: Signal) {
    kill_process(getpid(), signal).expect("a process may send signals to itself");
}
