//! Which server and which channel; what can never work is refused before anything is started.

use std::fmt;
use std::path::PathBuf;

use apsched_core::broker::BrokerError;
use apsched_core::broker::relay::BrokerOptions;
use percent_encoding::percent_decode_str;
use tokio_postgres::Config;
use tokio_postgres::config::SslMode;

/// Longest name of a channel, in bytes: PostgreSQL's own limit for names.
const MAX_CHANNEL_BYTES: usize = 63;

/// Where a [`PostgresBroker`](crate::PostgresBroker) connects to.
///
/// ```
/// use apsched_broker_postgres::{PostgresBroker, PostgresConfig};
///
/// let config = PostgresConfig::from_url("postgres://ada:secret@127.0.0.1/app?sslmode=verify-full")?.channel("billing");
/// assert!(!format!("{config:?}").contains("secret"));
/// let broker = PostgresBroker::new(config)?;
/// # Ok::<(), apsched_core::broker::BrokerError>(())
/// ```
#[derive(Clone)]
pub struct PostgresConfig {
    pub(crate) client: Config,
    pub(crate) verification: Verification,
    /// Certificates to trust instead of the system's.
    pub(crate) root_certificates: Option<PathBuf>,
    pub(crate) channel: String,
    pub(crate) options: BrokerOptions,
}

/// What is asked of the server's certificate, if the connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verification {
    /// Nothing.
    None,
    /// That a trusted authority has signed it.
    Authority,
    /// That it is the host's, too.
    Full,
}

impl PostgresConfig {
    /// The server at a URL: `postgres://user[:password]@host[:port]/database[?option=value&…]`.
    ///
    /// The options are those of the library `tokio-postgres`, and for TLS, as in PostgreSQL's own programs, `sslmode` and
    /// `sslrootcert`:
    ///
    /// | `sslmode` | encrypted | the certificate |
    /// |---|---|---|
    /// | `disable` | no | |
    /// | `prefer` (default) | if the server can | is not looked at |
    /// | `require` | yes | is not looked at; with `sslrootcert` as with `verify-ca` |
    /// | `verify-ca` | yes | must be signed by an authority that is trusted |
    /// | `verify-full` | yes | must be the host's, too |
    ///
    /// Trusted are the authorities in the PEM file `sslrootcert`, or else the system's.
    ///
    /// # Errors
    /// [`BrokerError::Misconfigured`] when the text is no such URL, or asks for TLS without the feature `tls`.
    pub fn from_url(url: &str) -> Result<Self, BrokerError> {
        // None of the errors repeats the URL, which may hold a password.
        let unusable = |why: &dyn fmt::Display| misconfigured(format!("postgres url: {why}"));
        if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
            return Err(unusable(&"expected postgres:// or postgresql://"));
        }
        let mut verification = Verification::None;
        let mut root_certificates = None;
        let (address, query) = url.split_once('?').unwrap_or((url, ""));
        // The library does not know these; it is handed the others.
        let mut is_left = |option: &&str| {
            match option.split_once('=') {
                Some(("sslmode", "verify-ca")) => verification = Verification::Authority,
                Some(("sslmode", "verify-full")) => verification = Verification::Full,
                Some(("sslrootcert", path)) => {
                    let path = percent_decode_str(path).decode_utf8_lossy();
                    root_certificates = Some(PathBuf::from(path.into_owned()));
                }
                _ => return !option.is_empty(),
            }
            false
        };
        let left: Vec<_> = query.split('&').filter(|option| is_left(option)).collect();
        let url = format!("{address}?{}", left.join("&"));
        let client: Config = url.trim_end_matches('?').parse().map_err(|error: tokio_postgres::Error| {
            let cause =
                std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            unusable(&format!("{error}{cause}"))
        })?;
        let mut config = Self { verification, root_certificates, ..Self::from_client_config(client) };
        if verification != Verification::None {
            config.client.ssl_mode(SslMode::Require);
        } else if config.root_certificates.is_some() && config.client.get_ssl_mode() == SslMode::Require {
            config.verification = Verification::Authority;
        }
        Ok(config)
    }

    /// The server of your own configuration for the client library. Its certificate, if there is one, must be the host's and
    /// signed by an authority that the system trusts; see [`verify_nothing`](Self::verify_nothing).
    #[must_use]
    pub fn from_client_config(client: Config) -> Self {
        Self {
            client,
            verification: Verification::Full,
            root_certificates: None,
            channel: "apsched".to_owned(),
            options: BrokerOptions::default(),
        }
    }

    /// Takes any certificate of the server, as `sslmode=require` does.
    #[must_use]
    pub const fn verify_nothing(mut self) -> Self {
        self.verification = Verification::None;
        self
    }

    /// The channel that all processes share, within the database. Default `apsched`. 1 to 63 ASCII letters, digits and
    /// `_`, `-`, `.`, `:`, `/`.
    #[must_use]
    pub fn channel(mut self, channel: impl Into<String>) -> Self {
        self.channel = channel.into();
        self
    }

    /// What all brokers between processes have in common.
    #[must_use]
    pub fn options(mut self, options: BrokerOptions) -> Self {
        self.options = options;
        self
    }

    pub(crate) fn check(&self) -> Result<(), BrokerError> {
        let channel = &self.channel;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:/".contains(&byte);
        if channel.is_empty() || channel.len() > MAX_CHANNEL_BYTES || !channel.bytes().all(is_plain) {
            return Err(misconfigured(format!(
                "postgres channel {channel:?}: expected 1 to {MAX_CHANNEL_BYTES} ASCII letters, digits and _ - . : /"
            )));
        }
        if self.client.get_hosts().is_empty() && self.client.get_hostaddrs().is_empty() {
            return Err(misconfigured("postgres url: expected a host".to_owned()));
        }
        #[cfg(not(feature = "tls"))]
        if self.client.get_ssl_mode() == SslMode::Require {
            return Err(misconfigured("postgres url: TLS needs the feature \"tls\"".to_owned()));
        }
        Ok(())
    }
}

/// Without the credentials.
impl fmt::Debug for PostgresConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresConfig")
            .field("hosts", &self.client.get_hosts())
            .field("ports", &self.client.get_ports())
            .field("database", &self.client.get_dbname())
            .field("ssl_mode", &self.client.get_ssl_mode())
            .field("verification", &self.verification)
            .field("channel", &self.channel)
            .field("options", &self.options)
            .finish()
    }
}

pub(crate) const fn misconfigured(reason: String) -> BrokerError {
    BrokerError::Misconfigured { reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(url: &str) -> PostgresConfig {
        PostgresConfig::from_url(url).unwrap()
    }

    #[test]
    fn what_is_no_url_of_a_server_is_refused_without_repeating_it() {
        for url in [
            "",
            "secret",
            "http://ada:secret@host",
            "postgres://ada:secret@host/app?colour=red",
            "postgres://ada:secret@host/app?sslmode=perhaps",
            "postgres://ada:secret@host:notaport/app",
        ] {
            let error = PostgresConfig::from_url(url).unwrap_err().to_string();
            assert!(error.starts_with("start the event broker: postgres url: "), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
        let error = PostgresConfig::from_url("postgres://host/app?colour=red").unwrap_err().to_string();
        assert!(error.contains("colour"), "{error}");
    }

    #[test]
    fn sslmode_means_what_it_means_elsewhere() {
        for (query, mode, verification) in [
            ("", SslMode::Prefer, Verification::None),
            ("?sslmode=disable", SslMode::Disable, Verification::None),
            ("?sslmode=prefer", SslMode::Prefer, Verification::None),
            ("?sslmode=require", SslMode::Require, Verification::None),
            ("?sslmode=require&sslrootcert=/a.pem", SslMode::Require, Verification::Authority),
            ("?sslmode=verify-ca&sslrootcert=%2Fa%20b.pem", SslMode::Require, Verification::Authority),
            ("?sslmode=verify-full&application_name=a", SslMode::Require, Verification::Full),
        ] {
            let config = config(&format!("postgres://ada@host/app{query}"));
            assert_eq!((config.client.get_ssl_mode(), config.verification), (mode, verification), "{query}");
        }
    }

    #[test]
    fn several_hosts_and_a_socket_are_reached() {
        assert_eq!(config("postgres://ada@one:1,two:2/app").client.get_ports(), [1, 2]);
        assert!(config("postgres://ada@%2Frun%2Fpostgresql/app").check().is_ok());
        assert!(PostgresConfig::from_client_config(Config::new()).check().is_err());
    }

    #[test]
    fn a_channel_that_cannot_be_is_refused() {
        let config = config("postgres://host");

        assert_eq!(config.check(), Ok(()));
        for channel in ["", "a\"; DROP TABLE jobs; --", "ü", "two words", &"x".repeat(64)] {
            let error = config.clone().channel(channel).check().unwrap_err().to_string();
            assert!(error.contains("expected 1 to 63 ASCII letters"), "{error}");
        }
        assert_eq!(config.channel("Billing/v2.events:a-b_c").check(), Ok(()));
    }
}
