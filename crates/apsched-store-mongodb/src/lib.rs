//! The MongoDB data store of apsched, for MongoDB 5.0 and newer.
//!
//! ```
//! use apsched_store_mongodb::{MongoDataStore, MongoOptions};
//!
//! let store = MongoDataStore::open("mongodb://localhost/shop?replicaSet=rs0")?; // connects when it is first used
//! assert!(format!("{store:?}").contains("shop"));
//!
//! let refused = MongoDataStore::open_with("mongodb://localhost", MongoOptions::new().collection_prefix("a.b"));
//! assert!(refused.unwrap_err().to_string().contains("expected a letter"));
//! # Ok::<(), apsched_core::StoreError>(())
//! ```
//!
//! | what a reader looks for | file |
//! |---|---|
//! | the collections, their indexes | `collections.rs`, `schema.rs` |
//! | the documents | `document/` |
//! | what is done for a call | `operation/`, which calls the rules of core |
//! | the client, one for each runtime | `home.rs`, `connection.rs` |
//! | how several writes become one, what if others are in the way | `transaction.rs`, `divide.rs`, `orphan.rs` |
//! | what waits, and who has room for it | `survey.rs` |
//! | which errors may pass | `error.rs` |
//!
//! # What it needs
//!
//! A replica set, as only that has transactions; one node is enough (`mongod --replSet rs0`, and `rs.initiate()` once). A sharded cluster
//! has them too; the collections are not to be sharded. There the time of the server, on which schedulers agree, is that of the `mongos`
//! through which each goes: let all go through one, or keep their clocks in step. A standalone server is refused at the start. The
//! user needs the role `readWrite` on the database. TLS is rustls, asked for by the URL (`tls=true`), as are credentials.
//!
//! # Who locks what
//!
//! To write to a document within a transaction is to lock it: another transaction that wants to write to it is rolled back, and done
//! anew after a pause of milliseconds. Nothing that only reads waits or is rolled back.
//!
//! | operation | locks | where others hold a lock |
//! |---|---|---|
//! | acquire jobs of tasks with a limit | the documents of the tasks, then the chosen jobs | takes what is free, without them |
//! | acquire other jobs, prolong leases | each job for itself, all in one statement | goes on behind it, after two seconds; twice at most |
//! | acquire schedules | the chosen schedules | takes what is free, without them |
//! | recover | the orphaned jobs; the jobs that missed their deadline | takes back the others |
//! | release jobs of which nothing is kept | each job for itself, all in one statement | waits, two seconds at most |
//! | release other jobs | the jobs, by id, token and holder | is done anew |
//! | release schedules | the schedules; the jobs that are replaced | is done anew |
//! | add jobs | nothing that is there | is done anew |
//! | add, change, remove a schedule | the schedule; its jobs if they are cancelled | is done anew |
//! | cancel a job | the job | is done anew |
//! | progress | the job, in one statement | waits, two seconds at most |
//!
//! A task that has no limit while its jobs are chosen, and gets one before they are leased, may run more than that limit: what is
//! chosen is leased within milliseconds, or seconds where it has to go around a lock.
//!
//! Everything is written to a majority of the nodes and read from the primary, so no claim is lost in an election.
//!
//! # A process that is killed
//!
//! A process that is killed in the middle of a transaction leaves it open, as the server cannot know. What it had locked stays
//! locked until the server ends the transaction: after `transactionLifetimeLimitSeconds`, a minute unless it is set, and as much
//! again as it takes to notice. Meanwhile nobody acquires jobs of a task whose document is among it; other tasks are not held up.
//!
//! A store that was made of a URL does not wait for that: when it keeps running into something locked, it ends those transactions of
//! apsched that have been idle for two seconds. It tells them by the name that the client gives itself, which is `apsched` unless the
//! URL has an `appName`. With a client of your own, or a name of your own, the server's limit is what counts; set it to a few seconds.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod collections;
mod connection;
mod crowd;
mod divide;
mod document;
mod error;
mod home;
mod job_changes;
mod operation;
mod options;
mod orphan;
mod pause;
mod schema;
mod statement;
mod store;
mod survey;
mod transaction;
mod user_transaction;

pub use options::MongoOptions;
pub use store::MongoDataStore;
pub use user_transaction::MongoTransaction;
