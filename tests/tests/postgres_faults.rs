//! The guarantees under real faults, on PostgreSQL.
#![cfg(unix)]

mod faults;

use apsched_testkit::backend::Backend;
use faults::database_site::DatabaseSite;

faults::fault_tests!(DatabaseSite::new(Backend::Postgres));
