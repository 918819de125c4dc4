//! A client with the collections behind it; made when the store is first used, so that a store can be made anywhere.
//!
//! A store needs transactions. A replica set has them, of one node or more, and so has a sharded cluster. A standalone server
//! has not, and is refused with a word on how to make it a replica set of one.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use apsched_core::store::Strangers;
use apsched_core::trigger::TriggerRegistry;
use apsched_core::{StoreError, TaskId};
use chrono::{DateTime, Utc};
use mongodb::Client;
use mongodb::bson::{Bson, Document, doc};
use mongodb::options::{ClientOptions, ConnectionString};

use crate::collections::Collections;
use crate::crowd::Crowd;
use crate::error::{Outcome, Problem, failed, store_error};
use crate::options::{MongoOptions, misconfigured};
use crate::orphan;
use crate::survey::Limits;

/// How long is waited for a server to be had, unless the URL says. The driver's own default is half a minute.
const SERVER_SELECTION_TIMEOUT: Duration = Duration::from_secs(5);

/// The oldest server: 5.0, which reads a snapshot outside of transactions too.
const OLDEST_WIRE_VERSION: i64 = 13;

/// Where a client comes from.
pub(crate) enum Source {
    Url(Box<ConnectionString>),
    Client(Client),
}

/// What operations work with.
#[derive(Debug)]
pub(crate) struct Connection {
    client: Client,
    collections: Collections,
    orphans: orphan::Policy,
    strangers: Arc<Strangers>,
    crowd: Crowd,
    crowd_at_limits: Crowd,
    suspicion: orphan::Suspicion,
    /// The limits of tasks as they were seen last, for hints.
    seen_limits: RwLock<Limits>,
}

impl Source {
    /// Reads a URL; nothing is resolved or connected yet.
    pub(crate) fn url(url: &str) -> Result<Self, StoreError> {
        let url = ConnectionString::parse(url);
        let url = url.map_err(|error| store_error("read the URL of the MongoDB store", error))?;
        Ok(Self::Url(Box::new(url)))
    }

    /// The name of the database, by the options or by what the client or its URL says.
    pub(crate) fn database(&self, options: &MongoOptions) -> Result<String, StoreError> {
        match self {
            Self::Url(url) => options.database_name(url.default_database.as_deref()),
            Self::Client(client) => {
                let default = client.default_database();
                options.database_name(default.as_ref().map(mongodb::Database::name))
            }
        }
    }

    /// The client, and whether orphans of ours can be told from transactions of others.
    async fn client(&self) -> Result<(Client, orphan::Policy), Problem> {
        let url = match self {
            Self::Client(client) => return Ok((client.clone(), orphan::Policy::LeaveToServer)),
            Self::Url(url) => ConnectionString::clone(url),
        };
        let mut options = ClientOptions::parse(url).await?;
        options.server_selection_timeout.get_or_insert(SERVER_SELECTION_TIMEOUT);
        let orphans = match options.app_name {
            Some(_) => orphan::Policy::LeaveToServer,
            None => orphan::Policy::End,
        };
        options.app_name.get_or_insert_with(|| orphan::APP_NAME.to_owned());
        let client = Client::with_options(options);
        Ok((client.map_err(|error| misconfigured(error.kind.to_string()))?, orphans))
    }
}

impl Connection {
    /// Makes the client. It connects by itself, when it is used.
    pub(crate) async fn open(
        source: &Source,
        options: &MongoOptions,
        strangers: Arc<Strangers>,
    ) -> Outcome<Self> {
        let (database, prefix) = (source.database(options)?, options.checked_prefix()?);
        let (client, orphans) = source.client().await?;
        let collections = Collections::new(&client, &database, prefix);
        let (crowd, crowd_at_limits, suspicion, seen_limits) = Default::default();
        Ok(Self { client, collections, orphans, strangers, crowd, crowd_at_limits, suspicion, seen_limits })
    }

    pub(crate) const fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) const fn collections(&self) -> &Collections {
        &self.collections
    }

    pub(crate) const fn orphans(&self) -> orphan::Policy {
        self.orphans
    }

    /// Who takes from the lanes of tasks without a limit.
    pub(crate) const fn crowd(&self) -> &Crowd {
        &self.crowd
    }

    /// Who wants slots of tasks with a limit.
    pub(crate) const fn crowd_at_limits(&self) -> &Crowd {
        &self.crowd_at_limits
    }

    pub(crate) const fn suspicion(&self) -> &orphan::Suspicion {
        &self.suspicion
    }

    /// Waits until a majority of the nodes has all that was written before.
    pub(crate) async fn confirm(&self) -> Outcome<()> {
        // A write that changes nothing waits for what was there before it.
        let nothing = doc! {"$max": {"version": 0_i64}};
        self.collections().meta.update_one(doc! {"_id": "schema"}, nothing).await?;
        Ok(())
    }

    pub(crate) fn learn_limits(&self, limits: &Limits) {
        limits.clone_into(&mut self.seen_limits.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// Whether the task has no limit, as far as was seen.
    pub(crate) fn is_without_limit(&self, task: &TaskId) -> bool {
        let limits = self.seen_limits.read().unwrap_or_else(PoisonError::into_inner);
        limits.get(task.as_str()).is_some_and(|limit| limit.max_running_jobs().is_none())
    }

    /// What binds custom triggers that are read.
    pub(crate) fn registry(&self) -> Arc<TriggerRegistry> {
        self.strangers.registry()
    }

    /// Which schedules are left to others.
    pub(crate) fn strangers(&self) -> &Strangers {
        &self.strangers
    }

    /// Refuses a server that has no transactions.
    pub(crate) async fn check_server(&self) -> Outcome<()> {
        let hello = self.hello().await?;
        let is_replica_set = hello.get_str("setName").is_ok();
        let is_router = hello.get_str("msg").is_ok_and(|kind| kind == "isdbgrid");
        if !is_replica_set && !is_router {
            return Err(refused(STANDALONE.to_owned()));
        }
        let wire_version = hello.get("maxWireVersion").and_then(whole).unwrap_or(0);
        if wire_version < OLDEST_WIRE_VERSION {
            return Err(refused(format!(
                "expected MongoDB 5.0 (wire version {OLDEST_WIRE_VERSION}) or newer, found wire version {wire_version}"
            )));
        }
        Ok(())
    }

    /// The time of the primary, in whole milliseconds. Through mongos it is the router's: schedulers that go through several of
    /// them agree as far as the clocks of these do.
    pub(crate) async fn server_time(&self) -> Outcome<DateTime<Utc>> {
        let hello = self.hello().await?;
        let time = hello.get_datetime("localTime").ok().map(|time| time.timestamp_millis());
        let time = time.and_then(DateTime::from_timestamp_millis);
        time.ok_or_else(|| {
            failed("store.server_time", "the server's answer to hello has no localTime").into()
        })
    }

    /// What the primary says of itself; it needs no permission.
    async fn hello(&self) -> Outcome<Document> {
        Ok(self.collections.database.run_command(doc! {"hello": 1}).await?)
    }
}

const STANDALONE: &str = "expected a replica set or a sharded cluster, as only they have transactions; found a standalone server. \
    One node is enough: start mongod with --replSet rs0, and run rs.initiate() on it once";

fn refused(reason: String) -> Problem {
    StoreError::Misconfigured { operation: "store.start", reason }.into()
}

fn whole(value: &Bson) -> Option<i64> {
    value.as_i64().or(value.as_i32().map(i64::from))
}
