//! Which server and which channel; what can never work is refused before anything is started.

use std::fmt;

use apsched_core::broker::BrokerError;
use apsched_core::broker::relay::BrokerOptions;
use redis::{Client, IntoConnectionInfo};

/// Longest name of a channel, in bytes.
const MAX_CHANNEL_BYTES: usize = 255;

/// Where a [`RedisBroker`](crate::RedisBroker) connects to.
///
/// ```
/// use std::time::Duration;
/// use apsched_broker_redis::{RedisBroker, RedisConfig};
/// use apsched_core::broker::relay::BrokerOptions;
///
/// let options = BrokerOptions { keep_alive: Duration::from_secs(3), ..BrokerOptions::default() };
/// let config = RedisConfig::from_url("redis://ada:secret@127.0.0.1:6379")?.channel("billing").options(options);
/// assert!(!format!("{config:?}").contains("secret"));
/// let broker = RedisBroker::new(config)?;
/// # Ok::<(), apsched_core::broker::BrokerError>(())
/// ```
#[derive(Clone)]
pub struct RedisConfig {
    pub(crate) client: Client,
    pub(crate) channel: String,
    pub(crate) options: BrokerOptions,
}

impl RedisConfig {
    /// The server at a URL: `redis://[user[:password]@]host[:port]`, `rediss://…` for TLS, or
    /// `redis+unix:///path/to/socket`.
    ///
    /// # Errors
    /// [`BrokerError::Misconfigured`] when the text is no such URL, or asks for TLS without the feature `tls`.
    pub fn from_url(url: &str) -> Result<Self, BrokerError> {
        // The library's errors do not repeat the URL, which may hold a password.
        let unusable = |error: redis::RedisError| misconfigured(format!("redis url: {error}"));
        let info = url.into_connection_info().map_err(unusable)?;
        if !info.addr().is_supported() {
            return Err(misconfigured(
                "redis url: TLS and unix sockets need a build that supports them (for TLS, the feature `tls`)"
                    .to_owned(),
            ));
        }
        let tcp = info.tcp_settings().clone().set_nodelay(true);
        Ok(Self::from_client(Client::open(info.set_tcp_settings(tcp)).map_err(unusable)?))
    }

    /// The server of your own client. The broker makes connections of its own with it.
    #[must_use]
    pub fn from_client(client: Client) -> Self {
        Self { client, channel: "apsched".to_owned(), options: BrokerOptions::default() }
    }

    /// The channel that all processes share. Default `apsched`. 1 to 255 bytes without control characters.
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
        if channel.is_empty() || channel.len() > MAX_CHANNEL_BYTES || channel.chars().any(char::is_control) {
            return Err(misconfigured(format!(
                "redis channel {channel:?}: expected 1 to {MAX_CHANNEL_BYTES} bytes without control characters"
            )));
        }
        #[cfg(feature = "tls")]
        provide_cryptography();
        Ok(())
    }
}

/// Lets rustls work in a program that has not chosen its cryptography, and where several crates brought some along: the
/// client library asks for the program's choice, and would panic without one.
#[cfg(feature = "tls")]
fn provide_cryptography() {
    use rustls::crypto::{CryptoProvider, ring};
    if CryptoProvider::get_default().is_none() {
        // Fails when another thread was quicker, which is as good.
        drop(ring::default_provider().install_default());
    }
}

/// Without the user's part of the address.
impl fmt::Debug for RedisConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisConfig")
            .field("server", &self.client.get_connection_info().addr().to_string())
            .field("channel", &self.channel)
            .field("options", &self.options)
            .finish()
    }
}

const fn misconfigured(reason: String) -> BrokerError {
    BrokerError::Misconfigured { reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_url_of_a_server_is_refused_without_repeating_it() {
        for url in ["", "secret", "http://ada:secret@host", "redis://ada:secret@", "redis://host:notaport"] {
            let error = RedisConfig::from_url(url).unwrap_err().to_string();
            assert!(error.starts_with("start the event broker: redis url: "), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_channel_that_cannot_be_is_refused() {
        let config = RedisConfig::from_url("redis://127.0.0.1").unwrap();

        assert_eq!(config.check(), Ok(()));
        assert_eq!(
            config.clone().channel("two\nlines").check().unwrap_err().to_string(),
            "start the event broker: redis channel \"two\\nlines\": expected 1 to 255 bytes without control characters"
        );
        assert!(config.clone().channel("").check().is_err());
        assert!(config.clone().channel("x".repeat(256)).check().is_err());
        assert!(config.channel("名前 {a}:b").check().is_ok());
    }
}
