//! Whether a server is there, speaks the protocol of its backend and lets the user of its URL in.
//!
//! A port that is open says little: a container's is open long before its server is, another program may have taken it, and a
//! server that the distribution started asks for a password. So each backend is greeted in its own protocol, by hand: it
//! is a few bytes each, and the clients would make every build of this program slow.
//!
//! A URL that asks for TLS is only connected to; with a password in it, no login is tried.

mod bson;
mod login;
mod mongodb;
mod mqtt;
mod mysql;
mod postgres;
mod redis;

use std::io::{self, Read};
use std::time::Duration;

use self::login::Login;
pub(crate) use self::mongodb::initiate;
use crate::backend::{Address, Backend};

/// How long a server may take for one answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);

/// The longest answer that is read.
const MAX_ANSWER_BYTES: usize = 1 << 20;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    /// Tests can use it; it calls itself so.
    Up(String),
    /// Somebody listens, but tests cannot use it (yet), because of this.
    Unusable(String),
    /// Nobody listens, because of this.
    Down(String),
}

/// Greets the server of `backend` at `address`, as the user of `url`.
pub(crate) fn probe(backend: Backend, url: &str, address: &Address) -> Health {
    let mut connection = match address.connect() {
        Ok(connection) => connection,
        Err(error) => return Health::Down(error.to_string()),
    };
    let login = Login::of_url(url);
    let bounded = connection
        .set_read_timeout(Some(ANSWER_TIMEOUT))
        .and_then(|()| connection.set_write_timeout(Some(ANSWER_TIMEOUT)));
    let answer = bounded.and_then(|()| match backend {
        _ if login.asks_for_tls => Ok(Health::Up("not asked, for its URL wants TLS".into())),
        Backend::Sqlite => Ok(Health::Up("no server".into())),
        Backend::Postgres => postgres::greet(&mut connection, &login),
        Backend::Mysql => mysql::greet(&mut connection, &login),
        Backend::Mongodb => mongodb::greet(&mut connection, &login),
        Backend::Redis => redis::greet(&mut connection, &login),
        Backend::Mqtt => mqtt::greet(&mut connection, &login),
    });
    answer.unwrap_or_else(|error| Health::Unusable(format!("does not answer as {backend} does: {error}")))
}

/// The next `length` bytes.
fn take(connection: &mut impl Read, length: usize) -> io::Result<Vec<u8>> {
    if length > MAX_ANSWER_BYTES {
        return Err(nonsense(format!("an answer of {length} bytes")));
    }
    let mut bytes = vec![0; length];
    connection.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// The text in `bytes` up to the first zero, and what comes after.
fn text_to_zero(bytes: &[u8]) -> io::Result<(String, &[u8])> {
    let end = bytes.iter().position(|&byte| byte == 0).ok_or_else(|| nonsense("a text without an end"))?;
    Ok((String::from_utf8_lossy(&bytes[..end]).into_owned(), &bytes[end + 1..]))
}

/// The four bytes of `bytes` at `at`.
fn four(bytes: &[u8], at: usize) -> io::Result<[u8; 4]> {
    let four = bytes.get(at..).and_then(|rest| rest.first_chunk());
    four.copied().ok_or_else(|| nonsense("an answer that is too short"))
}

fn nonsense(what: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.into())
}

#[cfg(test)]
mod scripted;
