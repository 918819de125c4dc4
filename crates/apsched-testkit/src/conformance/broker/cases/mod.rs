//! The cases of the event broker contract, a file for each concept, in the order of the trait.

pub(crate) mod interest;
pub(crate) mod lag;
pub(crate) mod other_process;
pub(crate) mod publish;
pub(crate) mod stop;
