//! What is measured, and how thoroughly.

pub(crate) mod backlog;
mod catch_up;
mod countdown;
pub(crate) mod cron;
pub(crate) mod cross_latency;
pub(crate) mod firing;
pub(crate) mod idle_cost;
pub(crate) mod idle_latency;
mod latencies;
pub(crate) mod queue_throughput;
pub(crate) mod schedule_size;
pub(crate) mod throughput;

use anyhow::Result;
use clap::ValueEnum;

use crate::broker::Broker;
use crate::report::Table;
use crate::store::Store;

/// Something that is measured; the numbers are those of the project's plan, and stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Workload {
    /// No-op jobs a second, added and run
    W1,
    /// From adding a job to the start of its handler, when nothing else happens
    W2,
    /// Schedules that fire each second, and how late
    W3,
    /// Fire times of cron expressions a second
    W4,
    /// Memory of an idle schedule
    W5,
    /// Calls of the store and processor time of a scheduler that has nothing to do
    W6,
    /// Time to acquire jobs from short and from long queues
    W7,
}

/// How thoroughly to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effort {
    Quick,
    Full,
}

impl Workload {
    pub(crate) const ALL: [Self; 7] = [Self::W1, Self::W2, Self::W3, Self::W4, Self::W5, Self::W6, Self::W7];

    pub(crate) fn measure(self, store: Store, effort: Effort) -> Result<Table> {
        if let Some(why) = self.not_measured(store) {
            let mut table = Table::new(format!("{self:?}  {}", store.name()));
            table.note(format!("not measured: {why}"));
            return Ok(table);
        }
        match self {
            Self::W1 => match store.database() {
                None => throughput::measure(effort),
                Some(database) => queue_throughput::measure(store, database, effort),
            },
            Self::W2 => idle_latency::measure(store, effort),
            Self::W3 => firing::measure(store, effort),
            Self::W4 => cron::measure(effort),
            Self::W5 => schedule_size::measure(effort),
            Self::W6 => idle_cost::measure(store, effort),
            Self::W7 => backlog::measure(store, effort),
        }
    }

    /// What is measured once more between processes that a broker tells of each other's work. `None`: nothing.
    pub(crate) fn measure_across(
        self,
        store: Store,
        broker: Broker,
        effort: Effort,
    ) -> Option<Result<Table>> {
        (self == Self::W2).then(|| cross_latency::measure(store, broker, effort))
    }

    /// Why there is nothing to measure. `None`: there is.
    fn not_measured(self, store: Store) -> Option<String> {
        match (self, store) {
            (_, Store::Memory) => None,
            (Self::W4, _) => Some("triggers use no store".to_owned()),
            (Self::W5, _) => Some("the schedules lie in no memory of this process".to_owned()),
            _ => store.missing(),
        }
    }
}

impl Effort {
    /// One of two numbers.
    pub(crate) const fn pick(self, quick: usize, full: usize) -> usize {
        match self {
            Self::Quick => quick,
            Self::Full => full,
        }
    }
}

/// A runtime as a program with default settings has it.
fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}
