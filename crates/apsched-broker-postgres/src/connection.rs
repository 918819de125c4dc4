//! One connection to PostgreSQL, which listens and notifies.
//!
//! A notification is a text of less than 8,000 bytes in the server's encoding. A message of ASCII letters, as JSON mostly is,
//! goes as it is; any other goes as base64, which every encoding can hold and for which the relay's messages are short
//! enough.
//!
//! The socket may die without anybody telling: the relay asks for a sign of life now and then, which is an empty query.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;

use apsched_core::broker::relay::{LinkError, LinkReceiver, LinkSender, Transport};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use futures_util::stream::{self, Stream, StreamExt};
use tokio::sync::Notify;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{AsyncMessage, Client, Config, Error, Socket, Statement};

/// What stands before a message that is not text.
const BASE64_MARK: &str = "base64:";

/// The way to the server.
#[derive(Clone)]
pub(crate) struct PostgresTransport {
    pub(crate) config: Config,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<tokio_postgres_rustls::MakeRustlsConnect>,
    /// A name of a channel that needs no escaping within double quotes.
    pub(crate) channel: String,
}

/// Without the configuration, which holds the credentials.
impl std::fmt::Debug for PostgresTransport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresTransport").field("channel", &self.channel).finish_non_exhaustive()
    }
}

/// Asks the server to notify.
pub(crate) struct PostgresSender {
    /// `None` after the goodbye.
    client: Option<Client>,
    notify: Statement,
    channel: String,
    has_ended: Arc<Notify>,
}

/// Polls the connection, which does the work of both.
pub(crate) struct PostgresReceiver {
    messages: Messages,
    /// Texts that came while the connection was being set up.
    early: VecDeque<String>,
    has_ended: Arc<Notify>,
}

type Messages = Pin<Box<dyn Stream<Item = Result<AsyncMessage, Error>> + Send>>;

impl Transport for PostgresTransport {
    type Sender = PostgresSender;
    type Receiver = PostgresReceiver;

    async fn connect(&self) -> Result<(PostgresSender, PostgresReceiver), LinkError> {
        let (client, messages) = self.connect_encrypted_or_not().await?;
        let has_ended = Arc::new(Notify::new());
        let mut receiver =
            PostgresReceiver { messages, early: VecDeque::new(), has_ended: has_ended.clone() };
        // A hint need not survive a crash of the server, so it need not wait for the disk.
        let listen = format!("SET synchronous_commit = off; LISTEN \"{}\"", self.channel);
        receiver.while_polled(client.batch_execute(&listen)).await?;
        let notify = receiver.while_polled(client.prepare("SELECT pg_notify($1, $2)")).await?;
        let channel = self.channel.clone();
        Ok((PostgresSender { client: Some(client), notify, channel, has_ended }, receiver))
    }
}

impl PostgresTransport {
    async fn connect_encrypted_or_not(&self) -> Result<(Client, Messages), LinkError> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            return self.connect_with(tls.clone()).await;
        }
        self.connect_with(tokio_postgres::NoTls).await
    }

    async fn connect_with<T>(&self, tls: T) -> Result<(Client, Messages), LinkError>
    where
        T: MakeTlsConnect<Socket, Stream: Send + 'static, TlsConnect: Send>,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        let connected = self.config.connect(tls).await;
        let (client, mut connection) =
            connected.map_err(|error| LinkError::new("connect to postgres", error))?;
        let messages = stream::poll_fn(move |context| connection.poll_message(context));
        Ok((client, Box::pin(messages)))
    }
}

impl PostgresReceiver {
    /// The answer to a request, for which the connection has to be polled.
    async fn while_polled<V>(
        &mut self,
        request: impl Future<Output = Result<V, Error>>,
    ) -> Result<V, LinkError> {
        let mut request = std::pin::pin!(request);
        loop {
            tokio::select! {
                answer = &mut request => return answer.map_err(|error| LinkError::new("listen on postgres", error)),
                text = next_text(&mut self.messages) => self.early.push_back(text?),
            }
        }
    }
}

impl LinkSender for PostgresSender {
    async fn send(&mut self, message: &[u8]) -> Result<(), LinkError> {
        let Some(client) = &self.client else { return Ok(()) };
        let notified = client.execute(&self.notify, &[&self.channel, &to_text(message)]).await;
        notified.map(drop).map_err(|error| LinkError::new("notify by postgres", error))
    }

    async fn ping(&mut self) -> Result<(), LinkError> {
        let Some(client) = &self.client else { return Ok(()) };
        let answered = client.batch_execute("").await;
        answered.map_err(|error| LinkError::new("ask postgres for a sign of life", error))
    }

    /// The connection says goodbye and ends once its client is dropped.
    async fn close(&mut self) {
        if self.client.take().is_some() {
            self.has_ended.notified().await;
        }
    }
}

impl LinkReceiver for PostgresReceiver {
    async fn receive(&mut self) -> Result<Vec<u8>, LinkError> {
        if let Some(text) = self.early.pop_front() {
            return Ok(of_text(text));
        }
        let next = next_text(&mut self.messages).await;
        if next.is_err() {
            self.has_ended.notify_one();
        }
        next.map(of_text)
    }
}

/// The next notification. Fails when the connection has ended.
async fn next_text(messages: &mut Messages) -> Result<String, LinkError> {
    loop {
        match messages.next().await {
            Some(Ok(AsyncMessage::Notification(notification))) => {
                return Ok(notification.payload().to_owned());
            }
            // What the server thinks should be known to a person at a terminal.
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(LinkError::new("talk to postgres", error)),
            None => return Err(LinkError::of("postgres closed the connection")),
        }
    }
}

fn to_text(message: &[u8]) -> String {
    match std::str::from_utf8(message) {
        Ok(text) if text.is_ascii() && !text.contains('\0') => text.to_owned(),
        _ => format!("{BASE64_MARK}{}", BASE64.encode(message)),
    }
}

/// The bytes of a text; one that says to be base64 and is not stands for itself, which no reader will understand.
fn of_text(text: String) -> Vec<u8> {
    let decoded = text.strip_prefix(BASE64_MARK).and_then(|encoded| BASE64.decode(encoded).ok());
    decoded.unwrap_or_else(|| text.into_bytes())
}

#[cfg(test)]
mod tests {
    use apsched_core::broker::relay::MAX_MESSAGE_BYTES;

    use super::*;

    #[test]
    fn any_bytes_are_read_back_from_a_text_that_every_encoding_holds() {
        for bytes in [&b"{\"plain\":1}"[..], "语".as_bytes(), b"\0\xff", b"", b"base64:!"] {
            let text = to_text(bytes);
            assert!(text.is_ascii() && !text.contains('\0'), "{text:?}");
            assert_eq!(of_text(text), bytes);
        }
        assert_eq!(to_text(b"{}"), "{}", "what is text stays readable");
    }

    #[test]
    fn the_largest_message_is_small_enough_for_a_notification() {
        assert!(to_text(&[0xff; MAX_MESSAGE_BYTES]).len() < 8_000);
    }

    #[test]
    fn text_that_is_no_base64_is_harmless() {
        assert_eq!(of_text("base64:@@@".to_owned()), b"base64:@@@");
    }
}
