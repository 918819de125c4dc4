//! What the jobs of a worker are given and what they return.

use std::time::Duration;

use apsched::task::Task;
use serde::{Deserialize, Serialize};

/// What a job is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    /// Tells jobs, or the definitions of a schedule, apart.
    pub number: u64,
    /// How long it works.
    pub millis: u64,
}

/// By which claim a job was done: what its handler returns, and so what stands in its result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The run of the scheduler that did it.
    pub scheduler: String,
    /// The token of its lease.
    pub token: u64,
}

impl Load {
    /// Work that takes no time.
    #[must_use]
    pub const fn numbered(number: u64) -> Self {
        Self { number, millis: 0 }
    }

    /// Work that takes so long.
    #[must_use]
    pub const fn lasting(self, millis: u64) -> Self {
        Self { millis, ..self }
    }

    /// The task that does such work under this name.
    #[must_use]
    pub fn task(name: &str) -> Task<Self, Claim> {
        Task::named(name)
    }

    /// How long it works.
    #[must_use]
    pub const fn time(&self) -> Duration {
        Duration::from_millis(self.millis)
    }
}
