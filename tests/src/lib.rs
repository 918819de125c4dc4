//! What the program `worker` and the tests that start it say to each other.
//!
//! | what | file |
//! |---|---|
//! | what a worker is told when it is started | `errand.rs` |
//! | what it writes down, line by line, so that a kill loses nothing | `ledger.rs` |
//! | what its jobs do | `load.rs` |
//! | when something happened, by a clock that all processes share | `moment.rs` |
//! | the data store at a URL | `store.rs` |
//!
//! Only on Unix: there a process can be killed and frozen by a signal.
#![cfg(unix)]

mod errand;
mod ledger;
mod load;
mod moment;
mod store;

pub use errand::{Deed, Errand, HandlerEnd, Production, Side, Springs, TaskOptions, Trap};
pub use ledger::{Entry, Ledger, Line};
pub use load::{Claim, Load};
pub use moment::Moment;
pub use store::open_store;
