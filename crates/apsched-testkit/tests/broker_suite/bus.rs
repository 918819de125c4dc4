//! A server in memory, with a line to it that can be spoiled, and the transport of the relay over that line.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use apsched_core::Backoff;
use apsched_core::broker::EventBroker;
use apsched_core::broker::relay::{BrokerOptions, LinkError, LinkReceiver, LinkSender, Relay, Transport};
use apsched_testkit::conformance::Support;
use apsched_testkit::conformance::broker::{BrokerCapabilities, BrokerHarness, Disturbance};
use async_trait::async_trait;
use tokio::sync::{broadcast, watch};

/// What a transport does wrong. The first two are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Each message arrives twice.
    Repeats,
    /// A message that holds the word "poison" breaks the connection.
    RefusesPoison,
    /// After the first connection nothing is subscribed to.
    ForgetsTheSubscription,
    /// It connects once and never again.
    ConnectsOnce,
    /// A sign of life is not asked for, and sending tells of no failure.
    BelievesInALine,
    /// Each second message comes after the next.
    Overtakes,
}

/// One server, and the processes that are connected to it.
#[derive(Clone, Debug)]
pub(crate) struct Bus {
    wire: Arc<Mutex<broadcast::Sender<Vec<u8>>>>,
    line: Arc<watch::Sender<Line>>,
    fault: Option<Fault>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Line {
    state: State,
    cuts: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Open,
    Refuses,
    Swallows,
}

impl Bus {
    pub(crate) fn new(fault: Option<Fault>) -> Self {
        let wire = Arc::new(Mutex::new(broadcast::channel(1 << 14).0));
        Self { wire, line: Arc::default(), fault }
    }

    fn wire(&self) -> broadcast::Sender<Vec<u8>> {
        self.wire.lock().expect("nothing panics under the lock").clone()
    }

    fn set(&self, state: State) {
        self.line.send_modify(|line| line.state = state);
    }

    fn cut(&self) {
        self.line.send_modify(|line| line.cuts += 1);
    }

    fn broker(&self) -> Arc<dyn EventBroker> {
        let options = BrokerOptions {
            timeout: Duration::from_millis(500),
            keep_alive: Duration::from_millis(200),
            reconnect: Backoff::fixed(Duration::from_millis(5)),
            ..BrokerOptions::default()
        };
        let transport = BusTransport { bus: self.clone(), connections: AtomicUsize::new(0) };
        Arc::new(Relay::new(transport, options))
    }
}

#[async_trait]
impl BrokerHarness for Bus {
    async fn open(&self) -> Arc<dyn EventBroker> {
        self.broker()
    }

    async fn open_undisturbed(&self) -> Arc<dyn EventBroker> {
        Self { wire: self.wire.clone(), line: Arc::default(), fault: None }.broker()
    }

    fn capabilities(&self) -> BrokerCapabilities {
        BrokerCapabilities {
            other_processes: Support::Yes,
            outages: Support::Yes,
            foreign_messages: Support::Yes,
        }
    }

    async fn inject(&self, message: Vec<u8>) {
        self.wire().send(message).expect("somebody is subscribed");
    }

    async fn disturb(&self, disturbance: Disturbance) {
        match disturbance {
            Disturbance::Cut => self.cut(),
            Disturbance::Gone => {
                self.set(State::Refuses);
                self.cut();
            }
            Disturbance::Silence => self.set(State::Swallows),
            Disturbance::Heal => {
                self.set(State::Open);
                // Who was on a silent line has lost something.
                self.cut();
            }
            Disturbance::Restart => {
                *self.wire.lock().expect("nothing panics under the lock") = broadcast::channel(1 << 14).0;
                self.cut();
            }
        }
    }

    async fn restartable(&self) -> Result<Box<dyn BrokerHarness>, String> {
        Ok(Box::new(self.clone()))
    }
}

/// The relay's way to the server.
#[derive(Debug)]
struct BusTransport {
    bus: Bus,
    connections: AtomicUsize,
}

/// An end of a connection.
struct End {
    line: watch::Receiver<Line>,
    cuts: u64,
    fault: Option<Fault>,
}

struct BusSender {
    end: End,
    wire: broadcast::Sender<Vec<u8>>,
    held: Option<Vec<u8>>,
}

struct BusReceiver {
    end: End,
    wire: broadcast::Receiver<Vec<u8>>,
}

impl Transport for BusTransport {
    type Sender = BusSender;
    type Receiver = BusReceiver;

    async fn connect(&self) -> Result<(BusSender, BusReceiver), LinkError> {
        let Bus { line, fault, .. } = &self.bus;
        let is_first = self.connections.fetch_add(1, Ordering::Relaxed) == 0;
        let now = *line.borrow();
        match now.state {
            State::Refuses => return Err(LinkError::of("refused")),
            State::Swallows => return std::future::pending().await,
            State::Open if !is_first && *fault == Some(Fault::ConnectsOnce) => {
                return std::future::pending().await;
            }
            State::Open => {}
        }
        let end = || End { line: line.subscribe(), cuts: now.cuts, fault: *fault };
        let wire = self.bus.wire();
        let subscription = match fault {
            Some(Fault::ForgetsTheSubscription) if !is_first => Bus::new(None).wire().subscribe(),
            _ => wire.subscribe(),
        };
        Ok((
            BusSender { end: end(), wire: wire.clone(), held: None },
            BusReceiver { end: end(), wire: subscription },
        ))
    }
}

impl End {
    /// Ends when the connection is broken.
    async fn broken(&mut self) -> LinkError {
        let cuts = self.cuts;
        drop(self.line.wait_for(|line| line.cuts != cuts).await);
        LinkError::of("broken")
    }

    /// Waits for an answer of the server.
    async fn answer(&mut self) -> Result<(), LinkError> {
        let now = *self.line.borrow();
        match now.state {
            _ if now.cuts != self.cuts => Err(LinkError::of("broken")),
            State::Swallows if self.fault != Some(Fault::BelievesInALine) => Err(self.broken().await),
            _ => Ok(()),
        }
    }

    fn is_open(&self) -> bool {
        self.line.borrow().state == State::Open
    }
}

impl LinkSender for BusSender {
    async fn send(&mut self, message: &[u8]) -> Result<(), LinkError> {
        self.end.answer().await?;
        if !self.end.is_open() {
            return Ok(());
        }
        let (message, fault) = (message.to_vec(), self.end.fault);
        let tells_of = |word: &[u8]| message.windows(word.len()).any(|part| part == word);
        if fault == Some(Fault::RefusesPoison) && tells_of(b"poison") {
            return Err(LinkError::of("poison"));
        }
        let messages = match (fault, self.held.take()) {
            (Some(Fault::Repeats), _) => vec![message.clone(), message],
            (Some(Fault::Overtakes), None) => {
                // Not the first of a connection, which has to come back.
                if tells_of(b"\"events\"") {
                    self.held = Some(message);
                    return Ok(());
                }
                vec![message]
            }
            (_, held) => [Some(message), held].into_iter().flatten().collect(),
        };
        for message in messages {
            self.wire.send(message).map_err(|_| LinkError::of("the server has forgotten everybody"))?;
        }
        Ok(())
    }

    async fn ping(&mut self) -> Result<(), LinkError> {
        self.end.answer().await
    }

    async fn close(&mut self) {}
}

impl LinkReceiver for BusReceiver {
    async fn receive(&mut self) -> Result<Vec<u8>, LinkError> {
        loop {
            tokio::select! {
                biased;
                error = self.end.broken() => return Err(error),
                message = self.wire.recv() => match message {
                    Ok(message) if self.end.is_open() => return Ok(message),
                    Ok(_) => {}
                    Err(error) => return Err(LinkError::new("receive", error)),
                },
            }
        }
    }
}
