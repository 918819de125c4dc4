//! Which server, which topic and which quality of service; what can never work is refused before anything is started.

use std::fmt;

use apsched_core::broker::BrokerError;
use apsched_core::broker::relay::BrokerOptions;
use percent_encoding::percent_decode_str;
use rumqttc::{MqttOptions, QoS, Transport};
use url::Url;

/// Longest name of a topic, in bytes.
const MAX_TOPIC_BYTES: usize = 255;

/// Largest packet that is read. Others may publish large ones to the topic; a larger one than this ends the connection.
const MAX_INCOMING_BYTES: usize = 16 * 1024 * 1024;

/// Largest packet that is written: more than a message and its topic ever need.
const MAX_OUTGOING_BYTES: usize = 64 * 1024;

/// Where a [`MqttBroker`](crate::MqttBroker) connects to.
///
/// Nothing here makes up for a server that holds messages back: with Mosquitto, set `set_tcp_nodelay true` there; see
/// [the crate](crate#latency).
///
/// ```
/// use apsched_broker_mqtt::{MqttBroker, MqttConfig, QoS};
///
/// let config = MqttConfig::from_url("mqtt://ada:secret@127.0.0.1:1883")?
///     .topic("billing/events")
///     .qos(QoS::AtLeastOnce);
/// assert!(!format!("{config:?}").contains("secret"));
/// let broker = MqttBroker::new(config)?;
/// # Ok::<(), apsched_core::broker::BrokerError>(())
/// ```
#[derive(Clone)]
pub struct MqttConfig {
    pub(crate) client: MqttOptions,
    pub(crate) topic: String,
    pub(crate) qos: QoS,
    pub(crate) options: BrokerOptions,
}

impl MqttConfig {
    /// The server at a URL: `mqtt://[user[:password]@]host[:port]`, `mqtts://…` for TLS, or with the feature `websocket`
    /// `ws://host[:port]/path` and `wss://…`.
    ///
    /// The client's id is drawn at random, so that any number of processes can use one URL.
    ///
    /// # Errors
    /// [`BrokerError::Misconfigured`] when the text is no such URL, or needs a feature that is not switched on; with TLS,
    /// when the system's certificates cannot be read.
    pub fn from_url(url: &str) -> Result<Self, BrokerError> {
        // None of the errors repeats the URL, which may hold a password.
        let url = Url::parse(url).map_err(|error| misconfigured(format!("mqtt url: {error}")))?;
        let host = url.host_str().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| misconfigured("mqtt url: expected a host after \"://\"".to_owned()))?;
        let (transport, default_port) = transport(url.scheme())?;
        let port = url.port().unwrap_or(default_port);
        let address = match url.scheme() {
            // The client library wants the whole of it there, and reads the host from it.
            "ws" | "wss" => format!("{}://{host}:{port}{}", url.scheme(), url.path()),
            _ => host.to_owned(),
        };
        let mut client = MqttOptions::new(format!("apsched{:016x}", fastrand::u64(..)), address, port);
        client.set_transport(transport);
        if !url.username().is_empty() {
            let user = percent_decode_str(url.username()).decode_utf8_lossy();
            let password = percent_decode_str(url.password().unwrap_or_default()).decode_utf8_lossy();
            client.set_credentials(user, password);
        }
        Ok(Self::from_client_options(client))
    }

    /// The server of your own options for the client library.
    ///
    /// Two processes with the same client id throw each other out, again and again: give each its own. Times to keep alive
    /// are those of [`BrokerOptions`], sessions are always clean, and the size of packets is the broker's.
    #[must_use]
    pub fn from_client_options(client: MqttOptions) -> Self {
        let (topic, qos) = ("apsched/events".to_owned(), QoS::AtMostOnce);
        Self { client, topic, qos, options: BrokerOptions::default() }
    }

    /// The topic that all processes share. Default `apsched/events`. 1 to 255 bytes without wildcards (`+`, `#`) and control
    /// characters, not beginning with `$`.
    #[must_use]
    pub fn topic(mut self, topic: impl Into<String>) -> Self {
        self.topic = topic.into();
        self
    }

    /// How hard client and server try to deliver a message. Default [`QoS::AtMostOnce`].
    ///
    /// Higher qualities cost round trips and gain little: what is lost costs a poll interval at most, and is mostly lost
    /// with the connection. What a server delivers twice is heard once.
    #[must_use]
    pub const fn qos(mut self, qos: QoS) -> Self {
        self.qos = qos;
        self
    }

    /// What all brokers between processes have in common. [`BrokerOptions::keep_alive`] counts in whole seconds here.
    #[must_use]
    pub fn options(mut self, options: BrokerOptions) -> Self {
        self.options = options;
        self
    }

    pub(crate) fn check(&self) -> Result<(), BrokerError> {
        let topic = &self.topic;
        let is_wild =
            topic.contains(['+', '#']) || topic.starts_with('$') || topic.chars().any(char::is_control);
        if topic.is_empty() || topic.len() > MAX_TOPIC_BYTES || is_wild {
            return Err(misconfigured(format!(
                "mqtt topic {topic:?}: expected 1 to {MAX_TOPIC_BYTES} bytes without \"+\", \"#\" and control characters, \
                 not beginning with \"$\""
            )));
        }
        Ok(())
    }

    /// The options of the client, with what the broker decides.
    pub(crate) fn client_options(&self) -> MqttOptions {
        let mut client = self.client.clone();
        let seconds = self.options.keep_alive.as_secs_f64().ceil().clamp(1.0, f64::from(u16::MAX));
        client
            .set_clean_session(true)
            .set_keep_alive(std::time::Duration::from_secs_f64(seconds))
            .set_max_packet_size(MAX_INCOMING_BYTES, MAX_OUTGOING_BYTES);
        client
    }
}

fn transport(scheme: &str) -> Result<(Transport, u16), BrokerError> {
    match scheme {
        "mqtt" | "tcp" => Ok((Transport::Tcp, 1883)),
        #[cfg(feature = "tls")]
        "mqtts" | "ssl" => Ok((Transport::Tls(trusting_the_system()?), 8883)),
        #[cfg(feature = "websocket")]
        "ws" => Ok((Transport::Ws, 80)),
        #[cfg(all(feature = "websocket", feature = "tls"))]
        "wss" => Ok((Transport::Wss(trusting_the_system()?), 443)),
        #[cfg(not(feature = "tls"))]
        "mqtts" | "ssl" => Err(misconfigured(format!("mqtt url: {scheme}:// needs the feature \"tls\""))),
        #[cfg(not(feature = "websocket"))]
        "ws" => Err(misconfigured("mqtt url: ws:// needs the feature \"websocket\"".to_owned())),
        #[cfg(not(all(feature = "websocket", feature = "tls")))]
        "wss" => {
            Err(misconfigured("mqtt url: wss:// needs the features \"websocket\" and \"tls\"".to_owned()))
        }
        _ => Err(misconfigured("mqtt url: expected mqtt://, mqtts://, ws:// or wss://".to_owned())),
    }
}

/// TLS with the certificates that the system trusts.
#[cfg(feature = "tls")]
fn trusting_the_system() -> Result<rumqttc::TlsConfiguration, BrokerError> {
    use std::sync::Arc;

    use rustls::crypto::ring;
    use rustls::{ClientConfig, RootCertStore};

    let found = rustls_native_certs::load_native_certs();
    let mut trusted = RootCertStore::empty();
    let (added, _) = trusted.add_parsable_certificates(found.certs);
    if added == 0 {
        let why = found.errors.first().map(|error| format!(": {error}")).unwrap_or_default();
        return Err(misconfigured(format!("mqtt tls: the system has no certificate to trust{why}")));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| misconfigured(format!("mqtt tls: {error}")))?
        .with_root_certificates(trusted)
        .with_no_client_auth();
    Ok(rumqttc::TlsConfiguration::Rustls(Arc::new(config)))
}

/// Without the credentials.
impl fmt::Debug for MqttConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (host, port) = self.client.broker_address();
        f.debug_struct("MqttConfig")
            .field("host", &host)
            .field("port", &port)
            .field("client_id", &self.client.client_id())
            .field("topic", &self.topic)
            .field("qos", &self.qos)
            .field("options", &self.options)
            .finish()
    }
}

const fn misconfigured(reason: String) -> BrokerError {
    BrokerError::Misconfigured { reason }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn config(url: &str) -> MqttConfig {
        MqttConfig::from_url(url).unwrap()
    }

    #[test]
    fn a_url_says_where_and_as_whom() {
        let config = config("mqtt://ada:p%40ss@broker.example");

        assert_eq!(config.client.broker_address(), ("broker.example".to_owned(), 1883));
        let login = config.client.credentials().unwrap();
        assert_eq!((login.username.as_str(), login.password.as_str()), ("ada", "p@ss"));
    }

    #[test]
    fn two_processes_with_one_url_are_two_clients() {
        let (one, other) = (config("mqtt://host"), config("mqtt://host"));

        assert_ne!(one.client.client_id(), other.client.client_id());
        assert_eq!(one.client.client_id().len(), 23, "as many as every server must take");
    }

    #[test]
    fn what_is_no_url_of_a_server_is_refused_without_repeating_it() {
        for url in ["", "secret", "http://ada:secret@host", "mqtt://ada:secret@", "mqtt://secret:port"] {
            let error = MqttConfig::from_url(url).unwrap_err().to_string();
            assert!(error.starts_with("start the event broker: mqtt url: "), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[cfg(feature = "websocket")]
    #[test]
    fn a_websocket_is_reached_by_its_whole_url() {
        assert_eq!(config("ws://host/mqtt").client.broker_address(), ("ws://host:80/mqtt".to_owned(), 80));
    }

    #[test]
    fn a_topic_that_cannot_be_is_refused() {
        let config = config("mqtt://host");

        assert_eq!(config.check(), Ok(()));
        for topic in ["", "a/+/b", "a/#", "$SYS/a", "two\nlines", &"x".repeat(256)] {
            let error = config.clone().topic(topic).check().unwrap_err().to_string();
            assert!(error.contains("mqtt topic") && error.contains("expected 1 to 255 bytes"), "{error}");
        }
    }

    #[test]
    fn the_client_keeps_alive_in_whole_seconds() {
        for (set, seconds) in [(1, 1), (1_001, 2), (0, 1), (86_400_000_000, 65_535)] {
            let keep_alive = Duration::from_millis(set);
            let config =
                config("mqtt://host").options(BrokerOptions { keep_alive, ..BrokerOptions::default() });
            assert_eq!(config.client_options().keep_alive(), Duration::from_secs(seconds), "{set} ms");
        }
    }
}
