//! Test what you build for or with apsched: a store, a broker, a serializer, a trigger, a program with schedules.
//!
//! | you have | take |
//! |---|---|
//! | a data store, an event broker, a serializer of your own | [`conformance`]: one named test for each sentence of the contract |
//! | a trigger of your own | [`trigger_laws`] |
//! | a program with schedules | [`TestScheduler`]: a year in a second |
//! | a program that waits | [`ManualClock`] |
//! | a program that adds jobs within its own transactions | [`MemoryTransaction`] |
//! | a program that must survive outages | [`fault::Faulty`], [`fault::FaultyBroker`] |
//! | a store or broker with a server | [`backend`]: where it is, and who says that it is missing; [`fault::TcpProxy`]: a bad line to it |
//! | a store that must keep the guarantees whatever happens | [`simulation`]: schedulers, crashes and clocks in virtual time |
//! | need of tasks, schedules and jobs to test with | [`sample`] |
//!
//! Add it under `[dev-dependencies]`.
//!
//! # A store of your own in fifteen lines
//!
//! Put this into `tests/conformance.rs`, with your store in the place of the one in memory, and run `cargo test`:
//!
//! ```
//! use std::sync::Arc;
//! use apsched_core::{DataStore, MemoryStore};
//! use apsched_testkit::conformance::store::StoreHarness;
//!
//! struct MyStore(MemoryStore); // what it takes to reach one empty store: a directory, a schema of a database
//!
//! #[async_trait::async_trait]
//! impl StoreHarness for MyStore {
//!     async fn open(&self) -> Arc<dyn DataStore> {
//!         Arc::new(self.0.clone()) // another handle on it, as another process has
//!     }
//! }
//!
//! apsched_testkit::data_store_conformance!(MyStore(MemoryStore::new()));
//! # // The tests do not run here, so a case does, by hand.
//! # fn main() {
//! #     apsched_testkit::conformance::block_on(async {
//! #         let case = "expired_lease_on_a_schedule_can_be_taken_by_another_scheduler";
//! #         apsched_testkit::conformance::store::run(case, &MyStore(MemoryStore::new())).await;
//! #     });
//! # }
//! ```
//!
//! Each case is a test by its own name, in the order of the contract in `DataStore`; its source is the shortest program that
//! shows what the sentence means. A harness that would rather loop takes the table:
//!
//! ```
//! # use std::sync::Arc;
//! # use apsched_core::{DataStore, MemoryStore};
//! # use apsched_testkit::conformance::store::{CASES, StoreHarness};
//! # struct MyStore(MemoryStore);
//! # #[async_trait::async_trait]
//! # impl StoreHarness for MyStore {
//! #     async fn open(&self) -> Arc<dyn DataStore> { Arc::new(self.0.clone()) }
//! # }
//! apsched_testkit::conformance::block_on(async {
//!     for case in CASES.iter().filter(|case| case.concept == "limit") {
//!         (case.run)(&MyStore(MemoryStore::new())).await;
//!     }
//! });
//! ```

pub mod backend;
mod clock;
pub mod conformance;
pub mod fault;
pub mod sample;
pub mod simulation;
mod skipped;
mod test_scheduler;
mod transaction;
pub mod trigger_laws;

pub use clock::ManualClock;
pub use skipped::report_skipped;
pub use test_scheduler::{Ended, Fired, TestScheduler};
pub use transaction::MemoryTransaction;
