//! Stores and brokers that go wrong as planned: they fail, delay, hang, repeat, lose.
//!
//! | wrapper | what it does to a call or event |
//! |---|---|
//! | [`Faulty`] | fails before or after doing it, delays it, never answers, does it twice |
//! | [`FaultyBroker`] | drops, doubles or delays an event |
//!
//! A plan decides for each call or event: a closure, a [`Script`], or [`RandomFaults`] by a seed, which make the same
//! decisions again.

mod broker;
mod operation;
mod plan;
mod store;

pub use broker::{EventFault, EventFaultPlan, FaultyBroker, RandomEventFaults};
pub use operation::Operation;
pub use plan::{Call, Fault, FaultPlan, RandomFaults, Script};
pub use store::Faulty;
