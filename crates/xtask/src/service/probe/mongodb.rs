//! Greets a MongoDB server, and makes a replica set of it.
//!
//! Transactions and change streams want a replica set, for which one node is enough. A server that was started as part of one
//! (`--replSet`) takes no writes until somebody has initiated the set, once.
//!
//! # Source
//! The page "MongoDB Wire Protocol" of the manual (`OP_MSG`), the commands `hello`, `buildInfo` and `replSetInitiate`.

use std::io::{self, Read, Write};

use super::bson::{Document, Value, fields};
use super::login::Login;
use super::{ANSWER_TIMEOUT, Health, four, nonsense, take};
use crate::backend::Address;

const OP_MSG: u32 = 2013;

/// The length, two numbers and the operation of a message; behind them the flags and the kind of the only section.
const HEAD_BYTES: usize = 16 + 4 + 1;

/// The error of a set that has been initiated before.
const ALREADY_INITIALIZED: f64 = 23.0;

pub(super) fn greet(connection: &mut (impl Read + Write), login: &Login) -> io::Result<Health> {
    let hello = Answer::to(connection, Document::default().number("hello", 1))?;
    if let Some(refusal) = hello.refusal() {
        return Ok(Health::Unusable(format!("refuses: {refusal}")));
    }
    let Some(set) = hello.text("setName") else {
        let is_waiting = hello.is_true("isreplicaset");
        let what =
            if is_waiting { "waits for its replica set to be initiated" } else { "is not of a replica set" };
        return Ok(Health::Unusable(what.into()));
    };
    if let Some(wanted) = login.replica_set.as_deref().filter(|wanted| *wanted != set) {
        let what = format!("is of the replica set {set:?}, and the URL asks for {wanted:?}");
        return Ok(Health::Unusable(what));
    }
    if !hello.is_true("isWritablePrimary") {
        return Ok(Health::Unusable("is not the primary of its replica set".into()));
    }
    let info = Answer::to(connection, Document::default().number("buildInfo", 1))?;
    Ok(Health::Up(info.text("version").map_or("MongoDB".into(), |version| format!("MongoDB {version}"))))
}

/// Makes the server at `address` the only node of the replica set `set`, under this address. It may be that already.
///
/// # Errors
/// When nobody listens, or the server refuses.
pub(crate) fn initiate(address: &Address, set: &str) -> io::Result<()> {
    let mut connection = address.connect()?;
    connection.set_read_timeout(Some(10 * ANSWER_TIMEOUT))?;
    let answer = Answer::to(&mut connection, initiation(address, set))?;
    match answer.refusal() {
        Some(refusal) if !answer.is_number("code", ALREADY_INITIALIZED) => Err(io::Error::other(refusal)),
        _ => Ok(()),
    }
}

fn initiation(address: &Address, set: &str) -> Document {
    let member = Document::default().number("_id", 0).text("host", &address.to_string());
    let configuration = Document::default().text("_id", set).array_of("members", member);
    Document::default().document("replSetInitiate", configuration)
}

/// What a server answered to a command.
struct Answer(Vec<(String, Value)>);

impl Answer {
    fn to(connection: &mut (impl Read + Write), command: Document) -> io::Result<Self> {
        connection.write_all(&message(command))?;
        let head = take(connection, HEAD_BYTES)?;
        let length = u32::from_le_bytes(four(&head, 0)?) as usize;
        let body = length.checked_sub(HEAD_BYTES).filter(|_| four(&head, 12).is_ok_and(is_op_msg));
        let body = body.ok_or_else(|| nonsense("another protocol"))?;
        Ok(Self(fields(&take(connection, body)?)?))
    }

    fn refusal(&self) -> Option<String> {
        let is_refused = !self.is_number("ok", 1.0);
        is_refused.then(|| self.text("errmsg").unwrap_or("it does not say why").to_owned())
    }

    fn text(&self, name: &str) -> Option<&str> {
        match self.value(name)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    fn is_true(&self, name: &str) -> bool {
        self.value(name) == Some(&Value::Bool(true))
    }

    fn is_number(&self, name: &str, number: f64) -> bool {
        self.value(name) == Some(&Value::Number(number))
    }

    fn value(&self, name: &str) -> Option<&Value> {
        self.0.iter().find_map(|(it, value)| (it == name).then_some(value))
    }
}

fn is_op_msg(operation: [u8; 4]) -> bool {
    u32::from_le_bytes(operation) == OP_MSG
}

/// A command to the database that commands about the server go to.
fn message(command: Document) -> Vec<u8> {
    let command = command.text("$db", "admin").finished();
    let length = (HEAD_BYTES + command.len()) as u32;
    let numbers = [length, 1, 0, OP_MSG, 0].map(u32::to_le_bytes).concat();
    [&numbers[..], &[0], &command].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::probe::scripted::Scripted;

    /// As the server answers. Booleans are written by hand, since no question needs them.
    fn answer(text: &[(&str, &str)], is_true: &[&str]) -> Vec<u8> {
        let document = Document::default().number("ok", 1);
        let document = text.iter().fold(document, |document, (name, text)| document.text(name, text));
        let mut body = document.finished();
        body.pop();
        is_true.iter().for_each(|name| body.extend([b"\x08", name.as_bytes(), b"\0\x01"].concat()));
        body.push(0);
        let length = (HEAD_BYTES + body.len()) as u32;
        let numbers = [length, 7, 1, OP_MSG, 0].map(u32::to_le_bytes).concat();
        [&numbers[..], &[0], &body].concat()
    }

    fn greeted(answers: &[&[u8]]) -> Health {
        let login = Login { replica_set: Some("rs0".into()), ..Login::default() };
        greet(&mut Scripted::new(answers), &login).unwrap()
    }

    #[test]
    fn primary_of_the_set_tells_its_version() {
        let hello = answer(&[("setName", "rs0")], &["isWritablePrimary"]);
        let info = answer(&[("version", "6.0.5")], &[]);

        assert_eq!(greeted(&[&hello, &info]), Health::Up("MongoDB 6.0.5".into()));
    }

    #[test]
    fn server_that_cannot_be_used_says_why() {
        for (hello, expected) in [
            (answer(&[], &["isWritablePrimary"]), "is not of a replica set"),
            (answer(&[], &["isreplicaset"]), "waits for its replica set to be initiated"),
            (answer(&[("setName", "rs0")], &["secondary"]), "is not the primary of its replica set"),
            (
                answer(&[("setName", "other")], &["isWritablePrimary"]),
                "is of the replica set \"other\", and the URL asks for \"rs0\"",
            ),
        ] {
            assert_eq!(greeted(&[&hello]), Health::Unusable(expected.into()));
        }
    }

    #[test]
    fn set_is_initiated_under_the_address_that_tests_use() {
        let address = Address { host: "127.0.0.1".into(), port: 27017 };
        let written = initiation(&address, "rs0").finished();

        let contains = |part: &[u8]| written.windows(part.len()).any(|it| it == part);
        assert!(contains(b"host\0\x10\0\0\x00127.0.0.1:27017\0"), "{written:?}");
        assert!(contains(b"_id\0\x04\0\0\0rs0\0"), "{written:?}");
    }

    #[test]
    fn another_protocol_is_an_error() {
        for other in [&b"HTTP/1.1 400 Bad Request\r\n"[..], &[0; 40], b""] {
            assert!(greet(&mut Scripted::new(&[other]), &Login::default()).is_err());
        }
    }
}
