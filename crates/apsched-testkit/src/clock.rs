//! A clock that stands still until a test moves it.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use apsched_core::instant;
use apsched_core::scheduler::{Clock, Sleep};
use chrono::{DateTime, Utc};

/// A [`Clock`] that is moved by hand; clones are the same clock.
///
/// ```
/// use std::time::Duration;
/// use apsched_core::scheduler::Clock;
/// use apsched_testkit::ManualClock;
///
/// let clock = ManualClock::at("2026-01-01T00:00:00Z");
/// let sleep = clock.sleep_until("2026-01-01T00:00:10Z".parse()?);
/// assert_eq!(clock.next_sleep(), Some("2026-01-01T00:00:10Z".parse()?));
///
/// clock.advance(Duration::from_secs(10));
/// assert_eq!(clock.next_sleep(), None); // that sleep has ended
///
/// clock.set("2025-12-31T23:00:00Z".parse()?); // somebody set the clock back
/// assert_eq!(clock.now().to_rfc3339(), "2025-12-31T23:00:00+00:00");
/// # drop(sleep);
/// # Ok::<(), chrono::ParseError>(())
/// ```
#[derive(Clone)]
pub struct ManualClock(Arc<Mutex<State>>);

struct State {
    now: DateTime<Utc>,
    /// By the instant that is awaited, then by the order of going to sleep.
    sleepers: BTreeMap<(DateTime<Utc>, u64), Option<Waker>>,
    sleeps: u64,
}

impl ManualClock {
    /// A clock that shows this time, in RFC 3339.
    ///
    /// # Panics
    /// When the text is no instant.
    #[must_use]
    pub fn at(now: &str) -> Self {
        Self::new(
            now.parse()
                .unwrap_or_else(|error| panic!("expected an instant in RFC 3339, found {now:?}: {error}")),
        )
    }

    /// A clock that shows this time, cut to microseconds.
    #[must_use]
    pub fn new(now: DateTime<Utc>) -> Self {
        let state = State { now: instant::to_micros(now), sleepers: BTreeMap::new(), sleeps: 0 };
        Self(Arc::new(Mutex::new(state)))
    }

    /// Moves the clock forward, and wakes those whose time has come, the earliest first.
    pub fn advance(&self, by: Duration) {
        let mut state = self.state();
        let now = instant::after(state.now, by);
        let awake = state.moved_to(now);
        drop(state);
        awake.into_iter().for_each(Waker::wake);
    }

    /// Sets the clock, forward or back, and wakes those whose time has come, the earliest first.
    ///
    /// A step back ends no sleep, and an ended one stays ended.
    pub fn set(&self, now: DateTime<Utc>) {
        let awake = self.state().moved_to(instant::to_micros(now));
        awake.into_iter().for_each(Waker::wake);
    }

    /// Moves the clock to the earliest instant that is awaited, and wakes who awaits it.
    ///
    /// Gives that instant; `None` when nobody sleeps, and then nothing moves.
    pub fn advance_to_next_sleep(&self) -> Option<DateTime<Utc>> {
        let next = self.next_sleep()?;
        self.set(next);
        Some(next)
    }

    /// Lets time jump from one awaited instant to the next until `future` is done, and gives what that gave.
    ///
    /// Others on the runtime have a turn before each jump.
    ///
    /// ```
    /// use std::time::Duration;
    /// use apsched_core::scheduler::Clock;
    /// use apsched_testkit::ManualClock;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), chrono::ParseError> {
    /// let clock = ManualClock::at("2026-01-01T00:00:00Z");
    /// clock.advance_until(clock.sleep_until("2027-01-01T00:00:00Z".parse()?)).await;
    /// assert_eq!(clock.now().to_rfc3339(), "2027-01-01T00:00:00+00:00");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Cancel safety
    /// Dropping the future leaves the clock where it stands, and drops `future`.
    pub async fn advance_until<F: IntoFuture>(&self, future: F) -> F::Output {
        let mut future = std::pin::pin!(future.into_future());
        loop {
            tokio::select! {
                biased;
                done = &mut future => return done,
                () = tokio::task::yield_now() => drop(self.advance_to_next_sleep()),
            }
        }
    }

    /// The earliest instant that is awaited. `None`: nobody sleeps.
    #[must_use]
    pub fn next_sleep(&self) -> Option<DateTime<Utc>> {
        self.state().sleepers.keys().next().map(|(at, _)| *at)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Sets the time; gives those to wake, in order. They are woken when the clock can be asked again.
    fn moved_to(&mut self, now: DateTime<Utc>) -> Vec<Waker> {
        self.now = now;
        let asleep = self.sleepers.split_off(&(now, u64::MAX));
        std::mem::replace(&mut self.sleepers, asleep).into_values().flatten().collect()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        self.state().now
    }

    fn sleep_until(&self, at: DateTime<Utc>) -> Sleep {
        let mut state = self.state();
        if at <= state.now {
            return Box::pin(std::future::ready(()));
        }
        state.sleeps += 1;
        let place = (at, state.sleeps);
        state.sleepers.insert(place, None);
        Box::pin(ManualSleep { clock: self.clone(), place })
    }
}

impl fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        write!(f, "ManualClock({}, {} asleep)", state.now.to_rfc3339(), state.sleepers.len())
    }
}

/// Ends when the clock has taken its place out of the sleepers.
struct ManualSleep {
    clock: ManualClock,
    place: (DateTime<Utc>, u64),
}

impl Future for ManualSleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        match self.clock.state().sleepers.get_mut(&self.place) {
            None => Poll::Ready(()),
            Some(waker) => {
                *waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for ManualSleep {
    fn drop(&mut self) {
        self.clock.state().sleepers.remove(&self.place);
    }
}

#[cfg(test)]
mod tests {
    use std::task::Wake;

    use futures_util::FutureExt;

    use super::*;
    use crate::sample::{at, seconds};

    /// Writes its number down when it is woken.
    struct Bell(u8, Arc<Mutex<Vec<u8>>>);

    impl Wake for Bell {
        fn wake(self: Arc<Self>) {
            self.1.lock().unwrap().push(self.0);
        }
    }

    #[test]
    fn sleepers_are_woken_in_the_order_of_their_time() {
        let clock = ManualClock::new(at(0));
        let rung = Arc::default();
        let mut sleeps = Vec::new();
        for (number, second) in [(1, 30), (2, 10), (3, 20), (4, 10), (5, 99)] {
            let mut sleep = clock.sleep_until(at(second));
            let bell = Waker::from(Arc::new(Bell(number, Arc::clone(&rung))));
            assert!(sleep.poll_unpin(&mut Context::from_waker(&bell)).is_pending());
            sleeps.push(sleep);
        }

        clock.advance(seconds(30));

        assert_eq!(*rung.lock().unwrap(), [2, 4, 3, 1]);
        assert_eq!(clock.next_sleep(), Some(at(99)));
    }

    #[test]
    fn a_sleep_until_now_or_earlier_ends_at_once() {
        let clock = ManualClock::new(at(10));
        assert_eq!(clock.sleep_until(at(10)).now_or_never(), Some(()));
        assert_eq!(clock.sleep_until(at(3)).now_or_never(), Some(()));
        assert_eq!(clock.next_sleep(), None);
    }

    #[test]
    fn a_step_back_ends_no_sleep_and_revives_none() {
        let clock = ManualClock::new(at(10));
        let (mut ended, mut pending) = (clock.sleep_until(at(20)), clock.sleep_until(at(40)));

        clock.set(at(30));
        clock.set(at(0));

        assert_eq!((&mut ended).now_or_never(), Some(()));
        assert_eq!((&mut pending).now_or_never(), None);
        clock.set(at(40));
        assert_eq!(pending.now_or_never(), Some(()));
    }

    #[test]
    fn a_dropped_sleep_is_not_awaited_any_more() {
        let clock = ManualClock::new(at(0));
        let (early, late) = (clock.sleep_until(at(5)), clock.sleep_until(at(9)));

        drop(early);

        assert_eq!(clock.advance_to_next_sleep(), Some(at(9)));
        assert_eq!((clock.now(), late.now_or_never()), (at(9), Some(())));
        assert_eq!(clock.advance_to_next_sleep(), None);
    }
}
