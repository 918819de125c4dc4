//! Greets a MySQL or MariaDB server: reads its version, and logs in where the URL holds no password.
//!
//! # Source
//! The chapter "Connection Phase" of the MySQL internals manual.

use std::io::{self, Read, Write};

use super::login::Login;
use super::{Health, nonsense, take, text_to_zero};

/// Protocol 4.1, which every server speaks, with a database and the name of an authentication method.
const CAPABILITIES: u32 = 0x200 | 0x8000 | 0x8_0000;
const WITH_DATABASE: u32 = 0x8;
const MAX_PACKET_BYTES: u32 = 1 << 24;
/// utf8mb4
const CHARACTER_SET: u8 = 45;

/// How many answers a login may take: a change of the method, its own answers, the result.
const MAX_ANSWERS: usize = 5;

pub(super) fn greet(connection: &mut (impl Read + Write), login: &Login) -> io::Result<Health> {
    let (_, greeting) = packet(connection)?;
    let server = match greeting.split_first() {
        Some((0x0a, rest)) => name(&text_to_zero(rest)?.0),
        Some((0xff, error)) => return Ok(refusal(error)),
        _ => return Err(nonsense("another protocol")),
    };
    if login.has_password {
        return Ok(Health::Up(server));
    }
    send(connection, 1, &response(login))?;
    for _ in 0..MAX_ANSWERS {
        let (number, answer) = packet(connection)?;
        match answer.split_first() {
            Some((0x00, _)) => {
                send(connection, 0, &[0x01])?; // the command to quit
                return Ok(Health::Up(server));
            }
            Some((0xff, error)) => return Ok(refusal(error)),
            // Another method of authentication; an empty password is an empty answer by any.
            Some((0xfe, _)) => send(connection, number.wrapping_add(1), &[])?,
            Some((0x01, _)) => {}
            _ => return Err(nonsense("another protocol")),
        }
    }
    Err(nonsense("a login without end"))
}

/// A version as people say it: MariaDB before 11 puts another before its own.
fn name(version: &str) -> String {
    let is_mariadb = version.contains("MariaDB");
    let version = version.strip_prefix("5.5.5-").filter(|_| is_mariadb).unwrap_or(version);
    let version = version.split('-').next().unwrap_or(version);
    format!("{} {version}", if is_mariadb { "MariaDB" } else { "MySQL" })
}

/// Who logs in, without a password.
fn response(login: &Login) -> Vec<u8> {
    let has_database = !login.database.is_empty();
    let capabilities = CAPABILITIES | if has_database { WITH_DATABASE } else { 0 };
    let mut response = capabilities.to_le_bytes().to_vec();
    response.extend(MAX_PACKET_BYTES.to_le_bytes());
    response.push(CHARACTER_SET);
    response.extend([0; 23]);
    response.extend([login.user.as_bytes(), b"\0\0"].concat());
    if has_database {
        response.extend([login.database.as_bytes(), b"\0"].concat());
    }
    response.extend(b"mysql_native_password\0");
    response
}

/// An error: a number of two bytes, `#` and a state of five, and the message.
fn refusal(error: &[u8]) -> Health {
    let message = error.get(2..).unwrap_or_default();
    let message = message.strip_prefix(b"#").and_then(|rest| rest.get(5..)).unwrap_or(message);
    Health::Unusable(format!("refuses: {}", String::from_utf8_lossy(message)))
}

/// The next packet and its number.
fn packet(connection: &mut impl Read) -> io::Result<(u8, Vec<u8>)> {
    let head = take(connection, 4)?;
    let length = u32::from_le_bytes([head[0], head[1], head[2], 0]) as usize;
    Ok((head[3], take(connection, length)?))
}

fn send(connection: &mut impl Write, number: u8, body: &[u8]) -> io::Result<()> {
    let length = (body.len() as u32).to_le_bytes();
    connection.write_all(&[&[length[0], length[1], length[2], number], body].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::probe::scripted::Scripted;

    fn framed(number: u8, body: &[u8]) -> Vec<u8> {
        let mut framed = Vec::new();
        send(&mut framed, number, body).unwrap();
        framed
    }

    fn greeting() -> Vec<u8> {
        framed(0, b"\x0a5.5.5-10.11.6-MariaDB-0+deb12u1\0and more")
    }

    fn login() -> Login {
        Login { user: "root".into(), database: "test".into(), ..Login::default() }
    }

    #[test]
    fn server_that_lets_the_user_in_tells_its_version() {
        let mut server = Scripted::new(&[
            &greeting(),
            &framed(2, b"\xfecaching_sha2_password\0salt"),
            &framed(4, &[0x01, 0x03]),
            &framed(5, &[0; 7]),
        ]);

        let health = greet(&mut server, &login()).unwrap();

        assert_eq!(health, Health::Up("MariaDB 10.11.6".into()));
        let quits = [&framed(3, &[])[..], &framed(0, &[1])].concat();
        assert!(server.sent.ends_with(&quits), "{:?}", server.sent);
    }

    #[test]
    fn version_is_told_as_people_say_it() {
        for (version, expected) in [
            ("8.0.36", "MySQL 8.0.36"),
            ("8.4.0-log", "MySQL 8.4.0"),
            ("11.4.2-MariaDB-ubu2404", "MariaDB 11.4.2"),
        ] {
            assert_eq!(name(version), expected);
        }
    }

    #[test]
    fn refusal_is_told_in_the_servers_words() {
        let refuses = framed(2, b"\xff\x15\x04#28000Access denied for user 'root'@'localhost'");

        let health = greet(&mut Scripted::new(&[&greeting(), &refuses]), &login()).unwrap();

        assert_eq!(health, Health::Unusable("refuses: Access denied for user 'root'@'localhost'".into()));
    }

    #[test]
    fn no_login_is_tried_with_a_password() {
        let mut server = Scripted::new(&[&greeting()]);

        let health = greet(&mut server, &Login { has_password: true, ..login() }).unwrap();

        assert_eq!((health, server.sent), (Health::Up("MariaDB 10.11.6".into()), vec![]));
    }

    #[test]
    fn another_protocol_is_an_error() {
        for other in [&b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n"[..], b"\x01\0\0\0\x09", b""] {
            assert!(greet(&mut Scripted::new(&[other]), &login()).is_err());
        }
    }
}
