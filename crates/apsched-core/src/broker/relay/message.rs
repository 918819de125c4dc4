//! One message between processes: how it is written, and what is believed of one that arrives. Pure.
//!
//! A message is a line of text that every version can read, then a body in the format that the line names:
//!
//! ```text
//! apsched-events/1 07d3f09aa51c2e84 json {"number":12,"listens":32768,"events":[{"type":"job_added",…}]}
//! ╰── version ───╯ ╰─── origin ───╯ ╰──╯ ╰─ body
//!                                    serializer
//! ```
//!
//! It carries ids, never payloads. [`MAX_MESSAGE_BYTES`] holds whatever the ids are: a batch that is larger is split
//! (`outbox.rs`), and a text of a person's making, such as the reason of a quarantine, is cut. Fields may be added to
//! the body, and events of new types: who does not know them passes over them. What else changes gets a new version,
//! which older processes ignore.

use serde::{Deserialize, Serialize, de::IgnoredAny};

use crate::event::{Event, EventInterest};
use crate::serializer::{SerializerError, Serializers};

/// Largest message that is sent, in bytes: even as base64 it fits into a notification of PostgreSQL, which is below
/// 8,000 bytes.
pub const MAX_MESSAGE_BYTES: usize = 5_900;

/// Largest message that is read. More than is ever sent, for versions that send more.
const MAX_READ_BYTES: usize = 64 * 1024;

/// Room in a message for all but its events.
pub(super) const ENVELOPE_BYTES: usize = 256;

/// Longest text of a person's making that travels, in bytes; six times as many when every character is escaped.
const MAX_TEXT_BYTES: usize = 500;

const FORMAT: &str = "apsched-events/";
const VERSION: &str = "1";

/// One process on the channel: a number that each broker draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Origin(pub(super) u64);

/// What one process tells the others.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Message {
    /// Who tells it.
    pub(super) origin: Origin,
    /// Place among the messages of its origin; one more than that of the message before.
    pub(super) number: u64,
    /// What somebody at the origin listens to.
    pub(super) listens: EventInterest,
    /// Whether the others are asked what they listen to.
    pub(super) asks: bool,
    /// The types of the events that the origin could not send since its last message.
    pub(super) lost: EventInterest,
    /// What happened, in order.
    pub(super) events: Vec<Event>,
}

/// What a message that arrived is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Heard {
    /// One's own, which the channel sends back.
    Own,
    /// That of another process.
    Other(Message),
}

/// Why a message was ignored.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum IgnoredMessage {
    #[error("a message of {bytes} bytes: expected at most {MAX_READ_BYTES}")]
    TooLarge { bytes: usize },
    #[error("a message of {bytes} bytes that no broker of this library wrote")]
    Foreign { bytes: usize },
    #[error("a message of format version {found:?}: expected {VERSION:?}")]
    OtherVersion { found: String },
    #[error("a message whose body cannot be read")]
    Unreadable(#[source] SerializerError),
}

#[derive(Serialize)]
struct Written<'a> {
    number: u64,
    listens: u32,
    #[serde(skip_serializing_if = "is_false")]
    asks: bool,
    #[serde(skip_serializing_if = "is_zero")]
    lost: u32,
    #[serde(skip_serializing_if = "<[Event]>::is_empty")]
    events: &'a [Event],
}

#[derive(Deserialize)]
struct Read {
    number: u64,
    listens: u32,
    #[serde(default)]
    asks: bool,
    #[serde(default)]
    lost: u32,
    #[serde(default)]
    events: Vec<ReadEvent>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ReadEvent {
    Known(Event),
    /// Of a type that this version does not know.
    Unknown(IgnoredAny),
}

impl Message {
    pub(super) fn write(&self, serializers: &Serializers) -> Result<Vec<u8>, SerializerError> {
        let Self { origin, number, listens, asks, lost, events } = self;
        let body =
            Written { number: *number, listens: listens.bits(), asks: *asks, lost: lost.bits(), events };
        let (serializer, body) = serializers.write(&body)?;
        let mut bytes = format!("{FORMAT}{VERSION} {:016x} {serializer} ", origin.0).into_bytes();
        bytes.extend_from_slice(&body);
        Ok(bytes)
    }

    pub(super) fn read(
        bytes: &[u8],
        own: Origin,
        serializers: &Serializers,
    ) -> Result<Heard, IgnoredMessage> {
        if bytes.len() > MAX_READ_BYTES {
            return Err(IgnoredMessage::TooLarge { bytes: bytes.len() });
        }
        let foreign = || IgnoredMessage::Foreign { bytes: bytes.len() };
        let mut parts = bytes.splitn(4, |byte| *byte == b' ');
        let mut word = || parts.next().and_then(|part| std::str::from_utf8(part).ok());
        let version = word().and_then(|word| word.strip_prefix(FORMAT)).ok_or_else(foreign)?;
        if version != VERSION {
            return Err(IgnoredMessage::OtherVersion { found: version.chars().take(16).collect() });
        }
        let origin =
            word().and_then(|word| u64::from_str_radix(word, 16).ok()).map(Origin).ok_or_else(foreign)?;
        if origin == own {
            return Ok(Heard::Own);
        }
        let serializer = word().ok_or_else(foreign)?;
        let body = parts.next().ok_or_else(foreign)?;
        let body: Read = serializers.read(serializer, body).map_err(IgnoredMessage::Unreadable)?;
        Ok(Heard::Other(Self {
            origin,
            number: body.number,
            listens: EventInterest::from_bits(body.listens),
            asks: body.asks,
            lost: EventInterest::from_bits(body.lost),
            events: body.events.into_iter().filter_map(ReadEvent::known).collect(),
        }))
    }
}

impl ReadEvent {
    /// The event, unless it is of a later version or concerns its own process only.
    fn known(self) -> Option<Event> {
        match self {
            Self::Known(event) => (!event.is_local()).then_some(event),
            Self::Unknown(IgnoredAny) => None,
        }
    }
}

/// The event with its texts cut to what fits into a message.
pub(super) fn with_short_texts(mut event: Event) -> Event {
    match &mut event {
        Event::ScheduleQuarantined(event) => cut(&mut event.reason),
        Event::JobQuarantined(event) => cut(&mut event.reason),
        _ => {}
    }
    event
}

fn cut(text: &mut String) {
    if text.len() > MAX_TEXT_BYTES {
        let end = (0..=MAX_TEXT_BYTES).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
}

const fn is_false(value: &bool) -> bool {
    !*value
}

const fn is_zero(value: &u32) -> bool {
    *value == 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::event::{EventType, JobProgressed, JobQuarantined, SchedulerStarted, TaskAdded};
    use crate::id::{JobId, SchedulerId, SchedulerName, TaskId};

    const OWN: Origin = Origin(1);

    fn message(events: Vec<Event>) -> Message {
        Message {
            origin: Origin(0xfe),
            number: 7,
            listens: TaskAdded::INTEREST,
            asks: true,
            lost: JobProgressed::INTEREST,
            events,
        }
    }

    fn added(id: &str) -> Event {
        TaskAdded::new(TaskId::new(id).unwrap()).into()
    }

    fn read(bytes: &[u8]) -> Result<Heard, IgnoredMessage> {
        Message::read(bytes, OWN, &Serializers::default())
    }

    #[test]
    fn a_message_is_read_back_as_it_was_written() {
        let written = message(vec![added("a"), added("b")]);

        let bytes = written.write(&Serializers::default()).unwrap();

        assert!(bytes.starts_with(b"apsched-events/1 00000000000000fe json {\"number\":7,"), "{bytes:?}");
        assert_eq!(read(&bytes).unwrap(), Heard::Other(written));
    }

    #[test]
    fn ones_own_message_is_known_without_reading_its_body() {
        let bytes = b"apsched-events/1 0000000000000001 unknown-format ...";

        assert_eq!(read(bytes).unwrap(), Heard::Own);
    }

    #[test]
    fn what_is_new_in_a_later_version_of_the_body_is_passed_over() {
        let bytes = br#"apsched-events/1 2 json {"number":1,"listens":0,"color":"red",
            "events":[{"type":"task_repainted","task_id":"a"},{"type":"task_added","task_id":"a"}]}"#;

        let Heard::Other(message) = read(bytes).unwrap() else { panic!("it is another's") };
        assert_eq!(message.events, [added("a")]);
    }

    #[test]
    fn what_concerns_another_process_only_is_not_believed() {
        let stopped = SchedulerStarted::new(SchedulerId::new(SchedulerName::new("a").unwrap(), 1)).into();
        let bytes = message(vec![stopped, added("a")]).write(&Serializers::default()).unwrap();

        let Heard::Other(message) = read(&bytes).unwrap() else { panic!("it is another's") };
        assert_eq!(message.events, [added("a")]);
    }

    #[test]
    fn each_kind_of_garbage_says_what_it_is() {
        let say = |bytes: &[u8]| read(bytes).unwrap_err().to_string();

        assert_eq!(say(b""), "a message of 0 bytes that no broker of this library wrote");
        assert_eq!(say(b"hello"), "a message of 5 bytes that no broker of this library wrote");
        assert_eq!(say(b"apsched-events/2 x y z"), r#"a message of format version "2": expected "1""#);
        assert_eq!(
            say(b"apsched-events/1 xyz json {}"),
            "a message of 28 bytes that no broker of this library wrote"
        );
        assert_eq!(say(b"apsched-events/1 2 json {]"), "a message whose body cannot be read");
        assert_eq!(say(b"apsched-events/1 2 cbor \xa0"), "a message whose body cannot be read");
        assert_eq!(say(&vec![b'x'; MAX_READ_BYTES + 1]), "a message of 65537 bytes: expected at most 65536");
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let long = JobQuarantined::new(JobId::at(chrono::DateTime::UNIX_EPOCH, 0), "ä".repeat(10_000));

        let Event::JobQuarantined(short) = with_short_texts(long.into()) else { panic!("the type stays") };
        assert_eq!(short.reason, format!("{}…", "ä".repeat(MAX_TEXT_BYTES / 2)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_ignored(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            drop(read(&bytes));
        }

        #[test]
        fn any_body_is_read_or_ignored(body in "\\PC{0,200}", format in "json|cbor|\\PC{0,9}") {
            drop(read(format!("apsched-events/1 2 {format} {body}").as_bytes()));
        }
    }
}
