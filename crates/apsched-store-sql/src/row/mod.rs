//! Rows and what they stand for: tasks, schedules, jobs, results.

pub(crate) mod job;
pub(crate) mod result;
pub(crate) mod schedule;
pub(crate) mod task;

use apsched_core::serializer::Serializers;
use apsched_core::{EncodedPayload, Payload, SchedulerId, SchedulerName};

use crate::value::{Json, Unreadable, Value};

/// The columns that the marker `{columns …}` stands for.
pub(crate) fn columns(row: &str) -> &'static str {
    match row {
        "schedule" => schedule::COLUMNS,
        "job" => job::COLUMNS,
        "ended job" => job::ENDED_COLUMNS,
        other => unreachable!("{other:?} is no kind of row"),
    }
}

/// Reads what [`SchedulerId`] writes as text: the name, a slash, and the run in sixteen hexadecimal digits.
pub(crate) fn scheduler_id(text: &str) -> Result<SchedulerId, Unreadable> {
    let parsed = text.rsplit_once('/').and_then(|(name, run)| {
        Some(SchedulerId::new(SchedulerName::new(name).ok()?, u64::from_str_radix(run, 16).ok()?))
    });
    parsed.ok_or_else(|| {
        Unreadable("expected the name and run of a scheduler, as in \"pod-1/00000000000000ff\"".to_owned())
    })
}

pub(crate) fn encoded(serializer: String, bytes: Vec<u8>) -> Payload {
    EncodedPayload { serializer: serializer.into(), bytes: bytes.into() }.into()
}

/// Serializer and bytes of a payload, as columns. A scheduler hands payloads over in the form that a store asks for; a
/// live one, which only a test of the store itself would hand over, is written as JSON.
pub(crate) fn payload_columns(payload: &Payload) -> Result<(Value, Vec<u8>), Unreadable> {
    let encoded = payload.clone().into_encoded(&Serializers::default());
    let encoded = encoded.map_err(|error| Unreadable(format!("the payload: {error}")))?;
    Ok(((&*encoded.serializer).into(), encoded.bytes.to_vec()))
}

/// Bytes of a payload as it is stored; one that cannot be written is refused when it is.
pub(crate) fn payload_size(payload: &Payload) -> usize {
    payload.clone().into_encoded(&Serializers::default()).map_or(0, |encoded| encoded.bytes.len())
}

/// Why something is put aside, in words that may be a user's. PostgreSQL keeps no text with the character zero.
pub(crate) fn reason_column(text: &str) -> Json {
    Json(Some(text.replace('\0', "\u{FFFD}")))
}

/// A definition as JSON. The definitions of core can all be written.
pub(crate) fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("definitions have text keys, and no value that JSON cannot hold")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scheduler_reads_back_also_with_a_slash_in_its_name() {
        let id = SchedulerId::new(SchedulerName::new("a/b").expect("a name"), u64::MAX);
        assert_eq!(scheduler_id(&id.to_string()), Ok(id));
        for text in ["", "a", "a/", "/1", "a/xyz"] {
            assert!(scheduler_id(text).is_err(), "{text:?}");
        }
    }
}
