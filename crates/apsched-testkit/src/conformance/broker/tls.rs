//! Event brokers that speak TLS: they speak to a server that they trust, and to no other.
//!
//! A [`TlsHarness`] starts servers with certificates that are made for the case, and connects brokers to them that trust what
//! the case says; [`CASES`] are run against it, each with a harness of its own.
//!
//! Not here: what a broker offers between trust and no TLS at all, such as the `sslmode` of PostgreSQL. That is its own.

use std::sync::Arc;

use apsched_core::broker::EventBroker;
use async_trait::async_trait;

use super::cases;
use crate::conformance::suite::{Case, case_table};
use crate::fault::ServerCertificate;

/// How servers of one kind are started, and how brokers are connected to them by TLS.
///
/// ```
/// use std::sync::Arc;
/// use apsched_core::broker::EventBroker;
/// use apsched_testkit::backend::Backend;
/// use apsched_testkit::conformance::broker::tls::{TlsHarness, TlsServer, Trust};
/// use apsched_testkit::fault::{OwnServer, ServerCertificate};
///
/// # fn broker(url: &str, trusted: Option<&str>) -> Arc<dyn EventBroker> {
/// #     Arc::new(apsched_core::broker::LocalBroker::new())
/// # }
/// struct Redis;
/// struct RedisServer(OwnServer);
///
/// #[async_trait::async_trait]
/// impl TlsHarness for Redis {
///     async fn serve(&self, certificate: Option<&ServerCertificate>) -> Result<Box<dyn TlsServer>, String> {
///         let server = match certificate {
///             Some(certificate) => OwnServer::start_encrypted(Backend::Redis, certificate).await?,
///             None => OwnServer::start(Backend::Redis).await?,
///         };
///         Ok(Box::new(RedisServer(server)))
///     }
///
///     fn not_encrypted(&self) -> &'static str {
///         "the server did not answer in time"
///     }
/// }
///
/// #[async_trait::async_trait]
/// impl TlsServer for RedisServer {
///     async fn open(&self, trust: Trust<'_>) -> Arc<dyn EventBroker> {
///         let url = self.0.url().replace("redis://", "rediss://");
///         match trust {
///             Trust::System => broker(&url, None),
///             Trust::Only(certificate) => broker(&url, Some(&certificate.certificate)),
///         }
///     }
/// }
/// ```
#[async_trait]
pub trait TlsHarness: Send + Sync {
    /// Starts a server at 127.0.0.1 that speaks TLS with this certificate and asks clients for none; `None`: one that does
    /// not speak TLS. It ends when it is dropped. `Err` says what this machine lacks, and the case is skipped by name.
    async fn serve(&self, certificate: Option<&ServerCertificate>) -> Result<Box<dyn TlsServer>, String>;

    /// A part of what the health says of a server that does not speak TLS.
    fn not_encrypted(&self) -> &'static str;

    /// A part of what the health says of a certificate that nobody vouches for. Default: in the words of rustls.
    fn not_trusted(&self) -> &'static str {
        "invalid peer certificate: "
    }

    /// A part of what the health says of the certificate of another host. Default: in the words of rustls.
    fn of_another_host(&self) -> &'static str {
        "not valid for name"
    }
}

/// A server that was started for one case.
#[async_trait]
pub trait TlsServer: Send + Sync {
    /// A broker on one bus of this server, as a process has one; not yet started. It would speak by TLS and by nothing else,
    /// whether or not the server can, and looks at the certificate and at the host in it, which is 127.0.0.1.
    async fn open(&self, trust: Trust<'_>) -> Arc<dyn EventBroker>;
}

/// Whom a broker believes that a server is who it says.
#[derive(Clone, Copy, Debug)]
pub enum Trust<'a> {
    /// Those whom the system trusts: what a user has who sets nothing.
    System,
    /// Who shows this certificate, and nobody else.
    Only(&'a ServerCertificate),
}

/// Runs the case of this name. It is skipped by name where the server cannot be started.
///
/// # Panics
/// When the contract is broken, and when there is no such case.
pub async fn run(name: &str, harness: &(dyn TlsHarness + 'static)) {
    (Case::named(CASES, name).run)(harness).await;
}

/// One test of each case for event brokers that speak TLS, by the case's own name.
///
/// The expression makes a [`TlsHarness`](crate::conformance::broker::tls::TlsHarness); it is evaluated anew for every case,
/// and may await. Needs no runtime and no attribute at the place of the call. Several suites in one file stand in modules of
/// their own.
#[macro_export]
macro_rules! event_broker_tls_conformance {
    ($harness:expr) => {
        $crate::__broker_tls_cases! { $crate::__conformance_tests; $crate::conformance::broker::tls::run; $harness }
    };
}

/// The one list of cases.
#[doc(hidden)]
#[macro_export]
macro_rules! __broker_tls_cases {
    ($then:path; $($arguments:tt)*) => {
        $then! { $($arguments)*;
            tls {
                events_travel_encrypted
                a_server_that_nobody_vouches_for_is_refused
                a_server_that_shows_the_certificate_of_another_host_is_refused
                a_server_that_is_not_encrypted_is_refused
            }
        }
    };
}

__broker_tls_cases! { case_table; dyn TlsHarness }
