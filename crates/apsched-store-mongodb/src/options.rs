//! How a MongoDB store is set up: database, names of collections, how long an operation may take.

use std::time::Duration;

use apsched_core::StoreError;

/// How a [`MongoDataStore`](crate::MongoDataStore) is set up; setters return the options, so that they chain.
///
/// ```
/// use apsched_store_mongodb::MongoOptions;
///
/// let options = MongoOptions::new().database("shop").collection_prefix("jobs_");
/// assert_ne!(options, MongoOptions::new());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct MongoOptions {
    pub(crate) database: Option<String>,
    pub(crate) prefix: String,
    pub(crate) operation_timeout: Duration,
}

/// The database where nobody names one.
const DEFAULT_DATABASE: &str = "apsched";

impl Default for MongoOptions {
    fn default() -> Self {
        Self { database: None, prefix: "apsched_".to_owned(), operation_timeout: Duration::from_secs(20) }
    }
}

impl MongoOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// The database. Default: the one that the URL names, else `apsched`.
    pub fn database(mut self, name: impl Into<String>) -> Self {
        self.database = Some(name.into());
        self
    }

    /// What the names of all collections begin with. Default `apsched_`.
    ///
    /// Empty, or a letter followed by letters, digits and underscores; at most 30 bytes.
    pub fn collection_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How long one operation may take, until it counts as failed because the server is unavailable. Default 20 s.
    ///
    /// Bounds the wait for a server that has gone without closing its connections. Zero: no operation succeeds.
    pub fn operation_timeout(mut self, timeout: Duration) -> Self {
        self.operation_timeout = timeout;
        self
    }

    /// The name of the database, checked; `in_url` is the one that the URL names.
    pub(crate) fn database_name(&self, in_url: Option<&str>) -> Result<String, StoreError> {
        let name = self.database.as_deref().or(in_url).unwrap_or(DEFAULT_DATABASE);
        let is_plain = |c: char| !c.is_control() && !r#"/\. "$*<>:|?"#.contains(c);
        if (1..=MAX_DATABASE_BYTES).contains(&name.len()) && name.chars().all(is_plain) {
            return Ok(name.to_owned());
        }
        Err(misconfigured(format!(
            r#"database: expected 1 to {MAX_DATABASE_BYTES} bytes without any of /\. "$*<>:|?, found {name:?}"#
        )))
    }

    /// The prefix, checked.
    pub(crate) fn checked_prefix(&self) -> Result<&str, StoreError> {
        let prefix = self.prefix.as_str();
        let starts_well = prefix.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        let is_plain = prefix.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let is_reserved = prefix.starts_with("system");
        if prefix.is_empty() || (starts_well && is_plain && !is_reserved && prefix.len() <= MAX_PREFIX_BYTES)
        {
            return Ok(prefix);
        }
        Err(misconfigured(format!(
            "collection prefix: expected a letter, then letters, digits and underscores, at most {MAX_PREFIX_BYTES} bytes \
             and not beginning with \"system\", found {prefix:?}"
        )))
    }
}

const MAX_DATABASE_BYTES: usize = 63;
const MAX_PREFIX_BYTES: usize = 30;

pub(crate) fn misconfigured(reason: String) -> StoreError {
    StoreError::Misconfigured { operation: "set up the MongoDB store", reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_the_server_could_misread_are_refused() {
        for prefix in ["1a", "a-b", "a$b", "a.b", "ä", "system_", &"x".repeat(31)] {
            let refused = MongoOptions::new().collection_prefix(prefix).checked_prefix().unwrap_err();
            let text = refused.to_string();
            assert!(
                text.starts_with("set up the MongoDB store: collection prefix: expected a letter"),
                "{text}"
            );
        }
        assert_eq!(MongoOptions::new().collection_prefix("").checked_prefix().ok(), Some(""));
        for database in ["", "a.b", "a/b", "a b", "a$", &"x".repeat(64)] {
            assert!(MongoOptions::new().database(database).database_name(None).is_err(), "{database:?}");
        }
    }

    #[test]
    fn the_database_is_that_of_the_options_then_that_of_the_url() {
        let name = |options: MongoOptions, in_url| options.database_name(in_url).unwrap();

        assert_eq!(name(MongoOptions::new().database("a"), Some("b")), "a");
        assert_eq!(name(MongoOptions::new(), Some("b")), "b");
        assert_eq!(name(MongoOptions::new(), None), "apsched");
    }
}
