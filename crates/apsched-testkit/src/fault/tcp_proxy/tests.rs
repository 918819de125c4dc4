//! What both ends of a spoiled line see. Every wait ends with a signal or a panic after a generous bound.

use tokio::net::tcp::OwnedReadHalf;
use tokio::sync::mpsc;

use super::*;

const LIMIT: Duration = Duration::from_secs(30);

/// A server behind a proxy: it answers with what it gets, and tells how each of its connections ended.
struct Line {
    proxy: TcpProxy,
    ended: mpsc::UnboundedReceiver<(Vec<u8>, Result<(), io::ErrorKind>)>,
    _server: JoinSet<()>,
}

impl Line {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = TcpProxy::start(listener.local_addr().unwrap()).await.unwrap();
        let (tell, ended) = mpsc::unbounded_channel();
        let mut server = JoinSet::new();
        server.spawn(async move {
            let mut open = JoinSet::new();
            loop {
                let (connection, _) = listener.accept().await.unwrap();
                open.spawn(echo(connection, tell.clone()));
            }
        });
        Self { proxy, ended, _server: server }
    }

    async fn connect(&self) -> TcpStream {
        bounded(TcpStream::connect(self.proxy.address())).await.unwrap()
    }

    /// A connection over which the server has answered.
    async fn connect_and_greet(&self) -> TcpStream {
        let mut client = self.connect().await;
        client.write_all(b"hello").await.unwrap();
        assert_eq!(answer(&mut client).await.unwrap(), b"hello");
        client
    }

    /// What the server got over the next connection that ended, and how it ended.
    async fn next_end(&mut self) -> (Vec<u8>, Result<(), io::ErrorKind>) {
        bounded(self.ended.recv()).await.unwrap()
    }
}

async fn echo(mut connection: TcpStream, tell: mpsc::UnboundedSender<(Vec<u8>, Result<(), io::ErrorKind>)>) {
    let mut got = Vec::new();
    let ended = loop {
        let start = got.len();
        match connection.read_buf(&mut got).await {
            Ok(0) => break Ok(()),
            Ok(_) => connection.write_all(&got[start..]).await.unwrap(),
            Err(error) => break Err(error.kind()),
        }
    };
    // The test may be over.
    let _ = tell.send((got, ended));
}

async fn bounded<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, work).await.expect("the line does what it is told within the limit")
}

/// The five bytes that come next.
async fn answer(client: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut answer = vec![0; 5];
    bounded(client.read_exact(&mut answer)).await?;
    Ok(answer)
}

async fn is_reset(client: &mut TcpStream) -> bool {
    answer(client).await.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionReset)
}

#[tokio::test]
async fn bytes_and_ends_are_forwarded_both_ways() {
    let mut line = Line::new().await;
    let mut client = line.connect_and_greet().await;

    client.shutdown().await.unwrap();

    assert_eq!(line.next_end().await, (b"hello".to_vec(), Ok(())));
    let mut rest = Vec::new();
    assert_eq!(bounded(client.read_to_end(&mut rest)).await.unwrap(), 0);
    let after = line.proxy.wait_until(LIMIT, |it| it.open == 0).await;
    assert_eq!(after, Connections { accepted: 1, ..Connections::default() });
}

#[tokio::test]
async fn more_than_a_buffer_arrives_whole() {
    let line = Line::new().await;
    let (mut reader, mut writer) = line.connect().await.into_split();
    let sent: Vec<u8> = (0..10 * BUFFER_BYTES).map(|number| (number % 251) as u8).collect();

    let written = async {
        writer.write_all(&sent).await.unwrap();
        writer.shutdown().await.unwrap();
    };
    let read = async |reader: &mut OwnedReadHalf| {
        let mut got = Vec::new();
        reader.read_to_end(&mut got).await.unwrap();
        got
    };
    let ((), got) = bounded(async { tokio::join!(written, read(&mut reader)) }).await;

    assert!(got == sent, "{} of {} bytes came back unchanged", got.len(), sent.len());
}

#[tokio::test]
async fn a_cut_resets_both_ends_once() {
    let mut line = Line::new().await;
    let mut client = line.connect_and_greet().await;

    line.proxy.cut();

    assert!(is_reset(&mut client).await);
    assert_eq!(line.next_end().await, (b"hello".to_vec(), Err(io::ErrorKind::ConnectionReset)));
    line.connect_and_greet().await;
    assert_eq!(line.proxy.connections().reset, 1);
}

#[tokio::test]
async fn a_refusal_resets_all_until_it_is_healed() {
    let line = Line::new().await;
    let mut old = line.connect_and_greet().await;

    line.proxy.refuse();

    assert!(is_reset(&mut old).await);
    // Where the reset is faster than the handshake's last word, connecting fails already.
    if let Ok(mut new) = bounded(TcpStream::connect(line.proxy.address())).await {
        assert!(is_reset(&mut new).await);
    }
    line.proxy.heal();
    line.connect_and_greet().await;
}

#[tokio::test]
async fn a_refusal_that_is_healed_at_once_has_still_reset_what_there_was() {
    let line = Line::new().await;
    let mut client = line.connect_and_greet().await;

    line.proxy.refuse();
    line.proxy.heal();

    assert!(is_reset(&mut client).await);
}

#[tokio::test]
async fn swallowed_bytes_arrive_nowhere_and_the_rest_is_reset() {
    let mut line = Line::new().await;
    let mut client = line.connect_and_greet().await;

    line.proxy.swallow();
    client.write_all(b"lost").await.unwrap();
    line.proxy.wait_until(LIMIT, |it| it.swallowed_bytes == 4).await;
    line.proxy.heal();

    assert!(is_reset(&mut client).await);
    assert_eq!(line.next_end().await, (b"hello".to_vec(), Err(io::ErrorKind::ConnectionReset)));
    line.connect_and_greet().await;
}

#[tokio::test]
async fn no_end_hears_that_the_other_closed_while_everything_is_swallowed() {
    let mut line = Line::new().await;
    let mut client = line.connect_and_greet().await;

    line.proxy.swallow();
    client.write_all(b"lost").await.unwrap();
    drop(client);
    line.proxy.wait_until(LIMIT, |it| it.swallowed_bytes == 4).await;
    line.proxy.heal();

    let (_, ended) = line.next_end().await;
    assert_eq!(ended, Err(io::ErrorKind::ConnectionReset), "a passed close would have been no error");
}

#[tokio::test]
async fn a_connection_that_lost_nothing_goes_on() {
    let line = Line::new().await;
    let mut client = line.connect_and_greet().await;

    line.proxy.swallow();
    line.proxy.heal();
    client.write_all(b"again").await.unwrap();

    assert_eq!(answer(&mut client).await.unwrap(), b"again");
}

#[tokio::test]
async fn a_connection_begun_while_everything_is_swallowed_is_accepted_and_gets_no_answer() {
    let mut line = Line::new().await;

    line.proxy.swallow();
    let mut client = line.connect().await;
    client.write_all(b"lost").await.unwrap();
    line.proxy.wait_until(LIMIT, |it| it.swallowed_bytes == 4).await;
    line.proxy.heal();

    assert!(is_reset(&mut client).await);
    drop(line.connect_and_greet().await);
    assert_eq!(line.next_end().await, (b"hello".to_vec(), Ok(())), "the server saw this connection alone");
}

#[tokio::test]
async fn without_a_server_the_client_is_reset() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let proxy = TcpProxy::start(nobody).await.unwrap();

    let mut client = bounded(TcpStream::connect(proxy.address())).await.unwrap();

    assert!(is_reset(&mut client).await);
}

#[tokio::test]
async fn a_dropped_proxy_resets_its_connections_and_listens_no_more() {
    let line = Line::new().await;
    let mut client = line.connect_and_greet().await;
    let Line { proxy, _server, .. } = line;
    let address = proxy.address();

    drop(proxy);

    assert!(is_reset(&mut client).await);
    bounded(async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
#[should_panic(expected = "the connections are still Connections { accepted: 0")]
async fn a_wait_in_vain_tells_the_connections_there_are() {
    let line = Line::new().await;

    line.proxy.wait_until(Duration::from_millis(1), |it| it.accepted > 0).await;
}
