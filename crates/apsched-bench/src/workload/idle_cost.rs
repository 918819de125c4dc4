//! W6: what a scheduler costs that has nothing to do: how often it calls its store, and the processor time of the process.
//!
//! Once with nothing in the store, and once with 1,000 schedules whose first fire time is a day away. The start is over
//! when measuring begins. A sample is some seconds, scaled to a minute; what a scheduler does more seldom than that, such
//! as the cleanup, is not in it. Processor time is that of this process, the writer's thread of SQLite included; a
//! server's is not. It is read from Linux; elsewhere there are the calls alone.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use apsched::Scheduler;
use apsched::handler::Tasks;
use apsched::store::DataStore;
use apsched::task::Task;
use apsched::trigger::IntervalTrigger;
use apsched_testkit::fault::{Faulty, Operation, Script};
use chrono::TimeDelta;

use super::{Effort, runtime};
use crate::figure::{Figure, Unit};
use crate::report::Table;
use crate::stopwatch::{Stopwatch, rest};
use crate::store::{Place, Store};

const NOTHING: Task = Task::new("nothing");

const SCHEDULES: usize = 1000;

/// Long enough for everybody to fall asleep after the start.
const SETTLE: Duration = Duration::from_secs(2);

const MINUTE: Duration = Duration::from_secs(60);

pub(crate) fn measure(store: Store, effort: Effort) -> Result<Table> {
    let windows =
        Windows { count: effort.pick(3, 5), length: Duration::from_secs(effort.pick(3, 10) as u64) };
    let mut table = Table::new(format!(
        "W6  {}: a scheduler with nothing due, for a minute ({} times {} s, scaled)",
        store.name(),
        windows.count,
        windows.length.as_secs()
    ));
    let runtime = runtime()?;
    let asleep = runtime.block_on(async { tokio::spawn(windows.cost_of_sleep()).await })?;
    asleep.fill(&mut table, "bare tokio runtime");
    for schedules in [0, SCHEDULES] {
        let cost = runtime.block_on(async { tokio::spawn(at_rest(store, schedules, windows)).await })??;
        let what = format!("{schedules} schedules");
        table.note(format!("calls with {what}: {}", cost.by_operation()));
        cost.fill(&mut table, &what);
    }
    Ok(table)
}

async fn at_rest(store: Store, schedules: usize, windows: Windows) -> Result<Cost> {
    let place = store.place().await?;
    let cost = at_rest_at(&place, schedules, windows).await;
    place.remove().await?;
    cost
}

async fn at_rest_at(place: &Place, schedules: usize, windows: Windows) -> Result<Cost> {
    // It counts the calls, and by this script none of them goes wrong.
    let store = Faulty::new(place.data_store(), Script::new());
    let tasks = Tasks::<()>::new().task(NOTHING, async || ());
    let scheduler = Scheduler::builder().data_store(store.clone()).tasks(tasks);
    let scheduler = scheduler.start_in_background().await?;
    let tomorrow = scheduler.now() + TimeDelta::days(1);
    for _ in 0..schedules {
        let trigger = IntervalTrigger::builder().hours(1).start_time(tomorrow).build()?;
        scheduler.add_schedule(NOTHING, (), trigger).await?;
    }
    rest(SETTLE).await;
    let cost = windows.cost_of_rest(&store).await;
    scheduler.shutdown(Duration::ZERO).await;
    Ok(cost)
}

/// How often, and how long.
#[derive(Clone, Copy, Debug)]
struct Windows {
    count: usize,
    length: Duration,
}

impl Windows {
    /// The cost of everything while this process waits.
    async fn cost_of_rest<S: DataStore + ?Sized>(self, store: &Faulty<S>) -> Cost {
        let mut cost = Cost::default();
        for _ in 0..self.count {
            let calls = Operation::ALL.iter().map(|operation| (*operation, store.calls_of(*operation)));
            let calls_before: Vec<_> = calls.collect();
            let (micros, scale) = self.one().await;
            let mut sum = 0.0;
            for (operation, before) in calls_before {
                let calls = (store.calls_of(operation) - before) as f64 * scale;
                *cost.by_operation.entry(operation).or_default() += calls / self.count as f64;
                sum += calls;
            }
            cost.calls.push(sum);
            cost.micros.extend(micros);
        }
        cost
    }

    /// The cost of the waiting itself.
    async fn cost_of_sleep(self) -> Cost {
        rest(SETTLE).await;
        let mut cost = Cost::default();
        for _ in 0..self.count {
            cost.micros.extend(self.one().await.0);
        }
        cost
    }

    /// Waits for one window: microseconds of processor time a minute, and by how much a minute is longer.
    async fn one(self) -> (Option<f64>, f64) {
        let watch = Stopwatch::start();
        let before = ProcessorTime::of_this_process();
        rest(self.length).await;
        let used = before.and_then(|before| Some(ProcessorTime::of_this_process()?.nanos_since(&before)));
        let scale = MINUTE.as_secs_f64() / watch.elapsed().as_secs_f64();
        (used.map(|nanos| nanos as f64 / 1000.0 * scale), scale)
    }
}

/// What a minute costs, one value a window.
#[derive(Debug, Default)]
struct Cost {
    calls: Vec<f64>,
    by_operation: BTreeMap<Operation, f64>,
    micros: Vec<f64>,
}

impl Cost {
    fn fill(self, table: &mut Table, what: &str) {
        if !self.calls.is_empty() {
            table.push(Figure::new(format!("{what}: calls of the store"), Unit::PerMinute, self.calls));
        }
        if !self.micros.is_empty() {
            table.push(Figure::new(format!("{what}: processor time"), Unit::Microseconds, self.micros));
        }
    }

    fn by_operation(&self) -> String {
        let called = self.by_operation.iter().filter(|(_, calls)| **calls > 0.0);
        let called: Vec<_> = called.map(|(operation, calls)| format!("{operation} {calls:.0}/min")).collect();
        if called.is_empty() { "none".to_owned() } else { called.join(", ") }
    }
}

/// The time that each thread of this process has run, in nanoseconds.
#[derive(Debug)]
struct ProcessorTime(BTreeMap<String, u64>);

impl ProcessorTime {
    /// `None` where the system does not tell.
    fn of_this_process() -> Option<Self> {
        let mut threads = BTreeMap::new();
        for thread in std::fs::read_dir("/proc/self/task").ok()? {
            let thread = thread.ok()?;
            // A thread may end in between; one that does had nothing left to do.
            let Ok(text) = std::fs::read_to_string(thread.path().join("schedstat")) else { continue };
            let nanos = text.split_whitespace().next()?.parse().ok()?;
            threads.insert(thread.file_name().to_string_lossy().into_owned(), nanos);
        }
        Some(Self(threads))
    }

    fn nanos_since(&self, earlier: &Self) -> u64 {
        let before = |thread| earlier.0.get(thread).copied().unwrap_or(0);
        // A system may use the number of a thread that has ended again.
        self.0.iter().map(|(thread, nanos)| nanos.saturating_sub(before(thread))).sum()
    }
}
