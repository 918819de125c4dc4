//! Suites that tell whether an implementation keeps its contract: one named case for each sentence of the contract.
//!
//! | contract | macro | table of cases |
//! |---|---|---|
//! | `DataStore` | [`data_store_conformance!`](crate::data_store_conformance) | [`store::CASES`] |
//! | `EventBroker` | [`event_broker_conformance!`](crate::event_broker_conformance) | [`broker::CASES`] |
//! | `EventBroker` over TLS (feature `tls`) | `event_broker_tls_conformance!` | `broker::tls::CASES` |
//! | `Serializer` | [`serializer_conformance!`](crate::serializer_conformance) | [`serializer::CASES`] |
//!
//! A macro makes one test of each case, by the case's own name. The tables hold the same cases for harnesses that loop,
//! or that count. A case panics when the contract is broken.
//!
//! Cases never ask what they run on. What an implementation cannot do is a capability that its harness declares; a case
//! that needs it says by name that it was skipped.

pub mod broker;
pub mod serializer;
pub mod store;
mod suite;

pub use suite::{Case, CaseFuture, Support, block_on};
