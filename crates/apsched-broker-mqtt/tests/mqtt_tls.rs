//! The broker over an encrypted MQTT server, and over websockets: it speaks to the server that it trusts, and to no other.
#![cfg(feature = "tls")]

use std::sync::Arc;

use apsched_broker_mqtt::rumqttc::{MqttOptions, TlsConfiguration, Transport};
use apsched_broker_mqtt::{MqttBroker, MqttConfig};
use apsched_core::broker::EventBroker;
use apsched_testkit::backend::Backend;
use apsched_testkit::conformance::broker::tls::{TlsHarness, TlsServer, Trust};
use apsched_testkit::fault::{OwnServer, ServerCertificate};
use async_trait::async_trait;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

struct Mqtt;

struct Server(OwnServer);

#[async_trait]
impl TlsHarness for Mqtt {
    async fn serve(&self, certificate: Option<&ServerCertificate>) -> Result<Box<dyn TlsServer>, String> {
        let server = match certificate {
            Some(certificate) => OwnServer::start_encrypted(Backend::Mqtt, certificate).await?,
            None => OwnServer::start(Backend::Mqtt).await?,
        };
        Ok(Box::new(Server(server)))
    }

    /// Such a server finds that this is no MQTT, and hangs up.
    fn not_encrypted(&self) -> &'static str {
        "connect to the mqtt server: TLS: I/O: "
    }
}

#[async_trait]
impl TlsServer for Server {
    async fn open(&self, trust: Trust<'_>) -> Arc<dyn EventBroker> {
        let url = self.0.url().replace("mqtt://", "mqtts://");
        let config = match trust {
            Trust::System => MqttConfig::from_url(&url).expect("a URL"),
            Trust::Only(certificate) => {
                let mut options = MqttOptions::new(client_id(), "127.0.0.1", port(&url));
                options.set_transport(Transport::Tls(trusting(certificate)));
                MqttConfig::from_client_options(options)
            }
        };
        broker(config)
    }
}

apsched_testkit::event_broker_tls_conformance!(Mqtt);

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

fn client_id() -> String {
    format!("test{:016x}", fastrand::u64(..))
}

fn port(url: &str) -> u16 {
    let end = url.rsplit(':').next().unwrap_or_default();
    end.trim_end_matches("/mqtt").parse().expect("the URL has a port")
}

fn broker(config: MqttConfig) -> Arc<dyn EventBroker> {
    Arc::new(MqttBroker::new(config).expect("a valid configuration"))
}

#[cfg(feature = "websocket")]
mod websocket {
    use std::time::Duration;

    use apsched_core::broker::EventItem;
    use apsched_core::event::{Event, EventType, Health, TaskAdded};
    use apsched_testkit::conformance::block_on;
    use apsched_testkit::report_skipped;
    use apsched_testkit::sample::task_id;

    use super::*;

    /// Longest wait for an event.
    const PATIENCE: Duration = Duration::from_secs(20);

    struct Websocket;

    struct WebsocketServer(OwnServer);

    #[async_trait]
    impl TlsHarness for Websocket {
        async fn serve(&self, certificate: Option<&ServerCertificate>) -> Result<Box<dyn TlsServer>, String> {
            Ok(Box::new(WebsocketServer(OwnServer::start_websocket(certificate).await?)))
        }

        /// Such a server answers by HTTP.
        fn not_encrypted(&self) -> &'static str {
            "received corrupt message of type InvalidContentType"
        }
    }

    #[async_trait]
    impl TlsServer for WebsocketServer {
        async fn open(&self, trust: Trust<'_>) -> Arc<dyn EventBroker> {
            let url = self.0.url().replace("ws://", "wss://");
            let config = match trust {
                Trust::System => MqttConfig::from_url(&url).expect("a URL"),
                Trust::Only(certificate) => {
                    let mut options = MqttOptions::new(client_id(), &url, port(&url));
                    options.set_transport(Transport::Wss(trusting(certificate)));
                    MqttConfig::from_client_options(options)
                }
            };
            broker(config)
        }
    }

    apsched_testkit::event_broker_tls_conformance!(Websocket);

    #[test]
    fn events_travel_by_websockets() {
        block_on(async {
            let server = match OwnServer::start_websocket(None).await {
                Ok(server) => server,
                Err(why) => return report_skipped("events_travel_by_websockets", &why),
            };
            let open = || broker(MqttConfig::from_url(&server.url()).expect("a URL"));
            let (here, there) = (open(), open());
            here.start().await.expect("a valid configuration");
            there.start().await.expect("a valid configuration");
            assert_eq!((here.health(), there.health()), (Health::Healthy, Health::Healthy));
            let mut listener = there.subscribe(TaskAdded::INTEREST);
            let event = Event::from(TaskAdded::new(task_id("news")));

            here.publish(vec![event.clone()]);

            let heard = tokio::time::timeout(PATIENCE, listener.next()).await.expect("an event");
            assert_eq!(heard, Some(EventItem::Event(event)));
        });
    }
}
