//! Ends transactions that a killed process left open.
//!
//! The server cannot tell a process that was killed from one that thinks, and keeps its transaction for a minute or more
//! (`transactionLifetimeLimitSeconds`), with all that it wrote locked: nobody acquires jobs of a task whose document is among it. Our
//! transactions think for milliseconds. So one of ours that has been idle for some seconds is an orphan, and whoever keeps running
//! into something locked ends all of them. Were its process only stopped, its commit fails and it does all of it anew.
//!
//! Ours are known by the name that the client gives itself. A client of the user's, or a URL with an `appName`, has
//! another one, and may have slow transactions of its own; there the server's own limit has to do.

use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::TryStreamExt;
use mongodb::bson::{Bson, Document, doc};

use crate::connection::Connection;
use crate::error::Outcome;

/// How our clients call themselves.
pub(crate) const APP_NAME: &str = "apsched";

/// How long one of ours is idle at most, in microseconds: the time between two statements.
const IDLE_MICROS: i64 = 5_000_000;

/// Whether orphans can be told from the transactions of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Policy {
    /// All that bear our name are ours.
    End,
    /// They cannot.
    LeaveToServer,
}

/// How often in a row something has to be found locked before orphans are looked for: others who are alive let go in between.
const SUSPICIOUS: u32 = 6;

/// Counts how often in a row something was found locked.
#[derive(Debug, Default)]
pub(crate) struct Suspicion(AtomicU32);

impl Suspicion {
    /// Whether it is time to look for orphans, now that something was found locked or nothing was.
    fn is_aroused(&self, is_locked: bool) -> bool {
        if !is_locked {
            self.0.store(0, Ordering::Relaxed);
            return false;
        }
        let before = self.0.fetch_add(1, Ordering::Relaxed);
        (before + 1).is_multiple_of(SUSPICIOUS)
    }
}

impl Connection {
    /// Whether it is time to look for orphans.
    pub(crate) fn suspects_orphans(&self, is_locked: bool) -> bool {
        self.suspicion().is_aroused(is_locked)
    }

    /// Ends what bears our name and is idle. That it could not is no error: then the server will.
    pub(crate) async fn end_orphans(&self) {
        if self.orphans() == Policy::LeaveToServer {
            return;
        }
        match self.try_to_end_orphans().await {
            Ok(0) => {}
            Ok(ended) => tracing::warn!(ended, "ended transactions that a vanished process had left open"),
            Err(problem) => tracing::debug!(?problem, "cannot look for transactions left open"),
        }
    }

    async fn try_to_end_orphans(&self) -> Outcome<usize> {
        let admin = self.client().database("admin");
        let idle = doc! {"$match": {"appName": APP_NAME, "active": false, "transaction.timeInactiveMicros": {"$gt": IDLE_MICROS}}};
        let sessions = doc! {"$currentOp": {"allUsers": false, "idleSessions": true}};
        let found = admin.aggregate([sessions, idle, doc! {"$project": {"lsid": 1}}]).await?;
        let found: Vec<Document> = found.try_collect().await?;
        let id = |session: &Document| session.get_document("lsid").ok()?.get("id").cloned();
        let ids: Vec<Bson> = found.iter().filter_map(id).map(|id| Bson::from(doc! {"id": id})).collect();
        if !ids.is_empty() {
            admin.run_command(doc! {"killSessions": ids.clone()}).await?;
        }
        Ok(ids.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_locked_now_and_then_is_no_reason_to_look_for_orphans() {
        let suspicion = Suspicion::default();
        for _ in 1..SUSPICIOUS {
            assert!(!suspicion.is_aroused(true));
        }
        assert!(suspicion.is_aroused(true), "locked so often in a row");
        assert!(!suspicion.is_aroused(true), "and not at once again");
        assert!(!suspicion.is_aroused(false));
        for _ in 1..SUSPICIOUS {
            assert!(!suspicion.is_aroused(true), "others let go in between");
        }
    }
}
