//! The broker over an encrypted Redis: it speaks to the server that it trusts, and to no other.
#![cfg(feature = "tls")]

use std::sync::Arc;

use apsched_broker_redis::redis::{Client, TlsCertificates};
use apsched_broker_redis::{RedisBroker, RedisConfig};
use apsched_core::broker::EventBroker;
use apsched_testkit::backend::Backend;
use apsched_testkit::conformance::broker::tls::{TlsHarness, TlsServer, Trust};
use apsched_testkit::fault::{OwnServer, ServerCertificate};
use async_trait::async_trait;

struct Redis;

struct Server(OwnServer);

#[async_trait]
impl TlsHarness for Redis {
    async fn serve(&self, certificate: Option<&ServerCertificate>) -> Result<Box<dyn TlsServer>, String> {
        let server = match certificate {
            Some(certificate) => OwnServer::start_encrypted(Backend::Redis, certificate).await?,
            None => OwnServer::start(Backend::Redis).await?,
        };
        Ok(Box::new(Server(server)))
    }

    /// Such a server says nothing, and waits for more.
    fn not_encrypted(&self) -> &'static str {
        "the server did not answer in time"
    }
}

#[async_trait]
impl TlsServer for Server {
    async fn open(&self, trust: Trust<'_>) -> Arc<dyn EventBroker> {
        let url = self.0.url().replace("redis://", "rediss://");
        let config = match trust {
            Trust::System => RedisConfig::from_url(&url).expect("a URL"),
            Trust::Only(certificate) => {
                let root_cert = Some(certificate.certificate.clone().into_bytes());
                let client = Client::build_with_tls(url, TlsCertificates { client_tls: None, root_cert });
                RedisConfig::from_client(client.expect("a certificate"))
            }
        };
        Arc::new(RedisBroker::new(config).expect("a valid configuration"))
    }
}

apsched_testkit::event_broker_tls_conformance!(Redis);
