//! The cases of the data store contract, a file for each concept, in the order of the trait.

pub(crate) mod cancel;
pub(crate) mod cleanup;
pub(crate) mod dropped_call;
pub(crate) mod job_acquire;
pub(crate) mod job_add;
pub(crate) mod job_release;
pub(crate) mod lease;
pub(crate) mod limit;
pub(crate) mod listing;
pub(crate) mod overlap;
pub(crate) mod progress;
pub(crate) mod recover;
pub(crate) mod result;
pub(crate) mod runtime;
pub(crate) mod schedule_acquire;
pub(crate) mod schedule_add;
pub(crate) mod schedule_edit;
pub(crate) mod schedule_release;
pub(crate) mod schedule_remove;
pub(crate) mod start;
pub(crate) mod task;
pub(crate) mod unreadable_row;
pub(crate) mod wakeup;
