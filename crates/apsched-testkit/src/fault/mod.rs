//! Stores, brokers and connections that go wrong as planned: they fail, delay, hang, repeat, lose.
//!
//! | wrapper | what it does to a call or event |
//! |---|---|
//! | [`Faulty`] | fails before or after doing it, delays it, never answers, does it twice |
//! | [`FaultyBroker`] | drops, doubles or delays an event |
//! | [`TcpProxy`] | refuses, cuts and swallows the connections to a server |
//! | [`OwnServer`] | is a server that can be restarted and can speak TLS, since nobody else uses it |
//!
//! The last two do as they are told at the moment. For the others a plan decides about each call or event: a closure, a
//! [`Script`], or [`RandomFaults`] by a seed, which make the same decisions again. And callers stop waiting: [`dropped_after`].

mod broker;
mod dropped_call;
mod operation;
mod own_server;
mod plan;
mod store;
mod tcp_proxy;

pub use broker::{EventFault, EventFaultPlan, FaultyBroker, RandomEventFaults};
pub use dropped_call::dropped_after;
pub use operation::Operation;
pub use own_server::{OwnServer, ServerCertificate};
pub use plan::{Call, Fault, FaultPlan, RandomFaults, Script};
pub use store::Faulty;
pub use tcp_proxy::{Connections, TcpProxy};
