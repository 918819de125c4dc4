//! Does something for many documents at once, and where that keeps colliding with others, for fewer at once: what is locked harms
//! itself alone.
//!
//! Others who acquire or recover at the same time are out of the way within milliseconds. What stays locked belongs to a process that
//! was killed within a transaction; it is found by halving, passed over, and seen to.
//!
//! Halving ends after some transactions, with what was done until then. Whoever is in the way all the time is doing the same work, and
//! what is left is there for the next call; one that goes on for long is cut off, and nobody hears of what it did.

use std::future::Future;

use mongodb::ClientSession;

use crate::connection::Connection;
use crate::crowd::Crowd;
use crate::error::Outcome;
use crate::transaction::{Patience, Work};

/// Most parts for which it is tried. Of a hundred items of which one is locked, the others of seven eighths are done.
const MOST_PARTS: u32 = 7;

/// What can be done for all items at once or for some of them.
pub(crate) trait DivisibleWork: Sync {
    type Item: Sync;
    /// What it gives for a part.
    type Done: Send;

    fn run_for(
        &self,
        part: &[Self::Item],
        session: &mut ClientSession,
    ) -> impl Future<Output = Outcome<Self::Done>> + Send;
}

/// Work for one part.
struct Part<'a, W: DivisibleWork> {
    work: &'a W,
    items: &'a [W::Item],
}

impl<W: DivisibleWork> Work for Part<'_, W> {
    type Done = W::Done;

    async fn run(&self, session: &mut ClientSession) -> Outcome<W::Done> {
        self.work.run_for(self.items, session).await
    }
}

/// What came of divided work.
#[derive(Debug)]
pub(crate) struct Divided<T> {
    /// What each part gave.
    pub(crate) done: Vec<T>,
    /// How often a part ran into somebody, as often as that could be.
    pub(crate) collisions: usize,
    /// Items that somebody had locked all the time, or might have.
    pub(crate) locked: usize,
}

impl Connection {
    /// Does `work` in one transaction for all items, or in one for each part of them.
    ///
    /// `crowd` tells how many others are after the same item, who each need their turn.
    pub(crate) async fn divided<W: DivisibleWork>(
        &self,
        items: &[W::Item],
        crowd: &Crowd,
        work: &W,
    ) -> Outcome<Divided<W::Done>> {
        let mut divided = Divided { done: Vec::new(), collisions: 0, locked: 0 };
        if items.is_empty() {
            return Ok(divided);
        }
        let mut pending = vec![(items, Patience::Short)];
        let mut tried = 0;
        while let Some((items, patience)) = pending.pop() {
            if tried == MOST_PARTS {
                divided.locked += items.len();
                continue;
            }
            tried += 1;
            let others = if items.len() == 1 { crowd.patience() } else { 0 };
            match self.transaction_among(others, patience, &Part { work, items }).await {
                Ok(value) => divided.done.push(value),
                Err(problem) if problem.is_conflict() => {
                    divided.collisions += 1;
                    if divided.collisions == 1 {
                        // At once, as the call may be cut off before it has come to its end.
                        self.suspect_orphans().await;
                    }
                    if items.len() == 1 {
                        divided.locked += 1;
                        continue;
                    }
                    let (first, second) = items.split_at(items.len() / 2);
                    pending.push((second, Patience::None));
                    pending.push((first, Patience::None));
                }
                // What is done is done, and its owner must hear of it.
                Err(problem) if divided.done.is_empty() => return Err(problem),
                Err(problem) => {
                    tracing::warn!(?problem, "a part of what was to be done was not");
                    break;
                }
            }
        }
        Ok(divided)
    }
}
