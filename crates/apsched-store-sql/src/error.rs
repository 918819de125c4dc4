//! What an error of a database means to a scheduler: it may pass, it never will, or it is something else.
//!
//! | | may pass ([`StoreError::Unavailable`]) | never works ([`StoreError::Misconfigured`]) |
//! |---|---|---|
//! | all | connection refused, lost or not to be had in time; pool closed | TLS, malformed options |
//! | PostgreSQL | classes 08, 53, 57P, 58; 40001, 40P01 (retried), 55P03 and 25P03 (a lock was waited for, or held, too long), 25006 (read-only after a failover) | class 28, 3D000, 3F000, 42501, 42P01, 42703; 26000 and 42P05 (a pooler) |
//! | MySQL | 1040, 1053, 1205 (a lock was waited for too long), 1213 (retried), 1290, 1792, 1836, 1927, lost connections, full disk | 1044 to 1046, 1049, 1054, 1142, 1143, 1146, 1227, 1698 |
//! | SQLite | busy, locked, disk full, I/O | read-only, no permission, cannot open, not a database |
//!
//! Everything else is [`StoreError::Failed`].

use std::sync::Arc;

use apsched_core::StoreError;
use sqlx::error::DatabaseError;

use crate::dialect::Dialect;
use crate::endpoint::Endpoint;
use crate::url;
use crate::value::Unreadable;

/// Why an operation was not done.
#[derive(Debug)]
pub(crate) enum Problem {
    /// The database said so.
    Sql(sqlx::Error),
    /// The contract says so.
    Refused(StoreError),
}

/// What an operation within a transaction gives.
pub(crate) type SqlResult<T> = Result<T, Problem>;

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::Refused(error)
    }
}

/// A row that was asked for and cannot be decoded.
pub(crate) fn unreadable(what: &'static str, id: impl ToString, reason: &Unreadable) -> StoreError {
    StoreError::Unreadable { what, id: id.to_string(), reason: reason.to_string() }
}

/// A column of a statement's own making that does not hold what it must; never seen unless a table was changed by hand.
impl From<Unreadable> for Problem {
    fn from(reason: Unreadable) -> Self {
        Self::Sql(sqlx::Error::Decode(reason.to_string().into()))
    }
}

/// What may be expected of a repetition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// The transaction was rolled back to let another go on; repeated at once it will do.
    Conflict,
    MayPass,
    NeverWorks,
    Other,
}

/// Whether the transaction lost against another and is to be repeated at once.
pub(crate) fn is_conflict(dialect: Dialect, error: &sqlx::Error) -> bool {
    meaning(dialect, error) == Meaning::Conflict
}

impl Problem {
    pub(crate) fn into_store_error(self, operation: &'static str, endpoint: &Endpoint) -> StoreError {
        match self {
            Self::Refused(error) => error,
            Self::Sql(error) => store_error(operation, endpoint, error),
        }
    }
}

pub(crate) fn store_error(operation: &'static str, endpoint: &Endpoint, error: sqlx::Error) -> StoreError {
    let meaning = meaning(endpoint.dialect, &error);
    let words = words(endpoint, &error);
    match meaning {
        Meaning::NeverWorks => StoreError::Misconfigured { operation, reason: words },
        Meaning::Conflict | Meaning::MayPass => {
            StoreError::Unavailable { operation, source: Arc::new(Told(words)) }
        }
        Meaning::Other => StoreError::Failed { operation, source: Arc::new(Told(words)) },
    }
}

/// What was said of a database, once: the errors of sqlx repeat their sources.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Told(String);

/// Which database it is, and what it says or what is wrong with it. sqlx puts no credentials into its words.
fn words(endpoint: &Endpoint, error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => {
            let advice = advice(endpoint, &**error).map_or_else(String::new, |advice| format!(": {advice}"));
            format!("{endpoint} says: {}{advice}", error.message())
        }
        sqlx::Error::Io(error) => format!("{endpoint}: {error}"),
        sqlx::Error::Tls(error) => format!("{endpoint}: TLS: {error}"),
        sqlx::Error::Protocol(what) => format!("{endpoint}: {what}"),
        sqlx::Error::Configuration(error) => format!("{endpoint}: {error}"),
        sqlx::Error::PoolTimedOut => format!("{endpoint}: {}", endpoint.pool),
        other => format!("{endpoint}: {other}"),
    }
}

/// What is to be done where the words of the database do not tell.
fn advice(endpoint: &Endpoint, error: &dyn DatabaseError) -> Option<String> {
    const CANNOT_OPEN: u32 = 14;
    const BUSY_SNAPSHOT: u32 = 517;
    match endpoint.dialect {
        Dialect::Sqlite => match sqlite_code(error) {
            CANNOT_OPEN => endpoint.unopened(),
            // Ours all begin so.
            BUSY_SNAPSHOT => Some(
                "another transaction has written since this one began to read; begin it with BEGIN IMMEDIATE"
                    .to_owned(),
            ),
            _ => None,
        },
        Dialect::Postgres => error.code().filter(|code| is_of_a_pooler(code)).map(|_| {
            "a pooler hands out its connections by the transaction; let it do so by the session".to_owned()
        }),
        Dialect::MySql => None,
    }
}

/// A prepared statement that is there and should not be, or the other way round: the connection is not always the same.
fn is_of_a_pooler(code: &str) -> bool {
    matches!(code, "26000" | "42P05")
}

/// What is wrong with a URL that names a database.
pub(crate) fn url_problem(error: &sqlx::Error) -> String {
    let sqlx::Error::Configuration(inner) = error else { return format!("{}: {error}", url::PREFIX) };
    match inner.downcast_ref::<sqlx::Error>() {
        Some(inner) => url_problem(inner),
        None => format!("{}: {inner}", url::PREFIX),
    }
}

fn meaning(dialect: Dialect, error: &sqlx::Error) -> Meaning {
    match error {
        sqlx::Error::Database(error) => database_meaning(dialect, &**error),
        sqlx::Error::Io(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::BeginFailed => Meaning::MayPass,
        sqlx::Error::Tls(_) | sqlx::Error::Configuration(_) => Meaning::NeverWorks,
        _ => Meaning::Other,
    }
}

fn database_meaning(dialect: Dialect, error: &dyn DatabaseError) -> Meaning {
    match dialect {
        Dialect::Postgres => postgres_meaning(error.code().as_deref().unwrap_or_default()),
        Dialect::MySql => mysql_meaning(mysql_number(error)),
        Dialect::Sqlite => sqlite_meaning(sqlite_code(error)),
    }
}

fn postgres_meaning(code: &str) -> Meaning {
    match code {
        "40001" | "40P01" => Meaning::Conflict,
        "25006" | "25P03" | "55P03" => Meaning::MayPass,
        "3D000" | "3F000" | "42501" | "42P01" | "42703" => Meaning::NeverWorks,
        _ if is_of_a_pooler(code) => Meaning::NeverWorks,
        _ if ["08", "53", "57P", "58"].iter().any(|class| code.starts_with(class)) => Meaning::MayPass,
        _ if code.starts_with("28") => Meaning::NeverWorks,
        _ => Meaning::Other,
    }
}

#[cfg(feature = "mysql")]
fn mysql_number(error: &dyn DatabaseError) -> u16 {
    error
        .try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>()
        .map_or(0, sqlx::mysql::MySqlDatabaseError::number)
}

#[cfg(not(feature = "mysql"))]
fn mysql_number(_: &dyn DatabaseError) -> u16 {
    0
}

const fn mysql_meaning(number: u16) -> Meaning {
    match number {
        1213 => Meaning::Conflict,
        1021 | 1040 | 1053 | 1114 | 1152 | 1158..=1161 | 1205 | 1290 | 1792 | 1836 | 1927 | 3024 => {
            Meaning::MayPass
        }
        1044 | 1045 | 1046 | 1049 | 1054 | 1142 | 1143 | 1146 | 1227 | 1251 | 1698 => Meaning::NeverWorks,
        _ => Meaning::Other,
    }
}

/// Whether another connection has locked what SQLite, if it is SQLite, wants to have.
pub(crate) fn is_locked(database: &str, error: &sqlx::Error) -> bool {
    const BUSY: u32 = 5;
    const LOCKED: u32 = 6;
    // A code of PostgreSQL may look like one of these.
    match error {
        sqlx::Error::Database(error) if database == "SQLite" => {
            matches!(sqlite_code(&**error) & 0xff, BUSY | LOCKED)
        }
        _ => false,
    }
}

fn sqlite_code(error: &dyn DatabaseError) -> u32 {
    error.code().and_then(|code| code.parse().ok()).unwrap_or_default()
}

/// The primary code stands in the lowest byte.
const fn sqlite_meaning(code: u32) -> Meaning {
    match code & 0xff {
        5 | 6 | 9 | 10 | 13 | 15 => Meaning::MayPass,
        3 | 8 | 14 | 23 | 26 => Meaning::NeverWorks,
        _ => Meaning::Other,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use apsched_core::ErrorChain;

    use super::*;
    use crate::endpoint::PoolState;

    #[test]
    fn codes_of_postgres_mean_what_the_table_says() {
        for code in ["08006", "53300", "57P01", "57P03", "58030", "25006", "55P03"] {
            assert_eq!(postgres_meaning(code), Meaning::MayPass, "{code}");
        }
        for code in ["40001", "40P01"] {
            assert_eq!(postgres_meaning(code), Meaning::Conflict, "{code}");
        }
        for code in ["28P01", "28000", "3D000", "42501", "42P01", "42P05", "26000"] {
            assert_eq!(postgres_meaning(code), Meaning::NeverWorks, "{code}");
        }
        for code in ["23505", "57014", "22001", ""] {
            assert_eq!(postgres_meaning(code), Meaning::Other, "{code}");
        }
    }

    #[test]
    fn codes_of_mysql_and_sqlite_mean_what_the_table_says() {
        assert_eq!(mysql_meaning(1213), Meaning::Conflict);
        assert_eq!(mysql_meaning(1053), Meaning::MayPass);
        assert_eq!(mysql_meaning(1045), Meaning::NeverWorks);
        assert_eq!(mysql_meaning(1046), Meaning::NeverWorks, "a URL without a database");
        assert_eq!(mysql_meaning(1062), Meaning::Other);
        assert_eq!(sqlite_meaning(517), Meaning::MayPass, "a busy snapshot");
        assert_eq!(sqlite_meaning(14), Meaning::NeverWorks);
        assert_eq!(sqlite_meaning(11), Meaning::Other, "a corrupt file");
    }

    fn endpoint(is_exhausted: bool) -> Endpoint {
        let pool = PoolState { max_connections: 10, acquire_timeout: Duration::from_secs(3), is_exhausted };
        Endpoint { dialect: Dialect::Postgres, address: "at db:5432".to_owned(), file: None, pool }
    }

    /// The error as a user reads it.
    fn told(endpoint: &Endpoint, error: sqlx::Error) -> String {
        ErrorChain::of(&store_error("store.add_jobs", endpoint, error)).to_string()
    }

    #[test]
    fn a_pool_without_a_connection_may_pass_and_tells_what_is_wrong() {
        let error = store_error("store.add_jobs", &endpoint(false), sqlx::Error::PoolTimedOut);
        assert!(error.is_transient());
        assert_eq!(error.to_string(), "store.add_jobs: the data store is unavailable");
        assert_eq!(
            told(&endpoint(false), sqlx::Error::PoolTimedOut),
            "store.add_jobs: the data store is unavailable: PostgreSQL at db:5432: no connection within 3s: it does not answer"
        );
        assert_eq!(
            told(&endpoint(true), sqlx::Error::PoolTimedOut),
            "store.add_jobs: the data store is unavailable: PostgreSQL at db:5432: no connection became free within 3s, all 10 are in \
             use"
        );
    }

    #[test]
    fn what_sqlx_says_twice_is_said_once() {
        let refused = std::io::Error::new(std::io::ErrorKind::ConnectionRefused, "connection refused");
        assert_eq!(
            told(&endpoint(false), sqlx::Error::Io(refused)),
            "store.add_jobs: the data store is unavailable: PostgreSQL at db:5432: connection refused"
        );
        let twice = sqlx::Error::Configuration(Box::new(sqlx::Error::Configuration("unknown value".into())));
        assert_eq!(url_problem(&twice), "URL of the data store: unknown value");
    }
}
