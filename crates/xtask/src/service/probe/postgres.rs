//! Greets a PostgreSQL server: logs in, and reads the version on the way.
//!
//! # Source
//! The chapter "Frontend/Backend Protocol" of the PostgreSQL documentation.

use std::io::{self, Read, Write};

use super::login::Login;
use super::{Health, four, nonsense, take, text_to_zero};

/// Protocol 3.0.
const PROTOCOL: u32 = 3 << 16;

/// How many messages a server may send before it is ready. It sends about fifteen.
const MAX_MESSAGES: usize = 100;

pub(super) fn greet(connection: &mut (impl Read + Write), login: &Login) -> io::Result<Health> {
    connection.write_all(&startup(login))?;
    let mut version = String::new();
    for _ in 0..MAX_MESSAGES {
        let (kind, body) = message(connection)?;
        match kind {
            b'R' if four(&body, 0)? == [0; 4] => {}
            b'R' if login.has_password => return Ok(Health::Up("PostgreSQL".into())),
            b'R' => {
                let user = &login.user;
                return Ok(Health::Unusable(format!("asks {user:?} for a password, and the URL holds none")));
            }
            b'S' => {
                let (name, value) = text_to_zero(&body)?;
                if name == "server_version" {
                    version = text_to_zero(value)?.0;
                }
            }
            b'E' => return Ok(Health::Unusable(format!("refuses: {}", message_of_error(&body)?))),
            b'Z' => {
                connection.write_all(b"X\0\0\0\x04")?;
                let version = version.split(' ').next().unwrap_or_default();
                return Ok(Health::Up(format!("PostgreSQL {version}")));
            }
            _ => {}
        }
    }
    Err(nonsense("messages without end"))
}

/// The first message: who, and which database.
fn startup(login: &Login) -> Vec<u8> {
    let mut body = PROTOCOL.to_be_bytes().to_vec();
    for (name, value) in [("user", &login.user), ("database", &login.database)] {
        if !value.is_empty() {
            body.extend([name.as_bytes(), b"\0", value.as_bytes(), b"\0"].concat());
        }
    }
    body.push(0);
    // A length counts itself; a URL cannot be longer than the system lets a variable be.
    [&(body.len() as u32 + 4).to_be_bytes()[..], &body].concat()
}

fn message(connection: &mut impl Read) -> io::Result<(u8, Vec<u8>)> {
    let head = take(connection, 5)?;
    let length = u32::from_be_bytes(four(&head, 1)?) as usize;
    let length = length.checked_sub(4).ok_or_else(|| nonsense("a message shorter than its length"))?;
    Ok((head[0], take(connection, length)?))
}

/// The field `M` of an error: a byte and a text for each, up to a zero.
fn message_of_error(mut fields: &[u8]) -> io::Result<String> {
    while let Some((&field, rest)) = fields.split_first().filter(|(field, _)| **field != 0) {
        let (text, rest) = text_to_zero(rest)?;
        if field == b'M' {
            return Ok(text);
        }
        fields = rest;
    }
    Ok("without saying why".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::probe::scripted::Scripted;

    const OK: &[u8] = b"R\0\0\0\x08\0\0\0\0";
    const VERSION: &[u8] = b"S\0\0\0\x23server_version\x0015.8 (Debian 1)\0";
    const READY: &[u8] = b"Z\0\0\0\x05I";

    fn login() -> Login {
        Login { user: "ada".into(), database: "test".into(), ..Login::default() }
    }

    #[test]
    fn server_that_lets_the_user_in_tells_its_version() {
        let mut server = Scripted::new(&[OK, VERSION, READY]);

        let health = greet(&mut server, &login()).unwrap();

        assert_eq!(health, Health::Up("PostgreSQL 15.8".into()));
        assert_eq!(
            server.sent,
            [&b"\0\0\0\x20\0\x03\0\0user\0ada\0database\0test\0\0"[..], b"X\0\0\0\x04"].concat()
        );
    }

    #[test]
    fn server_that_asks_for_a_password_needs_one_in_the_url() {
        let asks: &[u8] = b"R\0\0\0\x08\0\0\0\x0a";
        let with_password = Login { has_password: true, ..login() };

        let health = greet(&mut Scripted::new(&[asks]), &login()).unwrap();

        assert_eq!(health, Health::Unusable("asks \"ada\" for a password, and the URL holds none".into()));
        let health = greet(&mut Scripted::new(&[asks]), &with_password).unwrap();
        assert_eq!(health, Health::Up("PostgreSQL".into()));
    }

    #[test]
    fn refusal_is_told_in_the_servers_words() {
        let refuses: &[u8] = b"E\0\0\0\x23SFATAL\0C57P03\0Mis starting up\0\0";

        let health = greet(&mut Scripted::new(&[refuses]), &login()).unwrap();

        assert_eq!(health, Health::Unusable("refuses: is starting up".into()));
    }

    #[test]
    fn another_protocol_is_an_error() {
        for other in [&b"HTTP/1.1 400 Bad Request\r\n"[..], b"R\0\0\0\x01", b"-ERR", b""] {
            assert!(greet(&mut Scripted::new(&[other]), &login()).is_err());
        }
    }
}
