//! The window of unacknowledged messages: what is stuck in it when a connection dies must not hold up the next one.
//!
//! The server here is a script that acknowledges as no server should and all may. A message in the window keeps its number
//! until it is acknowledged; when numbers come round to one that is still out, the client library stops and waits for that
//! acknowledgement, and goes on waiting on the next connection, where nobody will ever send it.

use std::io;
use std::time::Duration;

use apsched_broker_mqtt::rumqttc::MqttOptions;
use apsched_broker_mqtt::{MqttBroker, MqttConfig, QoS};
use apsched_core::Backoff;
use apsched_core::broker::EventBroker;
use apsched_core::broker::relay::BrokerOptions;
use apsched_core::event::{Event, TaskAdded};
use apsched_testkit::conformance::block_on;
use apsched_testkit::sample::task_id;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(20);

/// Which messages are acknowledged on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Acknowledged {
    /// The first, and of the others those of number 1. At the fourth everything is as it should not be, and the next sign
    /// of life that is asked for is the end of the connection.
    Some,
    All,
}

/// One packet of MQTT: its kind, and what follows the length.
async fn packet(client: &mut TcpStream) -> io::Result<(u8, Vec<u8>)> {
    let first = client.read_u8().await?;
    let (mut length, mut shift) = (0, 0);
    loop {
        let byte = client.read_u8().await?;
        length |= usize::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            break;
        }
    }
    let mut rest = vec![0; length];
    client.read_exact(&mut rest).await?;
    Ok((first >> 4, rest))
}

/// Serves one connection by the script, and passes on the messages that arrive.
async fn serve(
    mut client: TcpStream,
    acknowledged: Acknowledged,
    heard: mpsc::UnboundedSender<String>,
) -> io::Result<()> {
    let mut published = 0;
    loop {
        match packet(&mut client).await? {
            (1, _connect) => client.write_all(&[0x20, 2, 0, 0]).await?,
            (8, subscribe) => client.write_all(&[0x90, 3, subscribe[0], subscribe[1], 1]).await?,
            (12, _ping) if acknowledged == Acknowledged::Some && published >= 4 => return Ok(()),
            (12, _ping) => client.write_all(&[0xd0, 0]).await?,
            (3, publish) => {
                published += 1;
                let topic = 2 + usize::from(u16::from_be_bytes([publish[0], publish[1]]));
                let number = [publish[topic], publish[topic + 1]];
                if acknowledged == Acknowledged::All || published == 1 || number == [0, 1] {
                    client.write_all(&[0x40, 2, number[0], number[1]]).await?;
                }
                // Back to its subscriber, without a number.
                let message = [&publish[..topic], &publish[topic + 2..]].concat();
                let length = message.len();
                let header = [0x30, (length & 0x7f | 0x80) as u8, (length >> 7) as u8];
                client.write_all(&[&header[..], &message].concat()).await?;
                heard.send(String::from_utf8_lossy(&message).into_owned()).ok();
            }
            _ => return Ok(()),
        }
    }
}

fn named(id: &str) -> Vec<Event> {
    vec![TaskAdded::new(task_id(id)).into()]
}

async fn until_heard(heard: &mut mpsc::UnboundedReceiver<String>, id: &str) {
    let wait = async { while !heard.recv().await.expect("the server serves").contains(id) {} };
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("{id} never came to the server"));
}

#[test]
fn a_message_stuck_in_the_window_does_not_outlive_its_connection() {
    block_on(async {
        let server = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = server.local_addr().expect("it is bound").port();
        let (tell, mut heard) = mpsc::unbounded_channel();
        let serving = tokio::spawn(async move {
            let mut acknowledged = Acknowledged::Some;
            loop {
                let (client, _) = server.accept().await.expect("a connection");
                // A client that goes away is no matter.
                serve(client, acknowledged, tell.clone()).await.ok();
                acknowledged = Acknowledged::All;
            }
        });
        let mut client = MqttOptions::new("narrow", "127.0.0.1", port);
        client.set_inflight(2);
        let options = BrokerOptions {
            timeout: Duration::from_secs(1),
            keep_alive: Duration::from_secs(1),
            reconnect: Backoff::fixed(Duration::from_millis(20)),
            ..BrokerOptions::default()
        };
        let config = MqttConfig::from_client_options(client).qos(QoS::AtLeastOnce).options(options);
        let broker = MqttBroker::new(config).expect("a valid configuration");
        broker.start().await.expect("a valid configuration");

        // The first has number 2, after the subscription's 1. Then come 1, 2, which is not acknowledged, 1, and 2 again.
        for id in ["one", "two", "three"] {
            broker.publish(named(id));
            until_heard(&mut heard, id).await;
        }
        broker.publish(named("four"));
        // What is published while the connection dies may be lost with it.
        let mut looks = tokio::time::interval(Duration::from_millis(50));
        let publish = async {
            loop {
                looks.tick().await;
                broker.publish(named("after"));
            }
        };

        tokio::select! {
            () = until_heard(&mut heard, "after") => {}
            () = publish => {}
        }
        serving.abort();
    });
}
