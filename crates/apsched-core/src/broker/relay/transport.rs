//! What a plug-in brings: how one connection to its server is made, and how bytes go over it.
//!
//! A transport carries bytes and decides nothing. Events, sizes, order, repetition, pauses and reconnection are the
//! relay's; a connection that fails is dropped, and the next is made from scratch by [`Transport::connect`], so that
//! nothing of the old one (a missing subscription, a full window) can live on.

use std::error::Error;
use std::fmt;
use std::future::Future;

/// Makes connections to one server, each subscribed to the channel that all processes share.
pub trait Transport: fmt::Debug + Send + Sync + 'static {
    /// The half that sends.
    type Sender: LinkSender;
    /// The half that receives.
    type Receiver: LinkReceiver;

    /// Connects and subscribes.
    ///
    /// *Behavior*
    /// - what is published to the channel after this has returned is received, one's own messages too
    /// - nothing is taken over from an earlier connection
    ///
    /// # Cancel safety
    /// Dropped when it takes longer than [`BrokerOptions::timeout`](super::BrokerOptions::timeout); a half-made
    /// connection is then closed.
    fn connect(&self) -> impl Future<Output = Result<(Self::Sender, Self::Receiver), LinkError>> + Send;
}

/// Publishes on one connection. Used while the [`LinkReceiver`] of the same connection is polled.
pub trait LinkSender: Send {
    /// Publishes a message to all who are subscribed, of at most
    /// [`MAX_MESSAGE_BYTES`](super::MAX_MESSAGE_BYTES) bytes, after those before it.
    ///
    /// After an error the same message may be sent again on the next connection; who gets it twice ignores it once.
    fn send(&mut self, message: &[u8]) -> impl Future<Output = Result<(), LinkError>> + Send;

    /// Asks the server whether it is still there, over every socket of the connection. Does nothing where the client
    /// library does so by itself.
    fn ping(&mut self) -> impl Future<Output = Result<(), LinkError>> + Send;

    /// Says goodbye to the server after what was sent. Nothing is called after it.
    fn close(&mut self) -> impl Future<Output = ()> + Send;
}

/// Receives on one connection.
pub trait LinkReceiver: Send {
    /// The next message of the channel. Polled without a break for as long as the connection lives, so it may do the
    /// connection's work besides.
    ///
    /// # Errors
    /// When the connection has ended.
    fn receive(&mut self) -> impl Future<Output = Result<Vec<u8>, LinkError>> + Send;
}

/// Why a connection could not be made, or has ended. Another one is tried.
#[derive(Debug, thiserror::Error)]
#[error("{attempted}")]
pub struct LinkError {
    attempted: &'static str,
    #[source]
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl LinkError {
    /// What was attempted, and what became of it.
    pub fn new(attempted: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { attempted, source: Some(source.into()) }
    }

    /// What went wrong, without a cause that is known.
    #[must_use]
    pub const fn of(problem: &'static str) -> Self {
        Self { attempted: problem, source: None }
    }
}
