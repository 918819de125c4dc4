//! How many others want the same at this moment, guessed from how often this store runs into them.
//!
//! Schedulers that all take the very first jobs collide, and all but one begin anew. So who collides takes from somewhat further back the
//! next time, at random; who does not moves to the front again. A store without company always takes the first. Of a task with a
//! limit there is only one lock to be had, and who runs into others waits longer for it.

use std::sync::atomic::{AtomicUsize, Ordering};

#[derive(Debug, Default)]
pub(crate) struct Crowd(AtomicUsize);

/// As many others as are reckoned with at most.
const MOST: usize = 15;

impl Crowd {
    /// Learns from a claim whether it ran into others.
    pub(crate) fn learn(&self, has_collided: bool) {
        if has_collided { self.grow() } else { self.shrink() }
    }

    fn grow(&self) {
        let others = self.0.load(Ordering::Relaxed);
        self.0.store((others * 2 + 1).min(MOST), Ordering::Relaxed);
    }

    fn shrink(&self) {
        let others = self.0.load(Ordering::Relaxed);
        self.0.store(others.saturating_sub(1), Ordering::Relaxed);
    }

    /// By how many steps to wait longer before beginning anew, so that each of the others gets a turn: 0 when alone, 4 at most.
    pub(crate) fn patience(&self) -> u32 {
        (self.0.load(Ordering::Relaxed) + 1).ilog2()
    }

    /// How many jobs to look at so that so many can be taken beside the others.
    pub(crate) fn span(&self, wanted: usize) -> usize {
        wanted.saturating_mul(self.0.load(Ordering::Relaxed) + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_alone_takes_the_first() {
        let crowd = Crowd::default();
        assert_eq!((crowd.span(10), crowd.patience()), (10, 0));
        for _ in 0..9 {
            crowd.grow();
        }
        assert_eq!((crowd.span(10), crowd.patience()), (10 * (MOST + 1), 4));
        for _ in 0..MOST {
            crowd.shrink();
        }
        assert_eq!(crowd.span(10), 10);
    }
}
