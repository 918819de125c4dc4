//! The guide: one chapter a question, each with the plain case first and the surprising one after it.
//!
//! | chapter | answers |
//! |---|---|
//! | [`concepts`] | What are tasks, schedules, jobs and triggers, and who decides what? |
//! | [`cron`] | How do I say "each weekday at nine", and what do crontab lines mean exactly? |
//! | [`dst`] | What happens at 02:30 when there is no 02:30? |
//! | [`misfires`] | What becomes of fire times that were missed, or of a job that is still running? |
//! | [`retries`] | What follows an error, a timeout, a crash? |
//! | [`testing`] | How do I test my schedules without waiting? |
//! | [`persistence`] | How do schedules and jobs survive a restart, and changes of the program? |
//! | [`many_processes`] | How do several processes share the work? |
//! | [`transactions`] | How do I write my own rows and a job together, or neither? |
//! | [`migrations`] | Who makes the tables, and what when they change? |
//! | [`failures`] | What if the database goes away, or a row cannot be read? |
//! | [`stores`] | Where is everything kept, and how do I write a store of my own? |
//! | [`event_brokers`] | How do processes hear of each other at once, and what if they do not? |
//!
//! Every example on these pages is compiled and run as a test; those on databases are run on SQLite.

#[doc = include_str!("concepts.md")]
pub mod concepts {}

#[doc = include_str!("cron.md")]
pub mod cron {}

#[doc = include_str!("dst.md")]
pub mod dst {}

#[doc = include_str!("misfires.md")]
pub mod misfires {}

#[doc = include_str!("retries.md")]
pub mod retries {}

#[doc = include_str!("testing.md")]
pub mod testing {}

#[doc = include_str!("stores.md")]
pub mod stores {}

#[doc = include_str!("event_brokers.md")]
pub mod event_brokers {}

// The examples of these chapters need SQLite, which a test without the feature does not have.

#[cfg_attr(any(not(doctest), feature = "sqlite"), doc = include_str!("persistence.md"))]
pub mod persistence {}

#[cfg_attr(any(not(doctest), feature = "sqlite"), doc = include_str!("many_processes.md"))]
pub mod many_processes {}

#[cfg_attr(any(not(doctest), feature = "sqlite"), doc = include_str!("transactions.md"))]
pub mod transactions {}

#[cfg_attr(any(not(doctest), feature = "sqlite"), doc = include_str!("migrations.md"))]
pub mod migrations {}

#[cfg_attr(any(not(doctest), feature = "sqlite"), doc = include_str!("failures.md"))]
pub mod failures {}
