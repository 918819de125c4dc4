//! The connection to the server: made, watched, and made again for as long as the broker lives.
//!
//! ```text
//!         ┌──────────── pause, longer each time ◀──────────┐
//!         ▼                                                │ error, silence
//!   connect, subscribe ──▶ send a message, hear it back ──▶ carry messages ──▶ stop: send what waits, say goodbye
//! ```
//!
//! **A connection counts once the process has heard itself.** So a subscription that was refused silently, or that a
//! pooler in between gave to another session, is a failure that is told, and not a broker that is deaf.
//!
//! **After each connection but the first, events may have been missed**: subscribers are told, and schedulers look at
//! their stores.
//!
//! A message that could not be sent is sent once more on the next connection, as it is: its number tells those who had it.
//! Should that fail as well, it is given up, so that no message can hold up those behind it for ever.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};

use super::exchange::{Exchange, Gap, Turn};
use super::options::BrokerOptions;
use super::outbox::Parcel;
use super::transport::{LinkError, LinkReceiver, LinkSender, Transport};
use crate::job::ErrorChain;

/// How often the clock of the audience ticks.
const TICK: Duration = Duration::from_secs(1);

/// Drives the connection of one broker until it is told to stop.
pub(super) struct Link<T> {
    pub(super) transport: Arc<T>,
    pub(super) exchange: Arc<Exchange>,
    pub(super) options: BrokerOptions,
    /// Turns true when the broker stops.
    pub(super) stop: watch::Receiver<bool>,
    /// Turns true when the first attempt to connect has succeeded or failed.
    pub(super) is_tried: watch::Sender<bool>,
    pub(super) history: History,
}

/// What is remembered from one connection to the next.
#[derive(Debug, Default)]
pub(super) struct History {
    attempts: u64,
    /// Failures since the last connection that worked.
    failures: u32,
    /// A message that was taken and perhaps not sent.
    unsent: Option<Parcel>,
}

/// The broker was told to stop.
struct Stopped;

impl<T: Transport> Link<T> {
    pub(super) async fn run(mut self) {
        loop {
            let Err(error) = self.one_connection().await else { return };
            if *self.stop.borrow() {
                return;
            }
            let reason = reason(&error);
            self.history.failures = self.history.failures.saturating_add(1);
            let pause = self.options.reconnect.delay(self.history.failures, fastrand::f64());
            match self.exchange.disconnected(reason.clone()) {
                Turn::ForWorse => tracing::warn!(reason, "the event broker is not connected; it tries again"),
                _ => tracing::debug!(reason, ?pause, "the event broker is still not connected"),
            }
            self.is_tried.send_replace(true);
            tokio::select! {
                () = sleep_until(Instant::now() + pause) => {}
                () = stopping(&mut self.stop) => return,
            }
        }
    }

    async fn one_connection(&mut self) -> Result<Stopped, LinkError> {
        self.history.attempts += 1;
        let connecting = within(self.options.timeout, self.transport.connect());
        let (mut sender, mut receiver) = tokio::select! {
            connected = connecting => connected?,
            () = stopping(&mut self.stop) => return Ok(Stopped),
        };
        let exchange = self.exchange.clone();
        tokio::select! {
            error = receive_all(&exchange, &mut receiver) => Err(error),
            end = self.send_all(&mut sender) => end,
        }
    }

    async fn send_all(&mut self, sender: &mut T::Sender) -> Result<Stopped, LinkError> {
        self.introduce(sender).await?;
        let mut ticks = interval_at(Instant::now() + TICK, TICK);
        let mut pings = interval_at(Instant::now() + self.options.keep_alive, self.options.keep_alive);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut rest = pin!(sleep_until(Instant::now()));
        let mut rests = true;
        loop {
            tokio::select! {
                () = self.exchange.has_work() => {
                    if self.send_next(sender).await? == Next::WakeupsRest {
                        rest.as_mut().reset(Instant::now() + self.options.wakeup_interval);
                        rests = true;
                    }
                }
                () = &mut rest, if rests => {
                    rests = false;
                    self.exchange.rest_is_over();
                }
                _ = ticks.tick() => self.exchange.tick(),
                _ = pings.tick() => within(self.options.timeout, sender.ping()).await?,
                () = stopping(&mut self.stop) => {
                    self.exchange.leave();
                    while self.send_next(sender).await? != Next::Nothing {}
                    sender.close().await;
                    return Ok(Stopped);
                }
            }
        }
    }

    /// Sends a first message, and hears it.
    async fn introduce(&mut self, sender: &mut T::Sender) -> Result<(), LinkError> {
        let mut echoes = self.exchange.begin();
        if let Some(parcel) = self.history.unsent.take() {
            within(self.options.timeout, sender.send(&parcel.bytes)).await?;
        }
        self.send_next(sender).await?;
        let heard = timeout(self.options.timeout, echoes.changed()).await;
        heard
            .map_err(|_| {
                LinkError::of("what was published to the channel did not come back to its subscriber")
            })?
            .ok();
        let gap = if self.history.attempts > 1 { Gap::Possible } else { Gap::None };
        let turn = self.exchange.connected(gap);
        tracing::info!(attempts = self.history.failures + 1, ?turn, "the event broker is connected");
        self.history.failures = 0;
        self.is_tried.send_replace(true);
        Ok(())
    }

    async fn send_next(&mut self, sender: &mut T::Sender) -> Result<Next, LinkError> {
        let Some(parcel) = self.history.unsent.take().or_else(|| self.exchange.take()) else {
            return Ok(Next::Nothing);
        };
        let wakes = parcel.wakes;
        let parcel = self.history.unsent.insert(parcel);
        within(self.options.timeout, sender.send(&parcel.bytes)).await?;
        if parcel.lost.count > 0 {
            tracing::warn!(lost = parcel.lost.count, "events were not sent: too many had waited");
        }
        self.history.unsent = None;
        Ok(if wakes { Next::WakeupsRest } else { Next::Sent })
    }
}

/// What was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Nothing,
    Sent,
    /// A wake-up, among others.
    WakeupsRest,
}

async fn receive_all(exchange: &Exchange, receiver: &mut impl LinkReceiver) -> LinkError {
    loop {
        match receiver.receive().await {
            Ok(bytes) => {
                if let Err(ignored) = exchange.receive(&bytes)
                    && ignored.is_worth_telling()
                {
                    let why = ErrorChain::of(&ignored.why).to_string();
                    tracing::warn!(why, "a message on the event broker's channel was ignored");
                }
            }
            Err(error) => return error,
        }
    }
}

async fn within<V>(
    limit: Duration,
    call: impl Future<Output = Result<V, LinkError>>,
) -> Result<V, LinkError> {
    timeout(limit, call).await.unwrap_or_else(|_| Err(LinkError::of("the server did not answer in time")))
}

/// What failed and why, each cause once: client libraries repeat causes in what they say of themselves.
fn reason(error: &LinkError) -> String {
    let mut reason = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let text = error.to_string();
        if !reason.contains(&text) {
            reason.push_str(": ");
            reason.push_str(&text);
        }
        cause = error.source();
    }
    reason
}

/// Ends when the broker stops.
async fn stopping(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|stops| *stops).await.is_err() {
        // Who would stop it is gone, and the link goes on until it is dropped.
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("talk to the server: {0}")]
    struct Repeating(#[source] std::io::Error);

    #[test]
    fn a_reason_names_each_cause_once() {
        let refused = || std::io::Error::new(std::io::ErrorKind::ConnectionRefused, "refused");

        assert_eq!(reason(&LinkError::of("silence")), "silence");
        assert_eq!(reason(&LinkError::new("connect", refused())), "connect: refused");
        assert_eq!(
            reason(&LinkError::new("connect", Repeating(refused()))),
            "connect: talk to the server: refused"
        );
    }
}
