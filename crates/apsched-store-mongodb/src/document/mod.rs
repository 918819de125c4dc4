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
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Bson, Document, RawBsonRef, RawDocument, Uuid, deserialize_from_slice, doc};
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

/// The id of a job's document, if it is one. Bytes that are not said to be a UUID are none: they are found by no id.
pub(crate) fn job_id(raw: &RawDocument) -> Option<JobId> {
    match raw.get("_id") {
        Ok(Some(RawBsonRef::Binary(binary))) => job_id_in(binary.subtype, binary.bytes),
        _ => None,
    }
}

fn job_id_in(subtype: BinarySubtype, bytes: &[u8]) -> Option<JobId> {
    let uuid = uuid::Uuid::from_slice(bytes).ok().filter(|_| subtype == BinarySubtype::Uuid);
    uuid.map(JobId::from)
}

/// The id of a document as it stands there, so that one under whatever id can be put aside.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct DocumentId(Bson);

impl DocumentId {
    pub(crate) fn of(raw: &RawDocument) -> Option<Self> {
        Bson::try_from(raw.get("_id").ok()??).ok().map(Self)
    }

    /// The job of this id, if it is the id of one.
    pub(crate) fn job_id(&self) -> Option<JobId> {
        match &self.0 {
            Bson::Binary(binary) => job_id_in(binary.subtype, &binary.bytes),
            _ => None,
        }
    }

    /// What finds the document.
    pub(crate) fn filter(self) -> Document {
        doc! {"_id": {"$eq": self.0}}
    }

    /// Such ids, to be asked for.
    pub(crate) fn all(ids: &[Self]) -> Vec<Bson> {
        ids.iter().map(|id| id.0.clone()).collect()
    }
}

impl From<JobId> for DocumentId {
    fn from(id: JobId) -> Self {
        Self(uuid(id).into())
    }
}

impl fmt::Display for DocumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The id of a job as it stands in a document.
pub(crate) fn uuid(id: JobId) -> Uuid {
    Uuid::from_bytes(id.as_uuid().into_bytes())
}

/// Most ids that are named in one statement, which may have 16 MB: half a million of them.
pub(crate) const MOST_IDS: usize = 10_000;

/// The ids of jobs, to be asked for.
pub(crate) fn uuids(ids: impl IntoIterator<Item = JobId>) -> Vec<Bson> {
    ids.into_iter().map(|id| Bson::from(uuid(id))).collect()
}

/// The job of this id in a document.
pub(crate) fn job_id_of(uuid: Uuid) -> JobId {
    JobId::from(uuid::Uuid::from_bytes(uuid.bytes()))
}

/// The number in a field, whatever kind of number somebody has written, as the server turns it into a 64-bit one.
pub(crate) fn as_whole(field: &str) -> Document {
    doc! {"$convert": {"input": field, "to": "long", "onError": i64::MAX}}
}

/// When a document is to be looked at that has this number for an instant. Those before our calendar are long past, those after it
/// never come.
pub(crate) fn due_at(micros: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_micros(micros).or((micros < 0).then_some(DateTime::UNIX_EPOCH))
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
    use mongodb::bson::{Binary, RawDocumentBuf, rawdoc, serialize_to_document};

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

    #[test]
    fn an_id_that_is_none_of_a_job_is_kept_as_it_is() {
        let old = Binary { subtype: BinarySubtype::UuidOld, bytes: vec![7; 16] };
        for foreign in [Bson::from(old), "text".into(), 7.into(), doc! {"a": 1}.into()] {
            let raw = RawDocumentBuf::try_from(doc! {"_id": &foreign}).unwrap();
            let id = DocumentId::of(&raw).unwrap();
            assert_eq!((id.job_id(), job_id(&raw)), (None, None), "{foreign}");
            assert_eq!(id.filter(), doc! {"_id": {"$eq": foreign}});
        }
        let id: JobId = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
        assert_eq!(DocumentId::from(id).job_id(), Some(id));
    }

    #[test]
    fn what_has_no_place_in_the_calendar_is_due_at_once_or_never() {
        assert_eq!(due_at(7), DateTime::from_timestamp_micros(7));
        assert_eq!(due_at(i64::MIN), Some(DateTime::UNIX_EPOCH));
        assert_eq!(due_at(i64::MAX), None);
    }
}
