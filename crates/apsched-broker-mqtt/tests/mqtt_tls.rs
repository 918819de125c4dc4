//! The broker over an encrypted MQTT server, and over websockets: it speaks to the server that it trusts, and to no other.
#![cfg(feature = "tls")]

use std::sync::Arc;
use std::time::Duration;

use apsched_broker_mqtt::rumqttc::{MqttOptions, TlsConfiguration, Transport};
use apsched_broker_mqtt::{MqttBroker, MqttConfig};
use apsched_core::broker::{EventBroker, EventItem};
use apsched_core::event::{Event, EventType, Health, TaskAdded};
use apsched_testkit::backend::Backend;
use apsched_testkit::conformance::block_on;
use apsched_testkit::fault::{OwnServer, ServerCertificate};
use apsched_testkit::report_skipped;
use apsched_testkit::sample::task_id;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// Longest wait for an event.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the server of this name shows, signed by itself.
fn certificate_of(name: &str) -> ServerCertificate {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).expect("a name of a host");
    ServerCertificate { certificate: made.cert.pem(), key: made.signing_key.serialize_pem() }
}

/// Trust in this certificate and no other.
fn trusting(certificate: &ServerCertificate) -> TlsConfiguration {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_slice(certificate.certificate.as_bytes()).expect("it is PEM");
    roots.add(certificate).expect("it is a certificate");
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring knows them")
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConfiguration::Rustls(Arc::new(config))
}

fn port(server: &OwnServer) -> u16 {
    let url = server.url();
    let end = url.rsplit(':').next().unwrap_or_default();
    end.trim_end_matches("/mqtt").parse().expect("the URL has a port")
}

/// A broker that trusts this certificate and no other.
async fn started(server: &OwnServer, trusted: &ServerCertificate) -> MqttBroker {
    let id = format!("test{:016x}", fastrand::u64(..));
    let mut options = MqttOptions::new(id, "127.0.0.1", port(server));
    options.set_transport(Transport::Tls(trusting(trusted)));
    start(MqttConfig::from_client_options(options)).await
}

async fn start(config: MqttConfig) -> MqttBroker {
    let broker = MqttBroker::new(config).expect("a valid configuration");
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

async fn assert_events_travel(here: &MqttBroker, there: &MqttBroker) {
    assert_eq!((here.health(), there.health()), (Health::Healthy, Health::Healthy));
    let mut listener = there.subscribe(TaskAdded::INTEREST);
    let event = Event::from(TaskAdded::new(task_id("secret")));

    here.publish(vec![event.clone()]);

    let heard = tokio::time::timeout(PATIENCE, listener.next()).await.expect("an event");
    assert_eq!(heard, Some(EventItem::Event(event)));
}

#[test]
fn events_travel_encrypted() {
    block_on(async {
        let certificate = certificate_of("127.0.0.1");
        let server = match OwnServer::start_encrypted(Backend::Mqtt, &certificate).await {
            Ok(server) => server,
            Err(why) => return report_skipped("events_travel_encrypted", &why),
        };

        let (here, there) = (started(&server, &certificate).await, started(&server, &certificate).await);

        assert_events_travel(&here, &there).await;
    });
}

#[test]
fn a_server_that_nobody_vouches_for_is_refused() {
    block_on(async {
        let certificate = certificate_of("127.0.0.1");
        let server = match OwnServer::start_encrypted(Backend::Mqtt, &certificate).await {
            Ok(server) => server,
            Err(why) => return report_skipped("a_server_that_nobody_vouches_for_is_refused", &why),
        };

        let of_the_system = start(MqttConfig::from_url(&server.url()).expect("a URL")).await;
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
        let server = match OwnServer::start_encrypted(Backend::Mqtt, &certificate).await {
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

#[cfg(feature = "websocket")]
mod websocket {
    use super::*;

    async fn started_by_websocket(server: &OwnServer, trusted: &ServerCertificate) -> MqttBroker {
        let id = format!("test{:016x}", fastrand::u64(..));
        let mut options = MqttOptions::new(id, server.url(), port(server));
        options.set_transport(Transport::Wss(trusting(trusted)));
        start(MqttConfig::from_client_options(options)).await
    }

    #[test]
    fn events_travel_by_websockets() {
        block_on(async {
            let server = match OwnServer::start_websocket(None).await {
                Ok(server) => server,
                Err(why) => return report_skipped("events_travel_by_websockets", &why),
            };
            let config = || MqttConfig::from_url(&server.url()).expect("a URL");

            let (here, there) = (start(config()).await, start(config()).await);

            assert_events_travel(&here, &there).await;
        });
    }

    #[test]
    fn events_travel_by_encrypted_websockets() {
        block_on(async {
            let certificate = certificate_of("127.0.0.1");
            let server = match OwnServer::start_websocket(Some(&certificate)).await {
                Ok(server) => server,
                Err(why) => return report_skipped("events_travel_by_encrypted_websockets", &why),
            };

            let here = started_by_websocket(&server, &certificate).await;
            let there = started_by_websocket(&server, &certificate).await;

            assert_events_travel(&here, &there).await;
        });
    }

    #[test]
    fn a_websocket_of_a_server_that_nobody_vouches_for_is_refused() {
        block_on(async {
            let certificate = certificate_of("127.0.0.1");
            let server = match OwnServer::start_websocket(Some(&certificate)).await {
                Ok(server) => server,
                Err(why) => {
                    return report_skipped(
                        "a_websocket_of_a_server_that_nobody_vouches_for_is_refused",
                        &why,
                    );
                }
            };

            let of_the_system = start(MqttConfig::from_url(&server.url()).expect("a URL")).await;
            let of_another = started_by_websocket(&server, &certificate_of("127.0.0.1")).await;

            for reason in [refusal(&of_the_system), refusal(&of_another)] {
                assert!(reason.contains("invalid peer certificate: "), "{reason}");
            }
        });
    }
}
