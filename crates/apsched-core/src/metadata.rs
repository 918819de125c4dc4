//! What a user attaches to tasks, schedules and jobs: a JSON object, checked once, merged level by level.

use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Largest metadata, in bytes of JSON.
pub const MAX_METADATA_BYTES: usize = 64 * 1024;

/// Why a value is not metadata.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// The value is not a JSON object.
    #[error("metadata: expected a JSON object with string keys, found {found}")]
    NotAnObject {
        /// Kind of the value that was passed.
        found: &'static str,
    },
    /// The object is larger than [`MAX_METADATA_BYTES`].
    #[error("metadata: expected at most {most_bytes} bytes of JSON, found {bytes}")]
    TooLarge {
        /// Its size as JSON.
        bytes: usize,
        /// The limit: [`MAX_METADATA_BYTES`] for what is given, more for what was merged of several levels.
        most_bytes: usize,
    },
}

/// A JSON object: string keys; booleans, numbers, strings, null and nested values of these.
///
/// Levels are merged key by key at the top: what a job says wins over its schedule, which wins over its task.
///
/// ```
/// use apsched_core::Metadata;
/// use serde_json::json;
///
/// let task = Metadata::try_from(json!({"team": "crm", "tags": ["a"]}))?;
/// let job = Metadata::try_from(json!({"tags": ["b"]}))?;
/// assert_eq!(job.merged_over(&task), Metadata::try_from(json!({"team": "crm", "tags": ["b"]}))?);
/// assert!(Metadata::try_from(json!([1])).is_err());
/// # Ok::<(), apsched_core::MetadataError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Value")]
pub struct Metadata(Option<Arc<Map<String, Value>>>);

impl Metadata {
    /// Metadata without a key.
    #[must_use]
    pub const fn empty() -> Self {
        Self(None)
    }

    /// The value under `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.as_map().get(key)
    }

    /// Whether there is no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The object.
    #[must_use]
    pub fn as_map(&self) -> &Map<String, Value> {
        static EMPTY: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
        self.0.as_deref().unwrap_or(&EMPTY)
    }

    /// These keys, and those of `lower` that are not here.
    #[must_use]
    pub fn merged_over(&self, lower: &Self) -> Self {
        match (&self.0, &lower.0) {
            (None, _) => lower.clone(),
            (_, None) => self.clone(),
            (Some(upper), Some(lower)) => {
                let mut merged = Map::clone(lower);
                merged.extend(upper.iter().map(|(key, value)| (key.clone(), value.clone())));
                Self(Some(Arc::new(merged)))
            }
        }
    }
}

/// Metadata as it is read back: merged of several levels, each of which was checked when it was given.
#[derive(Deserialize)]
#[serde(transparent)]
struct Stored(Value);

/// Levels that are merged at most: defaults, handler, task, schedule, job.
const LEVELS: usize = 5;

impl TryFrom<Stored> for Metadata {
    type Error = MetadataError;

    fn try_from(Stored(value): Stored) -> Result<Self, MetadataError> {
        Self::of(value, LEVELS * MAX_METADATA_BYTES)
    }
}

impl TryFrom<Value> for Metadata {
    type Error = MetadataError;

    fn try_from(value: Value) -> Result<Self, MetadataError> {
        Self::of(value, MAX_METADATA_BYTES)
    }
}

impl Metadata {
    fn of(value: Value, most_bytes: usize) -> Result<Self, MetadataError> {
        let found = match value {
            Value::Object(map) if map.is_empty() => return Ok(Self(None)),
            Value::Object(map) => {
                // Writing JSON of a `Map` fails only for keys that are not strings, which it cannot hold.
                let bytes = serde_json::to_vec(&map).map_or(usize::MAX, |json| json.len());
                if bytes > most_bytes {
                    return Err(MetadataError::TooLarge { bytes, most_bytes });
                }
                return Ok(Self(Some(Arc::new(map))));
            }
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "an array",
        };
        Err(MetadataError::NotAnObject { found })
    }
}

impl From<Metadata> for Value {
    fn from(metadata: Metadata) -> Self {
        Self::Object(metadata.as_map().clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn metadata_is_a_capped_object() {
        assert_eq!(
            Metadata::try_from(json!("text")).unwrap_err().to_string(),
            "metadata: expected a JSON object with string keys, found a string"
        );
        let large = json!({"key": "x".repeat(MAX_METADATA_BYTES)});
        assert!(matches!(Metadata::try_from(large), Err(MetadataError::TooLarge { .. })));
        assert!(Metadata::try_from(json!({})).unwrap().is_empty());
    }

    #[test]
    fn what_was_merged_of_full_levels_reads_back() {
        let level = |key: &str| Metadata::try_from(json!({key: "x".repeat(60_000)})).unwrap();
        let merged = level("a").merged_over(&level("b"));
        let stored = serde_json::to_string(&merged).unwrap();
        assert_eq!(serde_json::from_str::<Metadata>(&stored).unwrap(), merged);
    }

    #[test]
    fn nested_values_are_replaced_not_merged() {
        let lower = Metadata::try_from(json!({"a": {"x": 1}, "b": 2})).unwrap();
        let upper = Metadata::try_from(json!({"a": {"y": 3}})).unwrap();
        assert_eq!(Value::from(upper.merged_over(&lower)), json!({"a": {"y": 3}, "b": 2}));
    }
}
