//! The broker over an encrypted PostgreSQL: it speaks to the server that `sslmode` lets it trust, and to no other.
#![cfg(feature = "tls")]

use std::time::Duration;

use apsched_broker_postgres::PostgresBroker;
use apsched_core::broker::{EventBroker, EventItem};
use apsched_core::event::{BrokerHealthChanged, Event, EventType, Health, TaskAdded};
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

/// A broker by this `sslmode`, which trusts this certificate, or else those that the system trusts.
async fn started(server: &OwnServer, mode: &str, trusted: Option<&ServerCertificate>) -> PostgresBroker {
    let mut url = server.url();
    url.truncate(url.find('?').unwrap_or(url.len()));
    url.push_str(&format!("?sslmode={mode}"));
    // The file is read when the broker is made.
    let file = tempfile::NamedTempFile::new().expect("a file");
    if let Some(certificate) = trusted {
        std::fs::write(file.path(), &certificate.certificate).expect("there is room");
        url.push_str(&format!("&sslrootcert={}", file.path().display()));
    }
    let broker = PostgresBroker::connect(&url).expect("a valid configuration");
    broker.start().await.expect("a valid configuration");
    broker
}

/// Waits until the broker is connected: a server that has just been started listens before it lets anybody in.
async fn until_connected(broker: &PostgresBroker) {
    let mut turns = broker.subscribe(BrokerHealthChanged::INTEREST);
    while broker.health() != Health::Healthy {
        let turn = tokio::time::timeout(PATIENCE, turns.next()).await;
        assert!(turn.is_ok(), "it is connected within {PATIENCE:?}: {}", refusal(broker));
    }
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
        let server = match OwnServer::start_encrypted(Backend::Postgres, &certificate).await {
            Ok(server) => server,
            Err(why) => return report_skipped("events_travel_encrypted", &why),
        };
        let here = started(&server, "verify-full", Some(&certificate)).await;
        let there = started(&server, "require", None).await;
        until_connected(&here).await;
        until_connected(&there).await;
        let mut listener = there.subscribe(TaskAdded::INTEREST);
        let event = Event::from(TaskAdded::new(task_id("secret")));

        here.publish(vec![event.clone()]);

        let heard = tokio::time::timeout(PATIENCE, listener.next()).await.expect("an event");
        assert_eq!(heard, Some(EventItem::Event(event)));
    });
}

#[test]
fn a_server_that_nobody_vouches_for_is_refused_when_the_certificate_is_looked_at() {
    let name = "a_server_that_nobody_vouches_for_is_refused_when_the_certificate_is_looked_at";
    block_on(async {
        let server = match OwnServer::start_encrypted(Backend::Postgres, &certificate_of("127.0.0.1")).await {
            Ok(server) => server,
            Err(why) => return report_skipped(name, &why),
        };
        let other = certificate_of("127.0.0.1");

        for (mode, trusted) in [
            ("verify-full", None),
            ("verify-full", Some(&other)),
            ("verify-ca", Some(&other)),
            ("require", Some(&other)),
        ] {
            let reason = refusal(&started(&server, mode, trusted).await);
            assert!(reason.contains("invalid peer certificate: "), "{mode}: {reason}");
        }
        for mode in ["require", "prefer"] {
            until_connected(&started(&server, mode, None).await).await;
        }
    });
}

#[test]
fn a_server_that_shows_the_certificate_of_another_host_is_refused_by_verify_full() {
    let name = "a_server_that_shows_the_certificate_of_another_host_is_refused_by_verify_full";
    block_on(async {
        let certificate = certificate_of("elsewhere.example");
        let server = match OwnServer::start_encrypted(Backend::Postgres, &certificate).await {
            Ok(server) => server,
            Err(why) => return report_skipped(name, &why),
        };

        let full = started(&server, "verify-full", Some(&certificate)).await;
        let authority = started(&server, "verify-ca", Some(&certificate)).await;

        let reason = refusal(&full);
        assert!(reason.contains("not valid for name"), "{reason}");
        until_connected(&authority).await;
    });
}

#[test]
fn a_server_that_is_not_encrypted_is_refused() {
    block_on(async {
        let server = match OwnServer::start(Backend::Postgres).await {
            Ok(server) => server,
            Err(why) => return report_skipped("a_server_that_is_not_encrypted_is_refused", &why),
        };

        let broker = started(&server, "require", None).await;

        let reason = refusal(&broker);
        assert!(reason.contains("server does not support TLS"), "{reason}");
    });
}
