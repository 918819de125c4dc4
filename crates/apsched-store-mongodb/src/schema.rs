//! Brings collections and indexes up to date, once, however many processes start at the same time.
//!
//! The version of the schema stands in `meta`. Who finds an older one, or none, takes the migration lock, looks again, does the
//! steps that are missing, and writes the new version. Each step may be repeated, as a process may be killed behind any of them.
//! A newer version is refused: an older program does not know what it would break.
//!
//! The lock ends by itself after a minute by the server's clock, so nobody waits for a process that was killed.

use std::time::Duration;

use apsched_core::StoreError;
use mongodb::IndexModel;
use mongodb::bson::{DateTime, Document, RawDocumentBuf, doc};
use mongodb::error::{Error, ErrorKind};
use mongodb::options::{IndexOptions, ReturnDocument};

use crate::collections::{Collections, Raw};
use crate::document::{number, text};
use crate::error::{Outcome, Problem};

/// The version of the schema that this code reads and writes.
const VERSION: i64 = 1;

/// The id in `meta` under which the greatest token of a removed schedule is kept.
pub(crate) const REMOVED_SCHEDULES: &str = "removed_schedules";

/// Life of the migration lock.
const LOCK: Duration = Duration::from_secs(60);

/// How often is looked whether the lock is free: for somewhat longer than it lives.
pub(crate) const LOOKS: u32 = 1_000;

/// What came of an attempt to bring the schema up to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// It is.
    Done,
    /// Another process is at it.
    Locked,
}

/// Brings the schema up to date, unless another process is at it. `owner` names the caller for the lock.
pub(crate) async fn bring_up_to_date(collections: &Collections, owner: &str) -> Outcome<Attempt> {
    if is_up_to_date(collections).await? {
        return Ok(Attempt::Done);
    }
    let lock = Lock { meta: &collections.meta, owner };
    if !lock.take().await? {
        return Ok(Attempt::Locked);
    }
    let done = migrate(collections).await;
    let released = lock.release().await;
    done.and(released).map(|()| Attempt::Done)
}

async fn is_up_to_date(collections: &Collections) -> Outcome<bool> {
    let schema = collections.meta.find_one(doc! {"_id": "schema"}).await?;
    match schema.and_then(|raw: RawDocumentBuf| number(&raw, "version")) {
        Some(VERSION) => Ok(true),
        Some(newer) if newer > VERSION => Err(newer_schema(newer).into()),
        _ => Ok(false),
    }
}

fn newer_schema(found: i64) -> StoreError {
    let reason = format!(
        "the collections have version {found} of the schema; expected at most {VERSION}: a newer release of apsched wrote them, \
         use that one or another collection prefix"
    );
    StoreError::Misconfigured { operation: "store.start", reason }
}

/// Does what is missing; the caller holds the lock.
async fn migrate(collections: &Collections) -> Outcome<()> {
    if is_up_to_date(collections).await? {
        return Ok(());
    }
    futures_util::try_join!(
        create_tasks(collections),
        index_jobs(collections),
        index_schedules(collections),
        index_results(collections),
    )?;
    // Within transactions two who make the same document are in each other's way for good.
    let nothing_removed = doc! {"$setOnInsert": {"token": 0_i64}};
    collections.meta.update_one(doc! {"_id": REMOVED_SCHEDULES}, nothing_removed).upsert(true).await?;
    let version = doc! {"$set": {"version": VERSION}};
    collections.meta.update_one(doc! {"_id": "schema"}, version).upsert(true).await?;
    Ok(())
}

/// The others are made with their indexes; within transactions collections are only used.
async fn create_tasks(collections: &Collections) -> Outcome<()> {
    match collections.database.create_collection(collections.tasks.name()).await {
        Err(error) if is_there_already(&error) => Ok(()),
        answer => Ok(answer?),
    }
}

fn is_there_already(error: &Error) -> bool {
    const NAMESPACE_EXISTS: i32 = 48;
    matches!(&*error.kind, ErrorKind::Command(command) if command.code == NAMESPACE_EXISTS)
}

/// Names of indexes that queries ask for by name.
pub(crate) mod index {
    /// Queued jobs in the order in which they are acquired, lane by lane.
    pub(crate) const QUEUE: &str = "queue";
    /// Running jobs by task and end of the lease.
    pub(crate) const RUNNING: &str = "running";
    /// Schedules by state and next fire time.
    pub(crate) const DUE: &str = "due";
    /// Schedules that somebody holds.
    pub(crate) const LEASED: &str = "leased";
    /// Queued jobs with a start deadline.
    pub(crate) const DEADLINES: &str = "deadlines";
}

async fn index_jobs(collections: &Collections) -> Outcome<()> {
    let has_deadline = doc! {"start_deadline": {"$exists": true}, "lane": {"$exists": true}};
    let indexes = [
        partial(index::QUEUE, doc! {"lane": 1, "run_at": 1, "_id": 1}, there("lane")),
        partial(index::RUNNING, doc! {"task_id": 1, "lease.until": 1}, there("lease.until")),
        partial(index::DEADLINES, doc! {"start_deadline": 1, "lane": 1}, has_deadline),
        unique("of_schedule", doc! {"schedule_id": 1, "fire_time": 1, "by_hand": 1}, there("schedule_id")),
        partial("to_stop", doc! {"lease.holder": 1}, doc! {"cancel_requested": true}),
    ];
    create(&collections.jobs, indexes).await
}

async fn index_schedules(collections: &Collections) -> Outcome<()> {
    // What holds a schedule back stands behind the order, so that it is passed over without being read.
    let due = doc! {"state": 1, "next_fire_time": 1, "_id": 1, "lease.until": 1, "custom_triggers": 1};
    let indexes =
        [named(index::DUE, due), partial(index::LEASED, doc! {"lease.until": 1}, there("lease.until"))];
    create(&collections.schedules, indexes).await
}

async fn index_results(collections: &Collections) -> Outcome<()> {
    create(&collections.results, [named("expiry", doc! {"expires_at": 1})]).await
}

fn there(field: &str) -> Document {
    doc! {field: {"$exists": true}}
}

async fn create(collection: &Raw, indexes: impl IntoIterator<Item = IndexModel>) -> Outcome<()> {
    collection.create_indexes(indexes).await?;
    Ok(())
}

fn named(name: &str, keys: Document) -> IndexModel {
    IndexModel::builder().keys(keys).options(IndexOptions::builder().name(name.to_owned()).build()).build()
}

/// An index of those documents alone that fit.
fn partial(name: &str, keys: Document, of: Document) -> IndexModel {
    let options = IndexOptions::builder().name(name.to_owned()).partial_filter_expression(of).build();
    IndexModel::builder().keys(keys).options(options).build()
}

/// An index of those documents alone that fit, of which no two have the same keys.
fn unique(name: &str, keys: Document, of: Document) -> IndexModel {
    let options = IndexOptions::builder().name(name.to_owned()).partial_filter_expression(of).unique(true);
    IndexModel::builder().keys(keys).options(options.build()).build()
}

/// Who changes the schema.
struct Lock<'a> {
    meta: &'a Raw,
    owner: &'a str,
}

impl Lock<'_> {
    /// Whether it is ours now.
    async fn take(&self) -> Outcome<bool> {
        let is_free = doc! {"$lt": [{"$ifNull": ["$until", DateTime::from_millis(0)]}, "$$NOW"]};
        let millis = i64::try_from(LOCK.as_millis()).unwrap_or(i64::MAX);
        let taken = doc! {
            "owner": {"$cond": [is_free.clone(), self.owner, "$owner"]},
            "until": {"$cond": [is_free, {"$add": ["$$NOW", millis]}, "$until"]},
        };
        let lock = self.meta.find_one_and_update(doc! {"_id": "migration"}, vec![doc! {"$set": taken}]);
        match lock.upsert(true).return_document(ReturnDocument::After).await.map_err(Problem::from) {
            // Somebody made the document at the same moment.
            Err(problem) if problem.is_duplicate() => Ok(false),
            answer => Ok(answer?.is_some_and(|lock| text(&lock, "owner") == Some(self.owner))),
        }
    }

    async fn release(&self) -> Outcome<()> {
        self.meta.delete_one(doc! {"_id": "migration", "owner": self.owner}).await?;
        Ok(())
    }
}
