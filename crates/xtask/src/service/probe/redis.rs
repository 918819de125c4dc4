//! Greets a Redis server: `PING`, and the version out of `INFO server`.
//!
//! # Source
//! The page "Redis serialization protocol specification"; a command may be one line of text.

use std::io::{self, BufRead, BufReader, Read, Write};

use super::login::Login;
use super::{Health, MAX_ANSWER_BYTES, nonsense, take};

pub(super) fn greet(connection: &mut (impl Read + Write), login: &Login) -> io::Result<Health> {
    connection.write_all(b"PING\r\n")?;
    let mut answers = BufReader::new(connection);
    let answer = line(&mut answers)?;
    if let Some(refusal) = answer.strip_prefix('-') {
        let is_expected = refusal.starts_with("NOAUTH") && login.has_password;
        return Ok(if is_expected {
            Health::Up("Redis".into())
        } else {
            Health::Unusable(format!("refuses: {refusal}"))
        });
    }
    if answer != "+PONG" {
        return Err(nonsense("no answer to PING"));
    }
    answers.get_mut().write_all(b"INFO server\r\n")?;
    let info = line(&mut answers)?;
    let length = info.strip_prefix('$').and_then(|length| length.parse().ok());
    let Some(length) = length else { return Ok(Health::Up("Redis".into())) };
    let info = take(&mut answers, length)?;
    let info = String::from_utf8_lossy(&info);
    let version = info.lines().find_map(|line| line.strip_prefix("redis_version:"));
    Ok(Health::Up(version.map_or("Redis".into(), |version| format!("Redis {version}"))))
}

fn line(answers: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    answers.take(MAX_ANSWER_BYTES as u64).read_line(&mut line)?;
    let line = line.strip_suffix("\r\n").ok_or_else(|| nonsense("a line without an end"))?;
    Ok(line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::probe::scripted::Scripted;

    fn answer(answers: &str, login: &Login) -> io::Result<Health> {
        greet(&mut Scripted::new(&[answers.as_bytes()]), login)
    }

    #[test]
    fn server_tells_its_version() {
        let mut server = Scripted::new(&[b"+PONG\r\n$32\r\n# Server\r\nredis_version:7.0.15\r\n"]);

        assert_eq!(greet(&mut server, &Login::default()).unwrap(), Health::Up("Redis 7.0.15".into()));
        assert_eq!(server.sent, b"PING\r\nINFO server\r\n");
    }

    #[test]
    fn server_that_tells_nothing_of_itself_is_up() {
        let health = answer("+PONG\r\n-ERR unknown command\r\n", &Login::default()).unwrap();

        assert_eq!(health, Health::Up("Redis".into()));
    }

    #[test]
    fn server_that_asks_for_a_password_needs_one_in_the_url() {
        let asks = "-NOAUTH Authentication required.\r\n";
        let with_password = Login { has_password: true, ..Login::default() };

        let health = answer(asks, &Login::default()).unwrap();

        assert_eq!(health, Health::Unusable("refuses: NOAUTH Authentication required.".into()));
        assert_eq!(answer(asks, &with_password).unwrap(), Health::Up("Redis".into()));
    }

    #[test]
    fn another_protocol_is_an_error() {
        for other in ["HTTP/1.1 400 Bad Request\r\n", "+PON", ""] {
            assert!(answer(other, &Login::default()).is_err(), "{other}");
        }
    }
}
