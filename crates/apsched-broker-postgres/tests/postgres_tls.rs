//! The broker over an encrypted PostgreSQL: it speaks to the server that `sslmode` lets it trust, and to no other.
//!
//! The suite holds for `verify-full`; the cases here are what the other modes look at.
#![cfg(feature = "tls")]

use std::sync::Arc;
use std::time::Duration;

use apsched_broker_postgres::PostgresBroker;
use apsched_core::broker::EventBroker;
use apsched_core::event::{BrokerHealthChanged, EventType, Health};
use apsched_testkit::backend::Backend;
use apsched_testkit::conformance::block_on;
use apsched_testkit::conformance::broker::tls::{TlsHarness, TlsServer, Trust};
use apsched_testkit::fault::{OwnServer, ServerCertificate};
use apsched_testkit::report_skipped;
use async_trait::async_trait;

/// Longest wait for a connection.
const PATIENCE: Duration = Duration::from_secs(20);

struct Postgres;

struct Server(OwnServer);

#[async_trait]
impl TlsHarness for Postgres {
    async fn serve(&self, certificate: Option<&ServerCertificate>) -> Result<Box<dyn TlsServer>, String> {
        let server = match certificate {
            Some(certificate) => OwnServer::start_encrypted(Backend::Postgres, certificate).await?,
            None => OwnServer::start(Backend::Postgres).await?,
        };
        Ok(Box::new(Server(server)))
    }

    fn not_encrypted(&self) -> &'static str {
        "server does not support TLS"
    }
}

#[async_trait]
impl TlsServer for Server {
    async fn open(&self, trust: Trust<'_>) -> Arc<dyn EventBroker> {
        Arc::new(broker(&self.0, "verify-full", trust))
    }
}

apsched_testkit::event_broker_tls_conformance!(Postgres);

/// A broker by this `sslmode`.
fn broker(server: &OwnServer, mode: &str, trust: Trust<'_>) -> PostgresBroker {
    let mut url = server.url();
    url.truncate(url.find('?').unwrap_or(url.len()));
    url.push_str(&format!("?sslmode={mode}"));
    // The file is read when the broker is made.
    let file = tempfile::NamedTempFile::new().expect("a file");
    if let Trust::Only(certificate) = trust {
        std::fs::write(file.path(), &certificate.certificate).expect("there is room");
        url.push_str(&format!("&sslrootcert={}", file.path().display()));
    }
    PostgresBroker::connect(&url).expect("a valid configuration")
}

async fn started(server: &OwnServer, mode: &str, trust: Trust<'_>) -> PostgresBroker {
    let broker = broker(server, mode, trust);
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
fn refusal(broker: &PostgresBroker) -> String {
    match broker.health() {
        Health::Unhealthy(reason) => reason,
        Health::Healthy => "it is connected".to_owned(),
    }
}

#[test]
fn a_server_that_nobody_vouches_for_is_refused_when_the_certificate_is_looked_at() {
    let name = "a_server_that_nobody_vouches_for_is_refused_when_the_certificate_is_looked_at";
    block_on(async {
        let certificate = ServerCertificate::self_signed("127.0.0.1");
        let server = match OwnServer::start_encrypted(Backend::Postgres, &certificate).await {
            Ok(server) => server,
            Err(why) => return report_skipped(name, &why),
        };
        let other = ServerCertificate::self_signed("127.0.0.1");

        for mode in ["verify-ca", "require"] {
            let reason = refusal(&started(&server, mode, Trust::Only(&other)).await);
            assert!(reason.contains("invalid peer certificate: "), "{mode}: {reason}");
        }
        for mode in ["require", "prefer"] {
            until_connected(&started(&server, mode, Trust::System).await).await;
        }
    });
}

#[test]
fn a_server_that_shows_the_certificate_of_another_host_is_refused_by_verify_full() {
    let name = "a_server_that_shows_the_certificate_of_another_host_is_refused_by_verify_full";
    block_on(async {
        let certificate = ServerCertificate::self_signed("elsewhere.example");
        let server = match OwnServer::start_encrypted(Backend::Postgres, &certificate).await {
            Ok(server) => server,
            Err(why) => return report_skipped(name, &why),
        };

        let full = started(&server, "verify-full", Trust::Only(&certificate)).await;
        let authority = started(&server, "verify-ca", Trust::Only(&certificate)).await;

        let reason = refusal(&full);
        assert!(reason.contains("not valid for name"), "{reason}");
        until_connected(&authority).await;
    });
}

#[test]
fn a_server_that_is_not_encrypted_is_refused_by_require() {
    block_on(async {
        let server = match OwnServer::start(Backend::Postgres).await {
            Ok(server) => server,
            Err(why) => return report_skipped("a_server_that_is_not_encrypted_is_refused_by_require", &why),
        };

        let broker = started(&server, "require", Trust::System).await;

        let reason = refusal(&broker);
        assert!(reason.contains("server does not support TLS"), "{reason}");
    });
}
