//! What the documents look like, the same in every collection.
//!
//! Field names are those of the values in `apsched-core`. Instants are 64-bit numbers of microseconds since 1970: a BSON date has
//! milliseconds. Definitions (triggers, settings) are JSON text: their keys may hold what BSON reserves, and no number loses a
//! digit. Ids of jobs are UUIDs, all other ids are text. A field that is `None` is not there.
//!
//! What a document holds that it should not (somebody else wrote it) makes it unreadable, never a panic.

pub(crate) mod job;
pub(crate) mod lane;
pub(crate) mod lease;
pub(crate) mod payload;
pub(crate) mod result;
pub(crate) mod schedule;
pub(crate) mod task;

use std::fmt;

use apsched_core::JobId;
use chrono::{DateTime, Utc};
use mongodb::bson::{Bson, RawBsonRef, RawDocument, Uuid, deserialize_from_slice};
use serde::de::{DeserializeOwned, Error as _};
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Why a document cannot be decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable(pub(crate) String);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The document as a `T`.
pub(crate) fn read<T: DeserializeOwned>(raw: &RawDocument) -> Result<T, Unreadable> {
    deserialize_from_slice(raw.as_bytes()).map_err(|error| Unreadable(error.to_string()))
}

/// The text under `key`, if there is one.
pub(crate) fn text<'a>(raw: &'a RawDocument, key: &str) -> Option<&'a str> {
    match raw.get(key) {
        Ok(Some(RawBsonRef::String(text))) => Some(text),
        _ => None,
    }
}

/// The number under `key`, if there is one.
pub(crate) fn number(raw: &RawDocument, key: &str) -> Option<i64> {
    match raw.get(key) {
        Ok(Some(RawBsonRef::Int64(number))) => Some(number),
        Ok(Some(RawBsonRef::Int32(number))) => Some(number.into()),
        _ => None,
    }
}

/// The id of a job's document, if it is one.
pub(crate) fn job_id(raw: &RawDocument) -> Option<JobId> {
    match raw.get("_id") {
        Ok(Some(RawBsonRef::Binary(binary))) => uuid::Uuid::from_slice(binary.bytes).ok().map(JobId::from),
        _ => None,
    }
}

/// The id of a job as it stands in a document.
pub(crate) fn uuid(id: JobId) -> Uuid {
    Uuid::from_bytes(id.as_uuid().into_bytes())
}

/// The ids of jobs, to be asked for.
pub(crate) fn uuids(ids: impl IntoIterator<Item = JobId>) -> Vec<Bson> {
    ids.into_iter().map(|id| Bson::from(uuid(id))).collect()
}

/// The job of this id in a document.
pub(crate) fn job_id_of(uuid: Uuid) -> JobId {
    JobId::from(uuid::Uuid::from_bytes(uuid.bytes()))
}

/// An instant as it stands in a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Micros(pub(crate) DateTime<Utc>);

impl Serialize for Micros {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.0.timestamp_micros())
    }
}

impl<'de> Deserialize<'de> for Micros {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let micros = i64::deserialize(deserializer)?;
        let at = DateTime::from_timestamp_micros(micros);
        at.map(Self).ok_or_else(|| D::Error::custom(format_args!("{micros} is no instant")))
    }
}

/// A definition as JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Json<T>(pub(crate) T);

impl<T: Serialize> Serialize for Json<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = serde_json::to_string(&self.0).map_err(S::Error::custom)?;
        serializer.serialize_str(&text)
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Json<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        serde_json::from_str(&text).map(Self).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use mongodb::bson::{RawDocumentBuf, doc, rawdoc, serialize_to_document};

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Sample {
        at: Micros,
        settings: Json<Vec<u64>>,
    }

    #[test]
    fn instants_are_numbers_and_definitions_are_text() {
        let at = "9999-12-31T23:59:59.999999Z".parse().unwrap();
        let sample = Sample { at: Micros(at), settings: Json(vec![u64::MAX]) };

        let document = serialize_to_document(&sample).unwrap();

        assert_eq!(document.get_i64("at").ok(), Some(253_402_300_799_999_999));
        assert_eq!(document.get_str("settings").ok(), Some("[18446744073709551615]"));
        assert_eq!(mongodb::bson::deserialize_from_document::<Sample>(document).unwrap(), sample);
    }

    #[test]
    fn what_a_field_should_not_hold_is_told() {
        let wrong = rawdoc! {"at": i64::MAX, "settings": "[]"};
        let error = read::<Sample>(&wrong).unwrap_err();
        assert!(error.to_string().contains("9223372036854775807 is no instant"), "{error}");

        let wrong = rawdoc! {"at": 0_i64, "settings": "[1"};
        let error = read::<Sample>(&wrong).unwrap_err();
        assert!(error.to_string().contains("EOF while parsing"), "{error}");
    }

    #[test]
    fn ids_of_jobs_sort_as_they_do_elsewhere() {
        let id: JobId = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
        let raw = RawDocumentBuf::try_from(doc! {"_id": uuid(id)}).unwrap();
        assert_eq!(job_id(&raw), Some(id));
        assert_eq!(job_id_of(uuid(id)), id);
        assert_eq!(job_id(&rawdoc! {"_id": "text"}), None);
    }
}
