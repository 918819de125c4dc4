//! The broker over an encrypted Redis: it speaks to the server that it trusts, and to no other.
#![cfg(feature = "tls")]

use std::time::Duration;

use apsched_broker_redis::redis::{Client, TlsCertificates};
use apsched_broker_redis::{RedisBroker, RedisConfig};
use apsched_core::broker::{EventBroker, EventItem};
use apsched_core::event::{Event, EventType, Health, TaskAdded};
use apsched_testkit::backend::Backend;
use apsched_testkit::conformance::block_on;
use apsched_testkit::fault::{OwnServer, ServerCertificate};
use apsched_testkit::report_skipped;
use apsched_testkit::sample::task_id;

/// Longest wait for an event.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the server of this name shows, signed by itself.
fn certificate_of(name: &str) -> ServerCertificate {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).expect("a name of a host");
    ServerCertificate { certificate: made.cert.pem(), key: made.signing_key.serialize_pem() }
}

/// A broker that trusts this certificate and no other.
async fn started(server: &OwnServer, trusted: &ServerCertificate) -> RedisBroker {
    let root_cert = Some(trusted.certificate.clone().into_bytes());
    let client = Client::build_with_tls(server.url(), TlsCertificates { client_tls: None, root_cert });
    let config = RedisConfig::from_client(client.expect("a certificate"));
    let broker = RedisBroker::new(config).expect("a valid configuration");
    broker.start().await.expect("a valid configuration");
    broker
}

/// Why the broker is not connected.
fn refusal(broker: &impl EventBroker) -> String {
    match broker.health() {
        Health::Unhealthy(reason) => reason,
        Health::Healthy => "it is connected".to_owned(),
    }
}

#[test]
fn events_travel_encrypted() {
    block_on(async {
        let certificate = certificate_of("127.0.0.1");
        let server = match OwnServer::start_encrypted(Backend::Redis, &certificate).await {
            Ok(server) => server,
            Err(why) => return report_skipped("events_travel_encrypted", &why),
        };
        let (here, there) = (started(&server, &certificate).await, started(&server, &certificate).await);
        assert_eq!((here.health(), there.health()), (Health::Healthy, Health::Healthy));
        let mut listener = there.subscribe(TaskAdded::INTEREST);
        let event = Event::from(TaskAdded::new(task_id("secret")));

        here.publish(vec![event.clone()]);

        let heard = tokio::time::timeout(PATIENCE, listener.next()).await.expect("an event");
        assert_eq!(heard, Some(EventItem::Event(event)));
    });
}

#[test]
fn a_server_that_nobody_vouches_for_is_refused() {
    block_on(async {
        let certificate = certificate_of("127.0.0.1");
        let server = match OwnServer::start_encrypted(Backend::Redis, &certificate).await {
            Ok(server) => server,
            Err(why) => return report_skipped("a_server_that_nobody_vouches_for_is_refused", &why),
        };

        let of_the_system = RedisBroker::connect(&server.url()).expect("a URL");
        of_the_system.start().await.expect("a valid configuration");
        let of_another = started(&server, &certificate_of("127.0.0.1")).await;

        for reason in [refusal(&of_the_system), refusal(&of_another)] {
            assert!(reason.contains("invalid peer certificate: "), "{reason}");
        }
    });
}

#[test]
fn a_server_that_shows_the_certificate_of_another_host_is_refused() {
    block_on(async {
        let certificate = certificate_of("elsewhere.example");
        let server = match OwnServer::start_encrypted(Backend::Redis, &certificate).await {
            Ok(server) => server,
            Err(why) => {
                return report_skipped(
                    "a_server_that_shows_the_certificate_of_another_host_is_refused",
                    &why,
                );
            }
        };

        let broker = started(&server, &certificate).await;

        let reason = refusal(&broker);
        assert!(reason.contains("not valid for name"), "{reason}");
    });
}

#[test]
fn a_server_that_is_not_encrypted_is_refused() {
    block_on(async {
        let server = match OwnServer::start(Backend::Redis).await {
            Ok(server) => server,
            Err(why) => return report_skipped("a_server_that_is_not_encrypted_is_refused", &why),
        };
        let url = server.url().replace("redis://", "rediss://");

        let broker = RedisBroker::connect(&url).expect("a URL");
        broker.start().await.expect("a valid configuration");

        // Such a server says nothing, and waits for more.
        assert_eq!(refusal(&broker), "the server did not answer in time");
    });
}
