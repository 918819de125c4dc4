//! How a SQL store is set up: names of tables, size of the pool.

use std::time::Duration;

use apsched_core::StoreError;

use crate::dialect::Dialect;

/// How a [`SqlDataStore`](crate::SqlDataStore) is set up; setters return the options, so that they chain.
///
/// ```
/// use apsched_store_sql::SqlOptions;
///
/// let options = SqlOptions::new().table_prefix("jobs_").schema("background").max_connections(20);
/// assert_ne!(options, SqlOptions::new());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct SqlOptions {
    pub(crate) prefix: String,
    pub(crate) schema: Option<String>,
    pub(crate) max_connections: u32,
    pub(crate) acquire_timeout: Duration,
    pub(crate) migrate: Migrate,
    pub(crate) durability: Durability,
}

/// What a file of SQLite keeps, whatever happens next. Neither harms the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// What was committed outlasts a crash of the program (`synchronous = NORMAL`). A power cut, or a crash of the operating system,
    /// may take back what was committed last. The default.
    #[default]
    ProcessCrash,
    /// What was committed outlasts a power cut as well (`synchronous = FULL`): each transaction waits for the disk.
    PowerLoss,
}

/// Whether the store brings its tables up to date by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Migrate {
    AtStart,
    ByHand,
}

impl Default for SqlOptions {
    fn default() -> Self {
        Self {
            prefix: "apsched_".to_owned(),
            schema: None,
            max_connections: 10,
            acquire_timeout: Duration::from_secs(10),
            migrate: Migrate::AtStart,
            durability: Durability::default(),
        }
    }
}

impl SqlOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// What the names of all tables and indexes begin with. Default `apsched_`.
    ///
    /// Empty, or a letter followed by letters, digits and underscores; at most 30 bytes.
    pub fn table_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// The schema (PostgreSQL) or database (MySQL) of the tables. Default: that of the connection.
    ///
    /// It is made if it is not there. SQLite has none.
    pub fn schema(mut self, schema: impl Into<String>) -> Self {
        self.schema = Some(schema.into());
        self
    }

    /// Most connections that the store opens. Default 10; zero counts as 1. Not used with a pool of your own.
    ///
    /// SQLite opens one that writes, and up to so many that read. Where several runtimes of a program use one store, each has
    /// so many: a connection belongs to the runtime that opened it.
    pub fn max_connections(mut self, most: u32) -> Self {
        self.max_connections = most.max(1);
        self
    }

    /// How long an operation waits for a connection before the store counts as unavailable. Default 10 s.
    ///
    /// Not used with a pool of your own.
    pub fn acquire_timeout(mut self, timeout: Duration) -> Self {
        self.acquire_timeout = timeout;
        self
    }

    /// What a file of SQLite keeps when the power fails. Default [`Durability::ProcessCrash`].
    ///
    /// Not used by servers, which have a setting of their own, nor with a pool of your own.
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Leaves the tables alone: somebody else runs [`SqlDataStore::migrations`](crate::SqlDataStore::migrations).
    ///
    /// Default: they are brought up to date at the start. Either way a schema that does not fit is refused.
    pub fn migrate_by_hand(mut self) -> Self {
        self.migrate = Migrate::ByHand;
        self
    }

    pub(crate) fn tables(&self, dialect: Dialect) -> Result<TableNames, StoreError> {
        let refuse = |reason: String| StoreError::Misconfigured { operation: "set up the SQL store", reason };
        if !self.prefix.is_empty() {
            check("table prefix", &self.prefix, MAX_PREFIX_BYTES).map_err(refuse)?;
        }
        if let Some(schema) = &self.schema {
            check("schema", schema, MAX_SCHEMA_BYTES).map_err(refuse)?;
            if dialect == Dialect::Sqlite {
                return Err(refuse(format!("schema {schema:?}: SQLite has no schemas")));
            }
        }
        Ok(TableNames { prefix: self.prefix.clone(), schema: self.schema.clone() })
    }
}

/// PostgreSQL cuts names at 63 bytes; the longest of ours has 25.
const MAX_PREFIX_BYTES: usize = 30;
const MAX_SCHEMA_BYTES: usize = 63;

fn check(what: &str, text: &str, most: usize) -> Result<(), String> {
    let starts_well = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let is_plain = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if starts_well && is_plain && text.len() <= most {
        return Ok(());
    }
    Err(format!(
        "{what}: expected a letter, then letters, digits and underscores, at most {most} bytes, found {text:?}"
    ))
}

/// The names of our tables and indexes, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TableNames {
    prefix: String,
    pub(crate) schema: Option<String>,
}

impl Default for TableNames {
    fn default() -> Self {
        Self { prefix: SqlOptions::default().prefix, schema: None }
    }
}

impl TableNames {
    pub(crate) fn table(&self, dialect: Dialect, name: &str) -> String {
        let table = dialect.quoted(&format!("{}{name}", self.prefix));
        match &self.schema {
            Some(schema) => format!("{}.{table}", dialect.quoted(schema)),
            None => table,
        }
    }

    /// An index lives beside its table and is named without the schema.
    pub(crate) fn index(&self, dialect: Dialect, name: &str) -> String {
        dialect.quoted(&format!("{}{name}", self.prefix))
    }

    /// What tells these tables from others of the same server, for a lock.
    #[cfg(any(feature = "postgres", feature = "mysql"))]
    pub(crate) fn lock_name(&self) -> String {
        format!("apsched:{}:{}", self.schema.as_deref().unwrap_or(""), self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_be_sql_are_refused() {
        for prefix in ["1a", "a-b", "x\"; DROP TABLE users; --", "ä", &"x".repeat(31)] {
            let refused = SqlOptions::new().table_prefix(prefix).tables(Dialect::Postgres).unwrap_err();
            let text = refused.to_string();
            assert!(text.starts_with("set up the SQL store: table prefix: expected a letter"), "{text}");
        }
        assert!(SqlOptions::new().table_prefix("").tables(Dialect::Sqlite).is_ok());
        let refused = SqlOptions::new().schema("jobs").tables(Dialect::Sqlite).unwrap_err();
        assert_eq!(refused.to_string(), r#"set up the SQL store: schema "jobs": SQLite has no schemas"#);
    }

    #[test]
    fn a_schema_stands_before_the_table() {
        let tables =
            SqlOptions::new().schema("background").table_prefix("q_").tables(Dialect::Postgres).unwrap();
        assert_eq!(tables.table(Dialect::Postgres, "jobs"), r#""background"."q_jobs""#);
        assert_eq!(tables.index(Dialect::Postgres, "jobs_queue"), r#""q_jobs_queue""#);
    }
}
