//! A task as a document.
//!
//! One that is not declared has a document all the same once its jobs are acquired, so that there is something to lock. It has
//! neither definition nor limit.

use apsched_core::TaskId;
use apsched_core::admission::UNDECLARED_LIMIT;
use apsched_core::task::TaskDefinition;
use mongodb::bson::{Bson, RawBsonRef, RawDocument, doc};
use serde::{Deserialize, Serialize};

use super::{Json, Unreadable};

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct TaskDocument {
    #[serde(rename = "_id")]
    id: TaskId,
    /// Also in the definition; here for those who ask for nothing else.
    max_running_jobs: Option<i64>,
    definition: Json<TaskDefinition>,
}

impl TaskDocument {
    pub(crate) fn of(definition: &TaskDefinition) -> Self {
        Self {
            id: definition.id.clone(),
            max_running_jobs: definition.max_running_jobs.map(i64::from),
            definition: Json(definition.clone()),
        }
    }

    pub(crate) fn read(raw: &RawDocument) -> Result<TaskDefinition, Unreadable> {
        super::read::<Self>(raw).map(|document| document.definition.0)
    }
}

/// How many jobs of a task run at most, as its document says or does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoredLimit {
    /// The task has a document, but nobody has declared it.
    Undeclared,
    Declared(Option<u32>),
}

impl StoredLimit {
    /// Of a document, or of a part of it.
    pub(crate) fn read(raw: &RawDocument) -> Self {
        let none_above = |limit: i64| u32::try_from(limit.max(0)).unwrap_or(u32::MAX);
        match raw.get("max_running_jobs") {
            Ok(Some(RawBsonRef::Null)) => Self::Declared(None),
            Ok(Some(RawBsonRef::Int64(limit))) => Self::Declared(Some(none_above(limit))),
            Ok(Some(RawBsonRef::Int32(limit))) => Self::Declared(Some(none_above(limit.into()))),
            _ => Self::Undeclared,
        }
    }

    pub(crate) const fn max_running_jobs(self) -> Option<u32> {
        match self {
            Self::Undeclared => UNDECLARED_LIMIT,
            Self::Declared(limit) => limit,
        }
    }

    /// What a document holds in which the limit is still this one, also if it holds what this store never writes: a task whose
    /// document never matched would hold up all that are claimed along with it.
    pub(crate) fn as_condition(self) -> Bson {
        match self {
            Self::Undeclared => doc! {"$not": {"$type": ["null", "int", "long"]}}.into(),
            Self::Declared(None) => Bson::Null,
            Self::Declared(Some(0)) => doc! {"$lte": 0_i64}.into(),
            Self::Declared(Some(u32::MAX)) => doc! {"$gte": i64::from(u32::MAX)}.into(),
            Self::Declared(Some(limit)) => Bson::Int64(limit.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use mongodb::bson::rawdoc;

    use super::*;

    #[test]
    fn a_limit_that_is_not_declared_is_told_from_none() {
        let read = |raw: mongodb::bson::RawDocumentBuf| StoredLimit::read(&raw);
        assert_eq!(read(rawdoc! {"_id": "send"}).max_running_jobs(), UNDECLARED_LIMIT);
        assert_eq!(read(rawdoc! {"max_running_jobs": null}), StoredLimit::Declared(None));
        assert_eq!(read(rawdoc! {"max_running_jobs": 3}), StoredLimit::Declared(Some(3)));
        assert_eq!(read(rawdoc! {"max_running_jobs": -3_i64}), StoredLimit::Declared(Some(0)));
    }
}
