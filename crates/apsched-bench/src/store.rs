//! Which store the schedulers of a workload work on, and where its data lies while it is measured.
//!
//! Each measurement gets a [`Place`] of its own: a new memory store, a new SQLite file, or a new schema or
//! database on a server. It is
//! empty, nobody else uses it, and it is removed afterwards. Servers are those of the tests
//! ([`apsched_testkit::backend`]); one that is missing is said by name.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};
use apsched::store::{DataStore, MemoryStore, MongoDataStore, MongoOptions, SqlDataStore, SqlOptions};
use apsched::{Scheduler, SchedulerBuilder};
use apsched_testkit::backend::Backend;
use clap::ValueEnum;
use mongodb::Client;
use serde::{Deserialize, Serialize};
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
    /// The server of APSCHED_TEST_MONGODB_URL, a replica set
    Mongodb,
}

/// A store that lies in a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Database {
    Sqlite,
    Postgres,
    Mysql,
    Mongodb,
}

impl Store {
    /// How it is called in tables.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
            Self::Mysql => "MySQL",
            Self::Mongodb => "MongoDB",
        }
    }

    /// `None`: it lies in no database.
    pub(crate) const fn database(self) -> Option<Database> {
        match self {
            Self::Memory => None,
            Self::Sqlite => Some(Database::Sqlite),
            Self::Postgres => Some(Database::Postgres),
            Self::Mysql => Some(Database::Mysql),
            Self::Mongodb => Some(Database::Mongodb),
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
            Some(database) => Area::new(database).await?.open(),
        }
    }
}

impl Database {
    const fn backend(self) -> Backend {
        match self {
            Self::Sqlite => Backend::Sqlite,
            Self::Postgres => Backend::Postgres,
            Self::Mysql => Backend::Mysql,
            Self::Mongodb => Backend::Mongodb,
        }
    }
}

/// Where the data of one measurement lies.
#[derive(Debug)]
pub(crate) enum Place {
    Memory(MemoryStore),
    Sql { area: Area, store: SqlDataStore },
    Mongodb { area: Area, store: MongoDataStore },
}

impl Place {
    /// A scheduler on what lies here.
    pub(crate) fn scheduler(&self) -> SchedulerBuilder {
        match self {
            Self::Memory(store) => Scheduler::builder().data_store(store.clone()),
            Self::Sql { store, .. } => Scheduler::builder().data_store(store.clone()),
            Self::Mongodb { store, .. } => Scheduler::builder().data_store(store.clone()),
        }
    }

    /// What lies here, without a scheduler.
    pub(crate) fn data_store(&self) -> Arc<dyn DataStore> {
        match self {
            Self::Memory(store) => Arc::new(store.clone()),
            Self::Sql { store, .. } => Arc::new(store.clone()),
            Self::Mongodb { store, .. } => Arc::new(store.clone()),
        }
    }

    /// Removes everything.
    pub(crate) async fn remove(self) -> Result<()> {
        match self {
            Self::Memory(_) => Ok(()),
            Self::Sql { area, store } => {
                drop(store);
                area.remove().await
            }
            Self::Mongodb { area, .. } => area.remove().await,
        }
    }
}

/// A part of a database that nobody else uses: a directory, a schema, or a database.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Area {
    pub(crate) database: Database,
    /// Of the server, or of the file.
    pub(crate) url: String,
    /// The directory, the schema, or the database.
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
            Database::Postgres | Database::Mysql | Database::Mongodb => database.backend().url(),
        };
        let area = Self { database, url, name };
        area.on_server(&format!("CREATE SCHEMA {}", area.name)).await?;
        Ok(area)
    }

    /// A store on it.
    pub(crate) fn open(&self) -> Result<Place> {
        let area = self.clone();
        match self.database {
            Database::Mongodb => Ok(Place::Mongodb { store: self.mongodb_store()?, area }),
            _ => Ok(Place::Sql { store: self.sql_store()?, area }),
        }
    }

    fn sql_store(&self) -> Result<SqlDataStore> {
        let options = match self.database {
            Database::Sqlite => SqlOptions::new(),
            _ => SqlOptions::new().schema(&self.name),
        };
        Ok(SqlDataStore::open_with(&self.url, options)?)
    }

    fn mongodb_store(&self) -> Result<MongoDataStore> {
        Ok(MongoDataStore::open_with(&self.url, MongoOptions::new().database(&self.name))?)
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
            Database::Mongodb => {
                Ok(Client::with_uri_str(&self.url).await?.database(&self.name).drop().await?)
            }
        }
    }

    /// Runs a statement, if there is a server of SQL.
    async fn on_server(&self, statement: &str) -> Result<()> {
        // Made of the process's id and a number alone.
        let statement = sqlx::raw_sql(AssertSqlSafe(statement.to_owned()));
        match self.database {
            // A database of MongoDB is there when something is written to it.
            Database::Sqlite | Database::Mongodb => {}
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
