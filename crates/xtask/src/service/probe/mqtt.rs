//! Greets a broker of MQTT: connects by version 3.1.1 and disconnects again.
//!
//! # Source
//! MQTT version 3.1.1, 3.1 and 3.2.

use std::io::{self, Read, Write};

use super::login::Login;
use super::{Health, nonsense, take};

/// A clean session that is kept alive for ten seconds, under a name that the broker chooses.
const CONNECT: &[u8] = b"\x10\x0c\0\x04MQTT\x04\x02\0\x0a\0\0";
const DISCONNECT: &[u8] = &[0xe0, 0];

pub(super) fn greet(connection: &mut (impl Read + Write), login: &Login) -> io::Result<Health> {
    connection.write_all(CONNECT)?;
    let answer = take(connection, 4)?;
    let &[0x20, 0x02, _, code] = answer.as_slice() else { return Err(nonsense("no answer to CONNECT")) };
    let refusal = match code {
        0 => {
            connection.write_all(DISCONNECT)?;
            return Ok(Health::Up("MQTT 3.1.1".into()));
        }
        4 | 5 if !login.user.is_empty() => return Ok(Health::Up("MQTT 3.1.1".into())),
        1 => "it does not speak version 3.1.1",
        2 => "it gives us no name",
        3 => "it is not available",
        4 | 5 => "it asks for a login, and the URL holds none",
        _ => "it does not say why",
    };
    Ok(Health::Unusable(format!("refuses: {refusal}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::probe::scripted::Scripted;

    fn answer(code: u8, user: &str) -> Health {
        let login = Login { user: user.into(), ..Login::default() };
        greet(&mut Scripted::new(&[&[0x20, 2, 0, code]]), &login).unwrap()
    }

    #[test]
    fn length_of_the_first_packet_is_right() {
        assert_eq!(usize::from(CONNECT[1]), CONNECT.len() - 2);
    }

    #[test]
    fn broker_that_lets_us_in_is_up() {
        assert_eq!(answer(0, ""), Health::Up("MQTT 3.1.1".into()));
    }

    #[test]
    fn broker_that_asks_for_a_login_needs_one_in_the_url() {
        let refusal = "refuses: it asks for a login, and the URL holds none";

        assert_eq!(answer(5, ""), Health::Unusable(refusal.into()));
        assert_eq!(answer(5, "ada"), Health::Up("MQTT 3.1.1".into()));
    }

    #[test]
    fn another_protocol_is_an_error() {
        assert!(greet(&mut Scripted::new(&[b"HTTP/1.1 400"]), &Login::default()).is_err());
    }
}
