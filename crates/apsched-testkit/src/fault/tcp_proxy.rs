//! A line to a server that a test can spoil: an address of its own, connected through to the server's.
//!
//! | told to | new connections | existing connections |
//! |---|---|---|
//! | `forward` (at first) | are forwarded | go on |
//! | `refuse` | are reset at once | are reset |
//! | `cut` | as before | are reset |
//! | `swallow` | are accepted and read, and get no answer | are read, and nothing arrives at either side |
//! | `heal` | are forwarded | go on, but those that lost something are reset: nobody could make sense of the rest |
//!
//! A reset is a TCP RST, as a crashed server or a firewall sends. `swallow` is the half-open connection of a pulled plug: no end
//! hears of anything, neither bytes nor that the other one closed.
//!
//! Not here: what a client makes of it. A test waits for that with a bound, for example in [`TcpProxy::wait_until`].

use std::future;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

const BUFFER_BYTES: usize = 16 * 1024;

/// Forwards connections to a server, or spoils them as it is told.
///
/// It listens at a free port of 127.0.0.1, from [`start`](Self::start) until it is dropped; then it resets its connections.
/// What it is told counts from the moment at which the method returns: nothing that is sent later is treated otherwise.
///
/// ```no_run
/// # async fn test() -> std::io::Result<()> {
/// use apsched_testkit::backend::Backend;
/// use apsched_testkit::fault::TcpProxy;
///
/// let proxy = TcpProxy::start(Backend::Redis.address()).await?;
/// let url = Backend::Redis.url_through(proxy.address()); // for the store or broker under test
///
/// proxy.refuse(); // the server is gone …
/// proxy.heal(); // … and back
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct TcpProxy {
    address: SocketAddr,
    orders: watch::Sender<Orders>,
    connections: watch::Receiver<Connections>,
    acceptor: JoinHandle<()>,
}

/// How many connections a [`TcpProxy`] has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connections {
    /// Taken from clients since the start, the refused ones among them.
    pub accepted: u64,
    /// Reset by the proxy since the start: refused, cut, without a server behind them, or healed after a loss.
    pub reset: u64,
    /// Of clients, at this moment.
    pub open: u64,
    /// Bytes that were read and not delivered since the start.
    pub swallowed_bytes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Orders {
    line: Line,
    /// How often everything has been cut.
    cuts: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    Forward,
    Refuse,
    Swallow,
}

impl TcpProxy {
    /// A proxy of the server at `upstream`: a `"host:port"` or whatever reads so. Nobody needs to listen there yet.
    ///
    /// Runs on the current tokio runtime, whose time must not be paused: time does not wait for sockets.
    ///
    /// # Errors
    /// When no port of 127.0.0.1 is free.
    pub async fn start(upstream: impl ToString) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let (orders, told) = watch::channel(Orders { line: Line::Forward, cuts: 0 });
        let (counted, connections) = watch::channel(Connections::default());
        let acceptor = tokio::spawn(accept(listener, upstream.to_string(), told, counted));
        Ok(Self { address, orders, connections, acceptor })
    }

    /// Forwards: as at the start, and the same as [`heal`](Self::heal).
    pub fn forward(&self) {
        self.order(Line::Forward);
    }

    /// Resets every connection and every one to come.
    pub fn refuse(&self) {
        self.orders.send_modify(|orders| *orders = Orders { line: Line::Refuse, cuts: orders.cuts + 1 });
    }

    /// Resets every connection over which its client has heard from the server, once.
    ///
    /// One that is being made at this moment may count as new.
    pub fn cut(&self) {
        self.orders.send_modify(|orders| orders.cuts += 1);
    }

    /// Lets nothing through in either direction, not even the end of a connection, and lets nobody notice.
    pub fn swallow(&self) {
        self.order(Line::Swallow);
    }

    /// Ends what [`refuse`](Self::refuse) or [`swallow`](Self::swallow) began. Connections that lost something, or began
    /// while everything was swallowed, are reset.
    pub fn heal(&self) {
        self.order(Line::Forward);
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections there are and were.
    #[must_use]
    pub fn connections(&self) -> Connections {
        *self.connections.borrow()
    }

    /// Waits until the connections are as `condition` wants them, and tells how they are then.
    ///
    /// # Panics
    /// When that takes longer than `limit`, with the connections there are.
    ///
    /// # Cancel safety
    /// Dropping it changes nothing.
    pub async fn wait_until(&self, limit: Duration, condition: impl Fn(Connections) -> bool) -> Connections {
        let mut connections = self.connections.clone();
        let waited = tokio::time::timeout(limit, connections.wait_for(|it| condition(*it))).await;
        match waited {
            Ok(found) => *found.expect("the proxy counts until it is dropped"),
            Err(_) => panic!("after {limit:?} the connections are still {:?}", self.connections()),
        }
    }

    fn order(&self, line: Line) {
        self.orders.send_modify(|orders| orders.line = line);
    }
}

impl Drop for TcpProxy {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}

/// Takes connections until it is dropped, and theirs with it.
async fn accept(
    listener: TcpListener,
    upstream: String,
    told: watch::Receiver<Orders>,
    counted: watch::Sender<Connections>,
) {
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            Some(_ended) = open.join_next() => {}
            taken = listener.accept() => match taken {
                Ok((client, _)) => {
                    let cuts = told.borrow().cuts;
                    let line = SpoiledLine { told: told.clone(), cuts, lost: AtomicBool::new(false) };
                    open.spawn(serve(Sockets::new(client, counted.clone()), line, upstream.clone()));
                }
                // The client gave up already, or this process has no descriptor left: the next one decides.
                Err(_) => tokio::task::yield_now().await,
            }
        }
    }
}

async fn serve(mut sockets: Sockets, line: SpoiledLine, upstream: String) {
    let ended = tokio::select! {
        biased;
        () = line.broken() => Err(io::ErrorKind::ConnectionReset.into()),
        ended = forward(&mut sockets, &line, &upstream) => ended,
    };
    sockets.is_reset = ended.is_err();
}

/// Carries bytes both ways until both ends have closed their side. Fails when an end breaks the connection.
async fn forward(sockets: &mut Sockets, line: &SpoiledLine, upstream: &str) -> io::Result<()> {
    let Sockets { client, server, counted, .. } = sockets;
    let (from_client, to_client) = client.split();
    if line.swallows() {
        return pump(from_client, tokio::io::sink(), line, counted).await;
    }
    let connected = TcpStream::connect(upstream).await;
    if connected.is_err() && line.swallows() {
        return future::pending().await;
    }
    let server = server.insert(connected?);
    server.set_nodelay(true)?;
    let (from_server, to_server) = server.split();
    tokio::try_join!(pump(from_client, to_server, line, counted), pump(from_server, to_client, line, counted))
        .map(|_| ())
}

/// Carries bytes one way, up to and with their end.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    line: &SpoiledLine,
    counted: &watch::Sender<Connections>,
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let read = from.read(&mut buffer).await;
        if line.swallows() {
            match read {
                Ok(length @ 1..) => {
                    counted.send_modify(|it| it.swallowed_bytes += length as u64);
                    continue;
                }
                _ => return future::pending().await,
            }
        }
        let length = read?;
        let sent = if length == 0 { to.shutdown().await } else { to.write_all(&buffer[..length]).await };
        if sent.is_err() && line.swallows() {
            return future::pending().await;
        }
        sent?;
        if length == 0 {
            return Ok(());
        }
    }
}

/// What one connection is told, and whether it can go on afterwards.
struct SpoiledLine {
    told: watch::Receiver<Orders>,
    /// How often everything had been cut when the connection began.
    cuts: u64,
    /// Something has been swallowed.
    lost: AtomicBool,
}

impl SpoiledLine {
    /// Whether nothing gets through now; then the connection has a hole from here on.
    fn swallows(&self) -> bool {
        let swallows = self.told.borrow().line == Line::Swallow;
        self.lost.fetch_or(swallows, Ordering::Relaxed);
        swallows
    }

    /// Ends when the connection has to be reset.
    async fn broken(&self) {
        let is_broken = |orders: &Orders| match orders.line {
            _ if orders.cuts != self.cuts => true,
            Line::Refuse => true,
            Line::Forward => self.lost.load(Ordering::Relaxed),
            Line::Swallow => false,
        };
        let mut told = self.told.clone();
        if told.wait_for(is_broken).await.is_err() {
            // Nobody is left to tell anything: the proxy is being dropped.
            future::pending::<()>().await;
        }
    }
}

/// Both ends of a connection. Dropped, it closes or resets them, and counts.
struct Sockets {
    client: TcpStream,
    /// `None` until the server has taken the connection.
    server: Option<TcpStream>,
    counted: watch::Sender<Connections>,
    is_reset: bool,
}

impl Sockets {
    fn new(client: TcpStream, counted: watch::Sender<Connections>) -> Self {
        counted.send_modify(|it| {
            it.accepted += 1;
            it.open += 1;
        });
        Self { client, server: None, counted, is_reset: true }
    }
}

impl Drop for Sockets {
    fn drop(&mut self) {
        let sockets = [Some(&self.client), self.server.as_ref()];
        for socket in sockets.into_iter().flatten().filter(|_| self.is_reset) {
            // Fails only on a socket that is broken already.
            let _ = SockRef::from(socket).set_linger(Some(Duration::ZERO));
        }
        self.counted.send_modify(|it| {
            it.open -= 1;
            it.reset += u64::from(self.is_reset);
        });
    }
}

#[cfg(test)]
mod tests;
