//! What a store is asked for, one file each.
//!
//! An operation reads, asks the rules of `apsched-core`, and writes, within one transaction where it writes more than one document.

pub(crate) mod acquire_jobs;
pub(crate) mod acquire_schedules;
pub(crate) mod add_jobs;
pub(crate) mod add_schedule;
pub(crate) mod cancel_job;
pub(crate) mod cleanup;
pub(crate) mod edit_schedule;
pub(crate) mod extend_leases;
mod leasing;
pub(crate) mod list_jobs;
pub(crate) mod list_schedules;
pub(crate) mod next_wakeup;
mod parts;
pub(crate) mod recover;
pub(crate) mod release_jobs;
pub(crate) mod release_schedules;
pub(crate) mod remove_schedule;
pub(crate) mod set_progress;
pub(crate) mod taken;
pub(crate) mod task;
mod token;
