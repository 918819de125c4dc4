//! What can be set on every broker that reaches other processes.

use std::time::Duration;

use crate::backoff::Backoff;
use crate::broker::BrokerError;
use crate::serializer::Serializers;

/// Settings that all brokers between processes share. The default suits most programs.
///
/// ```
/// use apsched_core::broker::relay::{BrokerOptions, RelayedEvents};
///
/// let many_processes = BrokerOptions { events: RelayedEvents::Wakeups, ..BrokerOptions::default() };
/// assert_eq!(many_processes.queue_capacity, 4096);
/// ```
#[derive(Clone, Debug)]
pub struct BrokerOptions {
    /// Which events travel. Default [`RelayedEvents::Wanted`].
    pub events: RelayedEvents,
    /// Formats of messages: the one that is written, and those that are read. Default: JSON. Processes that write
    /// different formats understand each other if each reads the other's.
    pub serializers: Serializers,
    /// Most events that wait to be sent, such as while the server is away. Default 4096; zero counts as one. With more
    /// the oldest are given up, and the other processes are told that some are missing.
    pub queue_capacity: usize,
    /// Shortest time between two wake-ups that are sent, from which every other scheduler looks at its store. What
    /// comes in between is summed up in the next. Default 5 ms; the first after a quiet time is sent at once. Zero: no
    /// pause.
    pub wakeup_interval: Duration,
    /// Longest wait for an answer of the server: to connect, to send, to a sign of life. Default 5 s. Past it the
    /// connection is given up and another one made.
    pub timeout: Duration,
    /// Time between two questions to the server whether it is still there, which find a connection that is dead though
    /// nobody closed it. Default 10 s.
    pub keep_alive: Duration,
    /// Pauses between attempts to connect, which are made for ever. Default: from 100 ms, doubling, up to 30 s, half of
    /// it random so that many processes do not come back all at once.
    pub reconnect: Backoff,
}

/// Which events travel between processes. Those that concern one process only ([`Event::is_local`]) never do.
///
/// [`Event::is_local`]: crate::event::Event::is_local
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RelayedEvents {
    /// All events, so that a subscriber hears of every process. Events of single jobs are built and sent only while
    /// some process listens to their type: each process tells the others what it listens to.
    #[default]
    Wanted,
    /// Only what makes schedulers look at the store: [`Wakeup`](crate::event::Wakeup) and
    /// [`JobCancelRequested`](crate::event::JobCancelRequested). Subscribers do not hear of this process's work
    /// elsewhere, and who waits for a result of a job that runs here learns it within the poll interval.
    Wakeups,
}

impl Default for BrokerOptions {
    fn default() -> Self {
        Self {
            events: RelayedEvents::default(),
            serializers: Serializers::default(),
            queue_capacity: 4096,
            wakeup_interval: Duration::from_millis(5),
            timeout: Duration::from_secs(5),
            keep_alive: Duration::from_secs(10),
            reconnect: Backoff {
                initial: Duration::from_millis(100),
                factor: 2.0,
                max: Duration::from_secs(30),
                jitter: 0.5,
            },
        }
    }
}

impl BrokerOptions {
    /// Refuses what can never work.
    pub(super) fn check(&self) -> Result<(), BrokerError> {
        for (name, duration) in [("timeout", self.timeout), ("keep_alive", self.keep_alive)] {
            if duration.is_zero() {
                return Err(misconfigured(format!("{name}: expected a duration above zero")));
            }
        }
        let serializer = self.serializers.own_name();
        let is_word = !serializer.is_empty() && serializer.bytes().all(|byte| byte.is_ascii_graphic());
        if serializer.len() > 32 || !is_word {
            let reason =
                format!("serializer {serializer:?}: expected a name of 1 to 32 ASCII letters without spaces");
            return Err(misconfigured(reason));
        }
        Ok(())
    }
}

const fn misconfigured(reason: String) -> BrokerError {
    BrokerError::Misconfigured { reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_never_work_is_refused_by_name() {
        let options = BrokerOptions { keep_alive: Duration::ZERO, ..BrokerOptions::default() };

        assert_eq!(BrokerOptions::default().check(), Ok(()));
        assert_eq!(
            options.check().unwrap_err().to_string(),
            "start the event broker: keep_alive: expected a duration above zero"
        );
    }
}
