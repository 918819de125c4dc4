//! What an error of the driver means to a scheduler: it may pass, it never will, or it is something else.
//!
//! | | |
//! |---|---|
//! | may pass ([`StoreError::Unavailable`]) | no server to be had, connection lost, election, not primary, shutting down, timeout, disk full |
//! | may pass, and is repeated here first | a transaction lost against another, a commit whose end is unknown |
//! | never works ([`StoreError::Misconfigured`]) | credentials, permissions, TLS, no transactions, a server that is too old |
//! | everything else | [`StoreError::Failed`] |

use std::fmt;
use std::sync::Arc;

use apsched_core::{PayloadError, StoreError};
use mongodb::error::{Error, ErrorKind, TRANSIENT_TRANSACTION_ERROR, WriteFailure};

use crate::document::Unreadable;

/// Why an operation was not done.
#[derive(Debug)]
pub(crate) enum Problem {
    /// The server or the driver said so.
    Driver(Error),
    /// The contract says so.
    Refused(StoreError),
}

/// What an operation gives before its error is put in the words of the contract.
pub(crate) type Outcome<T> = Result<T, Problem>;

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::Driver(error)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::Refused(error)
    }
}

impl Problem {
    pub(crate) fn into_store_error(self, operation: &'static str) -> StoreError {
        match self {
            Self::Refused(error) => error,
            Self::Driver(error) => store_error(operation, error),
        }
    }

    /// Whether the transaction lost against another and is to be repeated.
    pub(crate) fn is_conflict(&self) -> bool {
        matches!(self, Self::Driver(error) if meaning(error) == Meaning::Conflict)
    }

    /// Whether a transaction was rolled back because the connection was lost before its commit.
    pub(crate) fn is_lost_connection(&self) -> bool {
        matches!(self, Self::Driver(error)
            if error.contains_label(TRANSIENT_TRANSACTION_ERROR) && meaning(error) == Meaning::MayPass)
    }

    /// Whether a statement has waited too long for a document that somebody had locked; not for a majority of the nodes, which bears
    /// the same number.
    pub(crate) fn is_time_limit(&self) -> bool {
        let Self::Driver(error) = self else { return false };
        code(error) == Some(TIME_LIMIT) && !self.is_unconfirmed()
    }

    /// Whether a statement was carried out, and it is not known whether a majority of the nodes has what it wrote.
    pub(crate) fn is_unconfirmed(&self) -> bool {
        matches!(self, Self::Driver(error)
            if matches!(&*error.kind, ErrorKind::Write(WriteFailure::WriteConcernError(_))))
    }

    /// Whether a document of the same id is there already.
    pub(crate) fn is_duplicate(&self) -> bool {
        matches!(self, Self::Driver(error) if code(error) == Some(DUPLICATE_KEY))
    }
}

/// What may be expected of a repetition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// The transaction was rolled back to let another go on; repeated it will do.
    Conflict,
    MayPass,
    NeverWorks,
    Other,
}

const DUPLICATE_KEY: i32 = 11_000;
const TIME_LIMIT: i32 = 50;

pub(crate) fn store_error(operation: &'static str, error: Error) -> StoreError {
    match meaning(&error) {
        Meaning::Conflict | Meaning::MayPass => {
            StoreError::Unavailable { operation, source: Arc::new(DriverError(error)) }
        }
        Meaning::NeverWorks => StoreError::Misconfigured { operation, reason: reason(&error) },
        Meaning::Other => StoreError::Failed { operation, source: Arc::new(DriverError(error)) },
    }
}

/// What this store found by itself, without an error of the driver.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Finding(String);

/// It may pass: `what` is in the way.
pub(crate) fn unavailable(operation: &'static str, what: impl Into<String>) -> StoreError {
    StoreError::Unavailable { operation, source: Arc::new(Finding(what.into())) }
}

/// It will not pass.
pub(crate) fn failed(operation: &'static str, why: impl Into<String>) -> StoreError {
    StoreError::Failed { operation, source: Arc::new(Finding(why.into())) }
}

/// A document that was asked for and cannot be decoded.
pub(crate) fn unreadable(what: &'static str, id: impl ToString, reason: &Unreadable) -> StoreError {
    StoreError::Unreadable { what, id: id.to_string(), reason: reason.to_string() }
}

/// A value that cannot be written.
impl From<PayloadError> for Problem {
    fn from(error: PayloadError) -> Self {
        Self::Refused(StoreError::Failed { operation: "write a payload", source: Arc::new(error) })
    }
}

/// The driver's error in one line, without the server's answer as bytes.
struct DriverError(Error);

impl fmt::Debug for DriverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DriverError").field("kind", &self.0.kind).field("labels", self.0.labels()).finish()
    }
}

impl fmt::Display for DriverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.kind.fmt(f)
    }
}

impl std::error::Error for DriverError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.0)
    }
}

fn meaning(error: &Error) -> Meaning {
    match &*error.kind {
        ErrorKind::Authentication { .. }
        | ErrorKind::InvalidTlsConfig { .. }
        | ErrorKind::InvalidArgument { .. }
        | ErrorKind::IncompatibleServer { .. }
        | ErrorKind::SessionsNotSupported => Meaning::NeverWorks,
        ErrorKind::Io(_)
        | ErrorKind::ServerSelection { .. }
        | ErrorKind::ConnectionPoolCleared { .. }
        | ErrorKind::DnsResolve { .. }
        | ErrorKind::Shutdown => Meaning::MayPass,
        _ => meaning_of_code(error),
    }
}

fn meaning_of_code(error: &Error) -> Meaning {
    match code(error) {
        Some(code) if NEVER_WORKS.contains(&code) => Meaning::NeverWorks,
        Some(code) if CONFLICT.contains(&code) => Meaning::Conflict,
        Some(code) if MAY_PASS.contains(&code) => Meaning::MayPass,
        _ if error.contains_label(TRANSIENT_TRANSACTION_ERROR) => Meaning::Conflict,
        _ => Meaning::Other,
    }
}

/// Credentials (18, 8000), permission (13), commands and transactions that the server does not know (20, 59, 72, 303).
const NEVER_WORKS: [i32; 7] = [13, 18, 20, 59, 72, 303, 8000];

/// Lock not to be had (24), conflict (112), snapshot gone (239), transaction gone (244, 251), catalog changed meanwhile (246).
const CONFLICT: [i32; 6] = [24, 112, 239, 244, 246, 251];

/// Network (6, 7, 89, 9001), timeouts (50, 64, 202, 262), elections and shutdown (91, 189, 10058, 10107, 11600, 11602,
/// 13435, 13436), a cursor that a restart has ended (43), the key of a signature that is not there yet after an election (211), no read
/// at this time (133, 134), killed (11601, 237), disk full (14031).
const MAY_PASS: [i32; 23] = [
    6, 7, 43, 50, 64, 89, 91, 133, 134, 189, 202, 211, 237, 262, 9001, 10_058, 10_107, 11_600, 11_601,
    11_602, 13_435, 13_436, 14_031,
];

/// The server's number for what happened.
fn code(error: &Error) -> Option<i32> {
    match &*error.kind {
        ErrorKind::Command(command) => Some(command.code),
        ErrorKind::Write(WriteFailure::WriteError(write)) => Some(write.code),
        ErrorKind::Write(WriteFailure::WriteConcernError(concern)) => Some(concern.code),
        ErrorKind::InsertMany(insert) => {
            let write = insert.write_errors.as_ref().and_then(|errors| errors.first());
            let concern = insert.write_concern_error.as_ref();
            write.map(|error| error.code).or(concern.map(|error| error.code))
        }
        _ => None,
    }
}

/// What is wrong, and what was expected; addresses and credentials are not in it.
fn reason(error: &Error) -> String {
    let expected = match code(error) {
        Some(13) => "; expected a user with the role readWrite on the database",
        Some(20 | 303) => "; expected a replica set, of one node or more",
        _ => "",
    };
    format!("{}{expected}", error.kind)
}

#[cfg(test)]
mod tests {
    use mongodb::bson::{deserialize_from_document, doc};
    use mongodb::error::CommandError;

    use super::*;

    fn answer(code: i32, name: &str) -> Error {
        let answer = doc! {"code": code, "codeName": name, "errmsg": "what the server says"};
        let command: CommandError = deserialize_from_document(answer).unwrap();
        Error::from(ErrorKind::Command(command))
    }

    #[test]
    fn answers_of_the_server_mean_what_the_table_says() {
        for (code, name, expected) in [
            (13, "Unauthorized", Meaning::NeverWorks),
            (18, "AuthenticationFailed", Meaning::NeverWorks),
            (20, "IllegalOperation", Meaning::NeverWorks),
            (112, "WriteConflict", Meaning::Conflict),
            (239, "SnapshotTooOld", Meaning::Conflict),
            (251, "NoSuchTransaction", Meaning::Conflict),
            (43, "CursorNotFound", Meaning::MayPass),
            (211, "KeyNotFound", Meaning::MayPass),
            (189, "PrimarySteppedDown", Meaning::MayPass),
            (10_107, "NotWritablePrimary", Meaning::MayPass),
            (11_600, "InterruptedAtShutdown", Meaning::MayPass),
            (14_031, "OutOfDiskSpace", Meaning::MayPass),
            (50, "MaxTimeMSExpired", Meaning::MayPass),
            (11_000, "DuplicateKey", Meaning::Other),
            (2, "BadValue", Meaning::Other),
        ] {
            assert_eq!(meaning(&answer(code, name)), expected, "{name}");
        }
    }

    #[test]
    fn a_majority_that_does_not_answer_is_no_lock() {
        let late = deserialize_from_document(
            doc! {"code": TIME_LIMIT, "codeName": "MaxTimeMSExpired", "errmsg": ""},
        );
        let late = Error::from(ErrorKind::Write(WriteFailure::WriteConcernError(late.unwrap())));

        assert!(!Problem::from(late.clone()).is_time_limit());
        assert_eq!(meaning(&late), Meaning::MayPass);
        assert!(Problem::from(answer(TIME_LIMIT, "MaxTimeMSExpired")).is_time_limit());
    }

    #[test]
    fn a_lost_connection_may_pass() {
        let lost = Error::from(ErrorKind::Io(Arc::new(std::io::ErrorKind::ConnectionReset.into())));

        let error = store_error("store.add_jobs", lost);

        assert!(error.is_transient());
        assert_eq!(error.to_string(), "store.add_jobs: the data store is unavailable");
    }

    #[test]
    fn a_missing_permission_says_what_was_expected() {
        let error = store_error("store.start", answer(13, "Unauthorized"));

        assert!(!error.is_transient());
        let text = error.to_string();
        assert!(
            text.contains("what the server says") && text.contains("expected a user with the role"),
            "{text}"
        );
    }

    #[test]
    fn what_the_server_answered_is_not_shown_as_bytes() {
        let StoreError::Failed { source, .. } = store_error("store.add_jobs", answer(2, "BadValue")) else {
            panic!("expected a failure");
        };
        assert!(!source.to_string().contains("server response"), "{source}");
    }
}
