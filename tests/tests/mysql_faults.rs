//! The guarantees under real faults, on MySQL and MariaDB.
#![cfg(unix)]

mod faults;

use apsched_testkit::backend::Backend;
use faults::sql_site::SqlSite;

faults::fault_tests!(SqlSite::new(Backend::Mysql));
