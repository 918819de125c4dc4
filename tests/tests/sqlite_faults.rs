//! The guarantees under real faults, on SQLite: processes that share a file.
#![cfg(unix)]

mod faults;

use apsched_testkit::backend::Backend;
use faults::database_site::DatabaseSite;

faults::fault_tests!(DatabaseSite::new(Backend::Sqlite));
