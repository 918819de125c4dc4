//! The data store suite, tested itself: it holds on a store that encodes payloads and has rows to spoil, and it finds
//! each of a list of breaches of the contract.

mod breach;
mod double;
mod spoiled;

use double::Double;

apsched_testkit::data_store_conformance!(Double::whole());
