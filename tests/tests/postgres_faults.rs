//! The guarantees under real faults, on PostgreSQL.
#![cfg(unix)]

mod faults;

use apsched_testkit::backend::Backend;
use faults::sql_site::SqlSite;

faults::fault_tests!(SqlSite::new(Backend::Postgres));
