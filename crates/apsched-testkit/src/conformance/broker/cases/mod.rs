//! The cases of the event broker contract, a file for each concept, in the order of the trait.

pub(crate) mod foreign_message;
pub(crate) mod interest;
pub(crate) mod lag;
pub(crate) mod other_process;
pub(crate) mod outage;
pub(crate) mod poll;
pub(crate) mod publish;
pub(crate) mod restart;
pub(crate) mod scheduler;
pub(crate) mod stop;
#[cfg(feature = "tls")]
pub(crate) mod tls;
pub(crate) mod wakeup;
