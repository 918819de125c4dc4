//! W3: many schedules that all fire at each full second, for some seconds: do all fire, and how late?
//!
//! Every schedule is an interval of one second from the same start, so all are due in the same microsecond: the
//! hardest second there is. A fire is late by the time from its fire time to its handler. Each fire is accounted for: it
//! ran once, more than once, or not at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::Result;
use apsched::Scheduler;
use apsched::handler::{JobContext, State, Tasks};
use apsched::task::Task;
use apsched::trigger::IntervalTrigger;
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

use super::{Effort, runtime};
use crate::figure::{Figure, Unit, percentile};
use crate::report::Table;
use crate::stopwatch::rest;
use crate::store::{Place, Store};

/// Writes down when it was called; its payload is the number of its schedule.
const FIRE: Task<u32> = Task::new("fire");

/// Enough that the runtime never waits for more while a second's jobs are worked off.
const MAX_CONCURRENT_JOBS: usize = 1000;

/// Callers that add schedules at the same time.
const CALLERS: usize = 16;

pub(crate) fn measure(store: Store, effort: Effort) -> Result<Table> {
    let seconds = effort.pick(3, 8);
    let mut table = Table::new(format!(
        "W3  schedules on {} that all fire at each full second, for {seconds} seconds",
        store.name()
    ));
    let sizes: &[usize] = if store.database().is_some() { &[1_000, 10_000] } else { &[10_000, 100_000] };
    for &schedules in sizes {
        let fires = runtime()?.block_on(async { tokio::spawn(fire(store, schedules, seconds)).await })??;
        fires.fill(&mut table, Bars::of(store, schedules));
    }
    table.note(format!("max_concurrent_jobs {MAX_CONCURRENT_JOBS}; each sample is one second"));
    Ok(table)
}

async fn fire(store: Store, schedules: usize, seconds: usize) -> Result<Arc<Fires>> {
    let place = store.place().await?;
    let fires = fire_at(&place, schedules, seconds).await;
    place.remove().await?;
    fires
}

async fn fire_at(place: &Place, schedules: usize, seconds: usize) -> Result<Arc<Fires>> {
    let scheduler = place.scheduler().max_concurrent_jobs(MAX_CONCURRENT_JOBS).build()?;
    // Adding must be over by then.
    let added_a_second = if matches!(place, Place::Memory(_)) { 50_000 } else { 500 };
    let start = scheduler.now().trunc_subsecs(0) + TimeDelta::seconds(2 + schedules as i64 / added_a_second);
    drop(scheduler);
    let fires = Arc::new(Fires::new(start, schedules, seconds));
    let tasks = Tasks::new().task_with(FIRE, write_down, |settings| settings.max_running_jobs(None));
    let scheduler =
        place.scheduler().tasks(tasks.with_state(fires.clone())).max_concurrent_jobs(MAX_CONCURRENT_JOBS);
    let scheduler = scheduler.start_in_background().await?;
    let adding = (0..CALLERS).map(|first| {
        let scheduler = scheduler.clone();
        tokio::spawn(async move {
            for number in (first..schedules).step_by(CALLERS) {
                let trigger = IntervalTrigger::builder().seconds(1).start_time(start).build()?;
                let schedule = scheduler.add_schedule(FIRE, u32::try_from(number)?, trigger);
                schedule.max_fires(seconds as u64).await?;
            }
            anyhow::Ok(())
        })
    });
    for caller in adding.collect::<Vec<_>>() {
        caller.await??;
    }
    anyhow::ensure!(scheduler.now() < start, "adding {schedules} schedules took too long");
    wait_for_end(&scheduler, &fires).await;
    scheduler.shutdown(Duration::ZERO).await;
    Ok(fires)
}

/// Waits for the last second, and then as long as fires still come in.
async fn wait_for_end(scheduler: &Scheduler, fires: &Fires) {
    let last = fires.start + TimeDelta::seconds(fires.seconds as i64 - 1);
    rest((last - scheduler.now()).to_std().unwrap_or_default()).await;
    let mut seen = 0;
    while fires.seen() < fires.late.len() && fires.seen() > seen
        || scheduler.now() < last + TimeDelta::seconds(2)
    {
        seen = fires.seen();
        rest(Duration::from_millis(500)).await;
    }
}

async fn write_down(number: u32, context: JobContext, State(fires): State<Arc<Fires>>) {
    if let Some(fire_time) = context.fire_time() {
        fires.record(number, fire_time, context.now());
    }
}

/// How late each fire was.
#[derive(Debug)]
struct Fires {
    start: DateTime<Utc>,
    schedules: usize,
    seconds: usize,
    /// By second, then schedule: microseconds, plus one. Zero: it did not come.
    late: Vec<AtomicU32>,
    repeated: AtomicU32,
}

impl Fires {
    fn new(start: DateTime<Utc>, schedules: usize, seconds: usize) -> Self {
        let late = std::iter::repeat_with(AtomicU32::default).take(schedules * seconds).collect();
        Self { start, schedules, seconds, late, repeated: AtomicU32::default() }
    }

    fn record(&self, number: u32, fire_time: DateTime<Utc>, now: DateTime<Utc>) {
        let second = usize::try_from((fire_time - self.start).num_seconds());
        let late = u32::try_from((now - fire_time).num_microseconds().unwrap_or_default());
        let (Ok(second), Ok(late)) = (second, late) else { return };
        let place = second * self.schedules + number as usize;
        if self.late.get(place).is_some_and(|fire| fire.swap(late + 1, Ordering::Relaxed) != 0) {
            self.repeated.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn seen(&self) -> usize {
        self.late.iter().filter(|fire| fire.load(Ordering::Relaxed) != 0).count()
    }

    /// Sorted microseconds of each second, of what came.
    fn by_second(&self) -> Vec<Vec<f64>> {
        let second = |fires: &[AtomicU32]| {
            let came = fires.iter().map(|fire| fire.load(Ordering::Relaxed)).filter(|late| *late != 0);
            let mut late: Vec<f64> = came.map(|late| f64::from(late - 1)).collect();
            late.sort_by(f64::total_cmp);
            late
        };
        self.late.chunks(self.schedules).map(second).filter(|late| !late.is_empty()).collect()
    }

    fn fill(&self, table: &mut Table, bars: Option<Bars>) {
        let seconds = self.by_second();
        if !seconds.is_empty() {
            for (rank, at) in [("p50", 0.5), ("p99", 0.99), ("max", 1.0)] {
                let samples = seconds.iter().map(|late| percentile(late, at)).collect();
                let what = format!("{} schedules: late, {rank}", self.schedules);
                let figure = Figure::new(what, Unit::Microseconds, samples);
                table.push(match bars {
                    Some(bars) if at == 0.99 => figure.at_most(bars.first, bars.goal),
                    _ => figure,
                });
            }
        }
        let missing = (self.late.len() - self.seen()) as f64;
        let what = |kind| format!("{} schedules: of {} fires {kind}", self.schedules, self.late.len());
        table.push(Figure::new(what("missing"), Unit::Count, vec![missing]).at_most(0.0, 0.0));
        let repeated = f64::from(self.repeated.load(Ordering::Relaxed));
        table.push(Figure::new(what("repeated"), Unit::Count, vec![repeated]).at_most(0.0, 0.0));
    }
}

/// Microseconds that the 99th percentile is to reach.
#[derive(Clone, Copy, Debug)]
struct Bars {
    first: f64,
    goal: f64,
}

impl Bars {
    const fn of(store: Store, schedules: usize) -> Option<Self> {
        match (store, schedules) {
            (Store::Memory, 10_000) => Some(Self { first: 50_000.0, goal: 10_000.0 }),
            (Store::Memory, _) => Some(Self { first: 50_000.0, goal: 50_000.0 }),
            (Store::Postgres, 10_000) => Some(Self { first: 800_000.0, goal: 250_000.0 }),
            _ => None,
        }
    }
}
