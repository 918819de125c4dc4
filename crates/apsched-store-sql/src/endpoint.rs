//! Where the database is, as messages name it: by host and port, or by file. Never by user, password or parameters.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::dialect::Dialect;

/// Where the database is, and how the connections to it stand.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    pub(crate) dialect: Dialect,
    /// As it follows the name of the database: `at host:port`, `file jobs.db`, `in memory`.
    pub(crate) address: String,
    /// The file, where there is one.
    pub(crate) file: Option<PathBuf>,
    pub(crate) pool: PoolState,
}

/// What is to be said of a pool that gave no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PoolState {
    pub(crate) max_connections: u32,
    pub(crate) acquire_timeout: Duration,
    pub(crate) is_exhausted: bool,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.dialect.name(), self.address)
    }
}

impl fmt::Display for PoolState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { max_connections, acquire_timeout, is_exhausted } = self;
        if *is_exhausted {
            write!(
                f,
                "no connection became free within {acquire_timeout:?}, all {max_connections} are in use"
            )
        } else {
            write!(f, "no connection within {acquire_timeout:?}: it does not answer")
        }
    }
}

impl Endpoint {
    /// Why a file cannot be opened, as far as a look at it tells.
    pub(crate) fn unopened(&self) -> Option<String> {
        let file = self.file.as_deref()?;
        if file.is_dir() {
            return Some("it is a directory".to_owned());
        }
        let directory = file.parent().filter(|directory| *directory != Path::new(""))?;
        (!directory.is_dir()).then(|| format!("there is no directory {}", directory.display()))
    }
}
