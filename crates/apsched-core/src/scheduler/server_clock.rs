//! The time of the store's server, so that schedulers on hosts with different clocks agree.
//!
//! At start the server is asked for its time. It lies between the moments before and after the question; the middle of
//! the two is taken for the moment of the answer, so the measured offset is wrong by at most half a round trip. An answer
//! that took long, as after an outage that was waited out, is asked for again; the quickest counts. From
//! then on the scheduler's time is its own clock and that offset. A clock that drifts or is stepped after the start keeps
//! its offset until the next start.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::clock::{Clock, Sleep};
use crate::instant;
use crate::store::StoreResult;

/// How often the server is asked for its time, at most.
const MOST_QUESTIONS: usize = 3;

/// An answer that took no longer is not asked for again.
const QUICK: Duration = Duration::from_millis(500);

/// A clock corrected by what the server said.
#[derive(Debug)]
pub(super) struct ServerClock {
    own: Arc<dyn Clock>,
    /// Server time minus own time, in microseconds.
    offset: AtomicI64,
}

impl ServerClock {
    pub(super) fn new(own: Arc<dyn Clock>) -> Self {
        Self { own, offset: AtomicI64::new(0) }
    }

    /// Asks the store's server for its time, and follows it from now on. A store without a clock changes nothing.
    pub(super) async fn measure<F>(&self, ask: impl Fn() -> F) -> StoreResult<()>
    where
        F: Future<Output = StoreResult<Option<DateTime<Utc>>>>,
    {
        let mut quickest = Duration::MAX;
        for _ in 0..MOST_QUESTIONS {
            let asked_at = self.own.now();
            let Some(server_time) = ask().await? else { return Ok(()) };
            let answered_at = self.own.now();
            let took = instant::between(asked_at, answered_at);
            if took < quickest {
                quickest = took;
                let offset = offset(asked_at, answered_at, server_time);
                self.offset.store(offset.num_microseconds().unwrap_or(0), Ordering::Release);
            }
            if took <= QUICK {
                break;
            }
        }
        Ok(())
    }

    fn offset(&self) -> TimeDelta {
        TimeDelta::microseconds(self.offset.load(Ordering::Acquire))
    }
}

/// Server time minus own time, when the server was asked and answered at these own times.
fn offset(asked_at: DateTime<Utc>, answered_at: DateTime<Utc>, server_time: DateTime<Utc>) -> TimeDelta {
    server_time - (asked_at + (answered_at - asked_at) / 2)
}

impl Clock for ServerClock {
    fn now(&self) -> DateTime<Utc> {
        let own = self.own.now();
        match self.offset.load(Ordering::Acquire) {
            0 => own,
            offset => own.checked_add_signed(TimeDelta::microseconds(offset)).unwrap_or(own),
        }
    }

    fn sleep_until(&self, at: DateTime<Utc>) -> Sleep {
        self.own.sleep_until(at.checked_sub_signed(self.offset()).unwrap_or(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shows what it is told to.
    #[derive(Debug)]
    struct Hands(AtomicI64);

    impl Clock for Hands {
        fn now(&self) -> DateTime<Utc> {
            DateTime::from_timestamp(self.0.load(Ordering::SeqCst), 0).unwrap()
        }

        fn sleep_until(&self, _at: DateTime<Utc>) -> Sleep {
            Box::pin(std::future::pending())
        }
    }

    #[test]
    fn an_answer_that_took_long_is_asked_for_again_and_the_quickest_counts() {
        let hands = Arc::new(Hands(AtomicI64::new(1_000)));
        let clock = ServerClock::new(hands.clone());
        for (answers_take, expected_questions) in [(vec![60, 0], 2), (vec![0], 1), (vec![9, 7, 8, 1], 3)] {
            let questions = AtomicI64::new(0);
            let measured = clock.measure(|| {
                let took = answers_take[questions.fetch_add(1, Ordering::SeqCst) as usize];
                let answered_at = hands.0.fetch_add(took, Ordering::SeqCst) + took;
                // The server, ten seconds ahead, answers at once when it answers at all.
                std::future::ready(Ok(DateTime::from_timestamp(answered_at + 10, 0)))
            });

            futures_util::FutureExt::now_or_never(measured).unwrap().unwrap();

            let wrong_by = (clock.offset() - TimeDelta::seconds(10)).num_milliseconds();
            let quickest = *answers_take.iter().take(3).min().unwrap();
            assert_eq!(questions.load(Ordering::SeqCst), expected_questions, "{answers_take:?}");
            assert_eq!(wrong_by, quickest * 500, "half of the quickest answer");
        }
    }

    #[test]
    fn the_answer_is_taken_to_be_given_in_the_middle() {
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        assert_eq!(offset(at(100), at(104), at(112)), TimeDelta::seconds(10));
        assert_eq!(offset(at(100), at(104), at(90)), TimeDelta::seconds(-12));
    }
}
