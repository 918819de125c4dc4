//! What a worker is told when it is started: its one argument, as JSON.

use apsched::Role;
use serde::{Deserialize, Serialize};

/// What a worker is to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Errand {
    /// URL of the data store.
    pub url: String,
    /// What the names of its tables begin with.
    pub prefix: String,
    /// Name of the scheduler. `None`: another at each start.
    pub identity: Option<String>,
    /// Whether it drives schedules.
    pub schedules: bool,
    /// Whether it runs jobs.
    pub jobs: bool,
    /// The tasks it can run.
    pub tasks: Vec<TaskOptions>,
    /// Jobs that it adds. `None`: none.
    pub production: Option<Production>,
    /// What it does to itself. `None`: nothing.
    pub trap: Option<Trap>,
    /// How far its clock is ahead.
    pub clock_ahead_millis: i64,
    /// Life of its leases.
    pub lease_millis: u64,
    /// Longest time between two looks at the store.
    pub poll_millis: u64,
    /// How long jobs may go on after it is told to stop.
    pub drain_millis: u64,
    /// Most jobs that it runs at once.
    pub most_jobs: usize,
    /// Most connections to the store.
    pub most_connections: u32,
    /// Longest wait for a connection, or for a lock.
    pub acquire_timeout_millis: u64,
}

/// A task that a worker can run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskOptions {
    /// Its name.
    pub name: String,
    /// Most jobs of it at once, over all processes. `None`: no limit.
    pub limit: Option<u32>,
    /// How often a job of it is attempted.
    pub attempts: u32,
    /// How its jobs end.
    pub end: HandlerEnd,
}

/// How a handler ends when it has worked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HandlerEnd {
    /// It says by which claim it was done.
    Returns,
    /// It panics.
    Panics,
    /// It takes its process with it, as by `kill -9`.
    Dies,
}

/// Jobs that a worker adds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Production {
    /// Names of the tasks, in turn.
    pub tasks: Vec<String>,
    /// How many jobs.
    pub jobs: u64,
    /// How many at once.
    pub batch: u64,
    /// How long each works.
    pub millis: u64,
}

/// A call to the store at which a worker does something to itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trap {
    /// The call, by the name of its method.
    pub operation: String,
    /// Calls of it that go well before.
    pub after_calls: u32,
    /// How often it happens.
    pub springs: Springs,
    /// Where it stands when it happens.
    pub side: Side,
    /// What happens.
    pub deed: Deed,
}

/// How often a trap springs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Springs {
    /// After that the worker is left alone.
    Once,
    /// Again after as many calls.
    AgainAndAgain,
}

/// Where a worker stands to a call of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Side {
    /// It is about to make it.
    Before,
    /// The store has answered, and it has not read the answer.
    After,
}

/// What a worker does to itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Deed {
    /// It dies, as by `kill -9`.
    Die,
    /// It stands still until somebody lets it go on.
    Freeze,
}

impl Errand {
    /// A worker that does all, with leases of a second and a half.
    #[must_use]
    pub fn at(url: &str, prefix: &str) -> Self {
        Self {
            url: url.to_owned(),
            prefix: prefix.to_owned(),
            identity: None,
            schedules: true,
            jobs: true,
            tasks: Vec::new(),
            production: None,
            trap: None,
            clock_ahead_millis: 0,
            lease_millis: 1500,
            poll_millis: 200,
            drain_millis: 10_000,
            most_jobs: 20,
            most_connections: 4,
            // Shorter than a user would choose, so that an outage is noticed within a test.
            acquire_timeout_millis: 5000,
        }
    }

    /// What its scheduler does. `None`: it is a client.
    #[must_use]
    pub const fn role(&self) -> Option<Role> {
        match (self.schedules, self.jobs) {
            (true, true) => Some(Role::Both),
            (true, false) => Some(Role::Scheduler),
            (false, true) => Some(Role::Worker),
            (false, false) => None,
        }
    }
}

impl TaskOptions {
    /// A task without limit, whose jobs are attempted once.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), limit: None, attempts: 1, end: HandlerEnd::Returns }
    }

    /// Most jobs of it at once.
    #[must_use]
    pub fn limited(self, limit: u32) -> Self {
        Self { limit: Some(limit), ..self }
    }

    /// How its jobs end.
    #[must_use]
    pub fn ending(self, end: HandlerEnd) -> Self {
        Self { end, ..self }
    }

    /// How often a job of it is attempted.
    #[must_use]
    pub fn attempted(self, attempts: u32) -> Self {
        Self { attempts, ..self }
    }
}
