//! Part of W4: how long it takes to plan a schedule that nobody looked at for 30 days.
//!
//! With one-second fires that is 2.6 million missed fire times. Only `Latest` is measured: it is the default, and the
//! one that could be tempted to walk.

use std::hint::black_box;
use std::sync::Arc;

use anyhow::Result;
use apsched::id::{ExecutorName, JobIds, ScheduleId, TaskId};
use apsched::payload::Payload;
use apsched::schedule::{Schedule, ScheduleSettings, plan};
use apsched::task::{TaskDefaults, TaskDefinition, TaskSettings};
use apsched::trigger::{AnyTrigger, CronTrigger, IntervalTrigger};
use chrono::{DateTime, TimeDelta, Utc};

use super::Effort;
use crate::figure::{Figure, Unit};
use crate::report::Table;
use crate::stopwatch::Stopwatch;

/// Plans in a row, for which the clock is read once.
const PLANS: usize = 1000;

pub(crate) fn measure(effort: Effort, table: &mut Table) -> Result<()> {
    let every_second: [(&str, AnyTrigger); 2] = [
        ("interval", IntervalTrigger::every(std::time::Duration::from_secs(1)).into()),
        ("cron", CronTrigger::from_crontab_with_seconds("* * * * * *")?.into()),
    ];
    for (what, trigger) in every_second {
        let samples = (0..effort.pick(5, 21)).map(|_| micros_per_plan(&trigger)).collect::<Result<_>>()?;
        let figure =
            Figure::new(format!("30 days of missed 1 s fires planned, {what}"), Unit::Microseconds, samples);
        table.push(figure.at_most(1000.0, 1000.0));
    }
    Ok(())
}

fn micros_per_plan(trigger: &AnyTrigger) -> Result<f64> {
    let start: DateTime<Utc> = "2026-01-01T00:00:00Z".parse()?;
    let id = TaskId::new("task")?;
    let executor = ExecutorName::new(ExecutorName::ASYNC)?;
    let task = TaskDefinition::decide(id.clone(), TaskSettings::new(), &TaskDefaults::default(), executor);
    let settings = Arc::new(ScheduleSettings::default());
    let schedule = Schedule::new(ScheduleId::new("s")?, id, Payload::unit(), trigger, settings, start)?;
    let now = start + TimeDelta::days(30);
    let (mut ids, mut random) = (JobIds::seeded(1), fastrand::Rng::with_seed(1));
    let stopwatch = Stopwatch::start();
    for _ in 0..PLANS {
        black_box(plan(black_box(&schedule), &task, now, &mut ids, &mut random));
    }
    Ok(stopwatch.elapsed().as_secs_f64() * 1e6 / PLANS as f64)
}
