//! W5: what an idle schedule costs in memory, by the resident memory of the process before and after adding many.
//!
//! That is what the machine pays: bytes that were asked for, the allocator's rounding and headers, and the room that
//! tables keep to grow. Each case is measured in a process of its own, so that no memory is taken from what another
//! left behind. Only Linux tells a process its size; elsewhere there is no figure.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use apsched::Scheduler;
use apsched::handler::Tasks;
use apsched::task::Task;
use apsched::trigger::{CronTrigger, IntervalTrigger};
use chrono::TimeDelta;
use chrono_tz::Tz;
use clap::ValueEnum;

use super::{Effort, runtime};
use crate::figure::{Figure, Unit};
use crate::report::Table;

const NOTHING: Task = Task::new("nothing");
const MAIL: Task<u64> = Task::new("mail");

/// One kind of schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Case {
    /// Every hour, no payload, an id of 36 bytes made by the scheduler
    Interval,
    /// 09:00 mon-fri in Berlin, else the same
    Cron,
    /// 09:00 mon-fri in Berlin, an id of about 13 bytes, a number as its payload
    CronPayload,
}

impl Case {
    const fn what(self) -> &'static str {
        match self {
            Self::Interval => "idle schedule, interval",
            Self::Cron => "idle schedule, cron with a zone",
            Self::CronPayload => "idle schedule, cron with a zone, own id, payload u64",
        }
    }

    /// Adds many such schedules and tells what each costs. To be called once in a process.
    pub(crate) fn bytes_per_schedule(self, effort: Effort) -> Result<f64> {
        let count = effort.pick(20_000, 100_000);
        runtime()?.block_on(async {
            let tasks = Tasks::<()>::new().task(NOTHING, async || ()).task(MAIL, async |_: u64| ());
            let scheduler = Scheduler::builder().tasks(tasks).start_in_background().await?;
            // What is made once, by the first of its kind, is not counted.
            self.add(&scheduler, u64::MAX).await?;
            let before = resident_bytes()?;
            for number in 0..count {
                self.add(&scheduler, number as u64).await?;
            }
            let after = resident_bytes()?;
            scheduler.shutdown(std::time::Duration::ZERO).await;
            Ok(after.saturating_sub(before) as f64 / count as f64)
        })
    }

    async fn add(self, scheduler: &Scheduler, number: u64) -> Result<()> {
        // An interval without a start fires when it is added, and would not be idle.
        let tomorrow = scheduler.now() + TimeDelta::days(1);
        let hourly = || IntervalTrigger::builder().hours(1).start_time(tomorrow).build();
        let mornings = || {
            CronTrigger::from_crontab("0 9 * * mon-fri").map(|cron| cron.with_timezone(Tz::Europe__Berlin))
        };
        match self {
            Self::Interval => scheduler.add_schedule(NOTHING, (), hourly()?).await?,
            Self::Cron => scheduler.add_schedule(NOTHING, (), mornings()?).await?,
            Self::CronPayload => {
                scheduler.add_schedule(MAIL, number, mornings()?).id(format!("mail-{number:08}")).await?
            }
        };
        Ok(())
    }
}

pub(crate) fn measure(effort: Effort) -> Result<Table> {
    let schedules = effort.pick(20_000, 100_000);
    let mut table = Table::new(format!("W5  resident memory of idle schedules ({schedules} of them)"));
    if resident_bytes().is_err() {
        table.note("not measured: this system does not tell a process its size");
        return Ok(table);
    }
    for case in Case::value_variants() {
        let samples = (0..effort.pick(1, 3)).map(|_| in_own_process(*case, effort));
        let samples = samples.collect::<Result<_>>()?;
        table.push(Figure::new(case.what(), Unit::Bytes, samples).at_most(700.0, 350.0));
    }
    Ok(table)
}

fn in_own_process(case: Case, effort: Effort) -> Result<f64> {
    let name = |value: Option<clap::builder::PossibleValue>| {
        value.map(|it| it.get_name().to_owned()).unwrap_or_default()
    };
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--alone", &name(case.to_possible_value())]);
    if effort == Effort::Quick {
        command.arg("--quick");
    }
    let output = command.output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "{case:?}: {}", String::from_utf8_lossy(&output.stderr));
    text.trim().parse().with_context(|| format!("expected a number, found {text:?}"))
}

/// Memory of this process that is in use.
fn resident_bytes() -> Result<u64> {
    let path = Path::new("/proc/self/status");
    let status = std::fs::read_to_string(path)?;
    let line =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("expected a line VmRSS")?;
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kilobytes * 1024)
}
