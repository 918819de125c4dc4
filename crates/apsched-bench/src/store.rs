//! Which store the schedulers of a workload work on.

use apsched::store::MemoryStore;
use apsched::{Scheduler, SchedulerBuilder};
use clap::ValueEnum;
use serde::Serialize;

/// A store that can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Store {
    /// In this process
    Memory,
}

impl Store {
    /// A scheduler on a new, empty store of this kind.
    pub(crate) fn scheduler(self) -> SchedulerBuilder {
        match self {
            Self::Memory => Scheduler::builder().data_store(MemoryStore::new()),
        }
    }
}
