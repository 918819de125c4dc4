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
const IDLE_MICROS: i64 = 2_000_000;

/// Whether orphans can be told from the transactions of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Policy {
    /// All that bear our name are ours.
    End,
    /// They cannot.
    LeaveToServer,
}

/// How often something has to be found locked before orphans are looked for: mostly others have it who are alive, and let go.
const SUSPICIOUS: u32 = 6;

/// Counts how often something was found locked. That other things were free meanwhile says nothing about it.
#[derive(Debug, Default)]
pub(crate) struct Suspicion(AtomicU32);

impl Suspicion {
    /// Whether it is time to look for orphans, now that something was found locked.
    fn is_aroused(&self) -> bool {
        let before = self.0.fetch_add(1, Ordering::Relaxed);
        (before + 1).is_multiple_of(SUSPICIOUS)
    }
}

impl Connection {
    /// Something was found locked: looks for orphans when that has happened often.
    pub(crate) async fn suspect_orphans(&self) {
        if self.suspicion().is_aroused() {
            self.end_orphans().await;
        }
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
            assert!(!suspicion.is_aroused());
        }
        assert!(suspicion.is_aroused(), "locked so often");
        assert!(!suspicion.is_aroused(), "and not at once again");
    }
}
