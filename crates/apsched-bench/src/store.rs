//! Which store the schedulers of a workload work on, and where its data lies while it is measured.
//!
//! Each measurement gets a [`Place`] of its own: a new memory store, a new SQLite file, or a new schema on a server. It is
//! empty, nobody else uses it, and it is removed afterwards. Servers are those of the tests
//! ([`apsched_testkit::backend`]); one that is missing is said by name.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};
use apsched::store::{DataStore, MemoryStore, SqlDataStore, SqlOptions};
use apsched::{Scheduler, SchedulerBuilder};
use apsched_testkit::backend::Backend;
use clap::ValueEnum;
use serde::Serialize;
use sqlx::{AssertSqlSafe, Connection, Executor, MySqlConnection, PgConnection};

/// A store that can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Store {
    /// In this process
    Memory,
    /// A file in the directory for temporary files
    Sqlite,
    /// The server of APSCHED_TEST_POSTGRES_URL
    Postgres,
    /// The server of APSCHED_TEST_MYSQL_URL, MySQL or MariaDB
    Mysql,
}

/// A store that lies in a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Database {
    Sqlite,
    Postgres,
    Mysql,
}

impl Store {
    /// How it is called in tables.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
            Self::Mysql => "MySQL",
        }
    }

    /// `None`: it lies in no database.
    pub(crate) const fn database(self) -> Option<Database> {
        match self {
            Self::Memory => None,
            Self::Sqlite => Some(Database::Sqlite),
            Self::Postgres => Some(Database::Postgres),
            Self::Mysql => Some(Database::Mysql),
        }
    }

    /// Why it cannot be measured here. `None`: it can.
    pub(crate) fn missing(self) -> Option<String> {
        self.database()?.backend().missing()
    }

    /// A new, empty place for its data.
    pub(crate) async fn place(self) -> Result<Place> {
        match self.database() {
            None => Ok(Place::Memory(MemoryStore::new())),
            Some(database) => {
                let area = Area::new(database).await?;
                let store = area.store()?;
                Ok(Place::Database { area, store })
            }
        }
    }
}

impl Database {
    const fn backend(self) -> Backend {
        match self {
            Self::Sqlite => Backend::Sqlite,
            Self::Postgres => Backend::Postgres,
            Self::Mysql => Backend::Mysql,
        }
    }
}

/// Where the data of one measurement lies.
#[derive(Debug)]
pub(crate) enum Place {
    Memory(MemoryStore),
    Database { area: Area, store: SqlDataStore },
}

impl Place {
    /// A scheduler on what lies here.
    pub(crate) fn scheduler(&self) -> SchedulerBuilder {
        match self {
            Self::Memory(store) => Scheduler::builder().data_store(store.clone()),
            Self::Database { store, .. } => Scheduler::builder().data_store(store.clone()),
        }
    }

    /// What lies here, without a scheduler.
    pub(crate) fn data_store(&self) -> Arc<dyn DataStore> {
        match self {
            Self::Memory(store) => Arc::new(store.clone()),
            Self::Database { store, .. } => Arc::new(store.clone()),
        }
    }

    /// Removes everything.
    pub(crate) async fn remove(self) -> Result<()> {
        match self {
            Self::Memory(_) => Ok(()),
            Self::Database { area, store } => {
                drop(store);
                area.remove().await
            }
        }
    }
}

/// A part of a database that nobody else uses: a directory, or a schema.
#[derive(Debug)]
pub(crate) struct Area {
    pub(crate) database: Database,
    /// Of the server, or of the file.
    pub(crate) url: String,
    /// The schema, or the directory.
    pub(crate) name: String,
}

/// Where files of measurements lie.
fn directory(name: &str) -> PathBuf {
    std::env::temp_dir().join(name)
}

impl Area {
    pub(crate) async fn new(database: Database) -> Result<Self> {
        static AREAS: AtomicU32 = AtomicU32::new(0);
        let number = AREAS.fetch_add(1, Ordering::Relaxed);
        let name = format!("apsched_bench_{}_{number}", std::process::id());
        let url = match database {
            Database::Sqlite => {
                let directory = directory(&name);
                std::fs::create_dir_all(&directory)?;
                format!("sqlite:{}", directory.join("jobs.db").display())
            }
            Database::Postgres | Database::Mysql => database.backend().url(),
        };
        let area = Self { database, url, name };
        area.on_server(&format!("CREATE SCHEMA {}", area.name)).await?;
        Ok(area)
    }

    fn store(&self) -> Result<SqlDataStore> {
        let options = match self.database {
            Database::Sqlite => SqlOptions::new(),
            Database::Postgres | Database::Mysql => SqlOptions::new().schema(&self.name),
        };
        Ok(SqlDataStore::open_with(&self.url, options)?)
    }

    pub(crate) async fn remove(self) -> Result<()> {
        match self.database {
            Database::Sqlite => {
                let directory = directory(&self.name);
                std::fs::remove_dir_all(&directory)
                    .with_context(|| format!("removing {}", directory.display()))
            }
            Database::Postgres => self.on_server(&format!("DROP SCHEMA {} CASCADE", self.name)).await,
            Database::Mysql => self.on_server(&format!("DROP SCHEMA {}", self.name)).await,
        }
    }

    /// Runs a statement, if there is a server.
    async fn on_server(&self, statement: &str) -> Result<()> {
        // Made of the process's id and a number alone.
        let statement = sqlx::raw_sql(AssertSqlSafe(statement.to_owned()));
        match self.database {
            Database::Sqlite => {}
            Database::Postgres => {
                PgConnection::connect(&self.url).await?.execute(statement).await?;
            }
            Database::Mysql => {
                MySqlConnection::connect(&self.url).await?.execute(statement).await?;
            }
        }
        Ok(())
    }
}
