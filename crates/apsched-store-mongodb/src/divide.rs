//! Does something for many documents at once, and where that keeps colliding with others, for fewer at once: what is locked harms
//! itself alone.
//!
//! Others who acquire or recover at the same time are out of the way within milliseconds. What stays locked belongs to a process that
//! was killed within a transaction; it is found by halving, passed over, and seen to.
//!
//! Halving ends after some transactions, with what was done until then. Whoever is in the way all the time is doing the same work, and
//! what is left is there for the next call; one that goes on for long is cut off, and nobody hears of what it did.

use std::collections::VecDeque;
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
        let mut halving = Halving::of(items);
        while let Some(items) = halving.next() {
            let patience = if halving.is_whole() { Patience::Short } else { Patience::None };
            let others = if items.len() == 1 { crowd.patience() } else { 0 };
            match self.transaction_among(others, patience, &Part { work, items }).await {
                Ok(value) => divided.done.push(value),
                Err(problem) if problem.is_conflict() => {
                    divided.collisions += 1;
                    if divided.collisions == 1 {
                        // At once, as the call may be cut off before it has come to its end.
                        self.suspect_orphans().await;
                    }
                    halving.split(items);
                }
                // What is done is done, and its owner must hear of it.
                Err(problem) if divided.done.is_empty() => return Err(problem),
                Err(problem) => {
                    tracing::warn!(?problem, "a part of what was to be done was not");
                    break;
                }
            }
        }
        divided.locked = halving.left_out();
        Ok(divided)
    }
}

/// Which part is tried next: the larger ones first, as a locked item may be anywhere in them.
struct Halving<'a, T> {
    pending: VecDeque<&'a [T]>,
    tried: u32,
    locked: usize,
}

impl<'a, T> Halving<'a, T> {
    fn of(items: &'a [T]) -> Self {
        Self { pending: VecDeque::from([items]), tried: 0, locked: 0 }
    }

    /// The next part to try. `None`: it was tried often enough, or there is nothing left.
    fn next(&mut self) -> Option<&'a [T]> {
        if self.tried == MOST_PARTS {
            return None;
        }
        self.tried += 1;
        self.pending.pop_front()
    }

    /// Whether what was given last are all items.
    const fn is_whole(&self) -> bool {
        self.tried == 1
    }

    /// Somebody was in the way of this part.
    fn split(&mut self, part: &'a [T]) {
        if part.len() == 1 {
            self.locked += 1;
        } else {
            let (first, second) = part.split_at(part.len() / 2);
            self.pending.extend([first, second]);
        }
    }

    /// How many items were locked, or not tried often enough to know.
    fn left_out(&self) -> usize {
        self.locked + self.pending.iter().map(|part| part.len()).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of so many items are done when one of them is locked.
    fn done(items: usize, locked: usize) -> usize {
        let items: Vec<usize> = (0..items).collect();
        let mut halving = Halving::of(&items);
        let mut done = 0;
        while let Some(part) = halving.next() {
            if part.contains(&locked) { halving.split(part) } else { done += part.len() }
        }
        assert_eq!(done + halving.left_out(), items.len());
        done
    }

    #[test]
    fn wherever_the_locked_item_is_seven_eighths_of_the_others_are_done() {
        for items in 2..=500 {
            for locked in 0..items {
                let done = done(items, locked);
                assert!(done + 1 >= items - items.div_ceil(8), "{done} of {items}, the {locked}th locked");
            }
        }
    }
}
