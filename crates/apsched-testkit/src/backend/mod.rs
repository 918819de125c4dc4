//! Which servers tests may need, where they are, and what happens to a test when its server is missing.
//!
//! A test asks for the URL of a backend: the environment variable's, or else the documented default, which is where
//! `cargo xtask services up` puts a server.
//!
//! | backend | variable | default |
//! |---|---|---|
//! | `sqlite` | none: it needs no server | a file of the test's own |
//! | `postgres` | `APSCHED_TEST_POSTGRES_URL` | `postgres://postgres@127.0.0.1:5432/postgres` |
//! | `mysql` | `APSCHED_TEST_MYSQL_URL` | `mysql://root@127.0.0.1:3306/test` |
//! | `mongodb` | `APSCHED_TEST_MONGODB_URL` | `mongodb://127.0.0.1:27017/?replicaSet=rs0&directConnection=true` |
//! | `redis` | `APSCHED_TEST_REDIS_URL` | `redis://127.0.0.1:6379/` |
//! | `mqtt` | `APSCHED_TEST_MQTT_URL` | `mqtt://127.0.0.1:1883` |
//!
//! A server is missing when nobody listens at its address. Then its tests say by name that they were skipped, unless
//! `APSCHED_REQUIRE_BACKENDS` names the backend (or says `all`): then they fail, so that CI cannot pass by accident.
//!
//! Not here: starting servers (`cargo xtask services`), and what a test makes on one (a schema, a key prefix, a topic).

mod address;
mod required;

use std::ffi::OsStr;
use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::OnceLock;

pub use address::Address;
pub use required::{REQUIRED_VARIABLE, Required};
use thiserror::Error;

/// What a store or broker keeps its data in or sends its events through.
///
/// ```no_run
/// use apsched_testkit::backend::Backend;
///
/// if let Some(why) = Backend::Postgres.missing() {
///     println!("skipped: {why}");
/// } else {
///     let url = Backend::Postgres.url(); // postgres://postgres@127.0.0.1:5432/postgres, or the variable's
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Backend {
    /// SQLite, in a file or in memory. Needs no server, so it is never missing and has no URL.
    Sqlite,
    /// PostgreSQL.
    Postgres,
    /// MySQL, or MariaDB by the same protocol.
    Mysql,
    /// MongoDB as a replica set, for which one node is enough.
    Mongodb,
    /// Redis.
    Redis,
    /// A broker of MQTT, such as Mosquitto.
    Mqtt,
}

/// How the server of a backend is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Server {
    /// The environment variable with its URL.
    pub variable: &'static str,
    /// The URL when the variable is not set or empty.
    pub default_url: &'static str,
    /// What its URLs may begin with, and the port of a URL that names none.
    schemes: &'static [(&'static str, u16)],
}

/// Why it cannot be told where a server is. Values of variables are not repeated: a URL may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BackendError {
    /// The value of the variable is not Unicode.
    #[error("{variable}: expected a URL, found text that is not Unicode")]
    NotUnicode {
        /// The environment variable.
        variable: &'static str,
    },
    /// The URL is of another protocol, or of none.
    #[error("{variable}: expected a URL that begins with {expected} (such as {example})")]
    Scheme {
        /// The environment variable.
        variable: &'static str,
        /// The beginnings that are possible.
        expected: String,
        /// A URL that is right.
        example: &'static str,
    },
    /// The URL names no host.
    #[error("{variable}: expected a host after \"://\" (such as {example})")]
    Host {
        /// The environment variable.
        variable: &'static str,
        /// A URL that is right.
        example: &'static str,
    },
    /// What follows the host is not a port.
    #[error(
        "{variable}: expected a port from 1 to 65535 between the host's \":\" and the path (such as {example})"
    )]
    Port {
        /// The environment variable.
        variable: &'static str,
        /// A URL that is right.
        example: &'static str,
    },
    /// There is no backend of this name.
    #[error("{place}: no backend is called {name:?}; there are {}", names())]
    Unknown {
        /// Where the name stands.
        place: &'static str,
        /// The name.
        name: String,
    },
}

impl Backend {
    /// Every backend there is.
    pub const ALL: [Self; 6] =
        [Self::Sqlite, Self::Postgres, Self::Mysql, Self::Mongodb, Self::Redis, Self::Mqtt];

    /// Its name in `APSCHED_REQUIRE_BACKENDS`, in `--backend`, in reports, and of its test targets.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
            Self::Mongodb => "mongodb",
            Self::Redis => "redis",
            Self::Mqtt => "mqtt",
        }
    }

    /// How its server is found; `None` for a backend without a server.
    #[must_use]
    pub const fn server(self) -> Option<Server> {
        let (variable, default_url, schemes): (_, _, &[_]) = match self {
            Self::Sqlite => return None,
            Self::Postgres => (
                "APSCHED_TEST_POSTGRES_URL",
                "postgres://postgres@127.0.0.1:5432/postgres",
                &[("postgres", 5432), ("postgresql", 5432)],
            ),
            Self::Mysql => (
                "APSCHED_TEST_MYSQL_URL",
                "mysql://root@127.0.0.1:3306/test",
                &[("mysql", 3306), ("mariadb", 3306)],
            ),
            Self::Mongodb => (
                "APSCHED_TEST_MONGODB_URL",
                "mongodb://127.0.0.1:27017/?replicaSet=rs0&directConnection=true",
                &[("mongodb", 27017)],
            ),
            Self::Redis => {
                ("APSCHED_TEST_REDIS_URL", "redis://127.0.0.1:6379/", &[("redis", 6379), ("rediss", 6379)])
            }
            Self::Mqtt => {
                ("APSCHED_TEST_MQTT_URL", "mqtt://127.0.0.1:1883", &[("mqtt", 1883), ("mqtts", 8883)])
            }
        };
        Some(Server { variable, default_url, schemes })
    }

    /// The URL of its server: the variable's, or else the default.
    ///
    /// # Panics
    /// When the variable's value is no URL of this backend, and for a backend without a server.
    #[must_use]
    pub fn url(self) -> String {
        self.located().0
    }

    /// The URL of its server with another address in it, such as that of a `TcpProxy`.
    ///
    /// # Panics
    /// As [`url`](Self::url).
    #[must_use]
    pub fn url_through(self, address: SocketAddr) -> String {
        address::with_address(&self.url(), address)
    }

    /// The address in [`url`](Self::url).
    ///
    /// # Panics
    /// As [`url`](Self::url).
    #[must_use]
    pub fn address(self) -> Address {
        self.located().1
    }

    /// What a test on this backend lacks: `None` when somebody listens at the server's address, else a text that names
    /// the backend, the address, the variable and the command that starts the server.
    ///
    /// This is all that a conformance harness says in its `missing`. The answer is found once in a process, by connecting
    /// for at most a second; a backend without a server is never missing.
    ///
    /// # Panics
    /// When the server is missing and `APSCHED_REQUIRE_BACKENDS` asks for it, with the same text. When one of the variables
    /// cannot be read.
    #[must_use]
    pub fn missing(self) -> Option<String> {
        static ANSWERS: [OnceLock<Option<String>>; Backend::ALL.len()] =
            [const { OnceLock::new() }; Backend::ALL.len()];
        let server = self.server()?;
        let missing = ANSWERS[self as usize]
            .get_or_init(|| {
                let address = self.address();
                address.connect().err().map(|why| self.missing_text(&server, &address, &why))
            })
            .clone()?;
        let required = Required::from_environment().unwrap_or_else(|error| panic!("{error}"));
        self.excuse(missing, &required)
    }

    /// What is missing, unless it is required.
    fn excuse(self, missing: String, required: &Required) -> Option<String> {
        assert!(!required.contains(self), "{REQUIRED_VARIABLE} asks for {self}, but {missing}");
        Some(missing)
    }

    fn missing_text(self, server: &Server, address: &Address, why: &dyn fmt::Display) -> String {
        let variable = server.variable;
        format!(
            "no {self} listens at {address} ({why}); start one with `cargo xtask services up`, or set {variable} to the URL of another"
        )
    }

    fn located(self) -> (String, Address) {
        let server = self.server().unwrap_or_else(|| panic!("{self} needs no server, so it has no URL"));
        server.locate(std::env::var_os(server.variable).as_deref()).unwrap_or_else(|error| panic!("{error}"))
    }
}

impl Server {
    /// The URL and the address in it, of a variable with this value.
    ///
    /// # Errors
    /// Every variant but `Unknown`, when the value is not empty and no URL of this server.
    pub fn locate(&self, value: Option<&OsStr>) -> Result<(String, Address), BackendError> {
        let (variable, example) = (self.variable, self.default_url);
        let url = match value.filter(|value| !value.is_empty()) {
            None => example,
            Some(value) => value.to_str().ok_or(BackendError::NotUnicode { variable })?,
        };
        let scheme = url.split_once("://").map(|(scheme, _)| scheme);
        let Some(&(_, port)) = self.schemes.iter().find(|(it, _)| Some(*it) == scheme) else {
            let schemes: Vec<_> = self.schemes.iter().map(|(scheme, _)| format!("{scheme}://")).collect();
            return Err(BackendError::Scheme { variable, expected: schemes.join(" or "), example });
        };
        let address = Address::of_url(url, port).map_err(|wrong| match wrong {
            address::Wrong::Host => BackendError::Host { variable, example },
            address::Wrong::Port => BackendError::Port { variable, example },
        })?;
        Ok((url.to_owned(), address))
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Backend {
    type Err = BackendError;

    fn from_str(name: &str) -> Result<Self, BackendError> {
        let found = Self::ALL.into_iter().find(|backend| backend.as_str() == name);
        found.ok_or_else(|| BackendError::Unknown { place: "backend", name: name.to_owned() })
    }
}

fn names() -> String {
    Backend::ALL.map(Backend::as_str).join(", ")
}

#[cfg(test)]
mod tests;
