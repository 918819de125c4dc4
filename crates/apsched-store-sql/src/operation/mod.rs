//! What the store is asked, as statements in one transaction and rules of core between them.

pub(crate) mod acquire_job;
pub(crate) mod acquire_schedule;
pub(crate) mod add_job;
pub(crate) mod cancel;
pub(crate) mod cleanup;
pub(crate) mod edit_schedule;
pub(crate) mod end_job;
pub(crate) mod lease;
pub(crate) mod read;
pub(crate) mod recover;
pub(crate) mod release_job;
pub(crate) mod release_schedule;
pub(crate) mod task;
pub(crate) mod wakeup;
