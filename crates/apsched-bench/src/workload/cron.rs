//! W4: how many fire times of a cron expression are found a second, beside the crates `croner` and `cron`.
//!
//! Each is asked in two ways. *On*: the next fire time after the last one, as a schedule asks, from 2026 to 2037 and
//! then over again. *Anywhere*: the first fire time after instants of these years, in no order, so that nothing that
//! was found out before is of use. All are asked the same, and where their answers differ it is said.

use std::hint::black_box;
use std::iter::successors;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Result};
use apsched::trigger::{CronTrigger, Trigger};
use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

use super::{Effort, catch_up};
use crate::figure::{Figure, Unit};
use crate::report::Table;
use crate::stopwatch::Stopwatch;

/// An expression with seconds, which all three can read, unless a peer has another word for it or none.
struct Case {
    what: &'static str,
    expression: &'static str,
    zone: Tz,
    /// `None`: the crate `cron` cannot say it.
    for_cron: Option<&'static str>,
    /// First bar and goal, where there are any.
    bar: Option<(f64, f64)>,
}

const CASES: [Case; 7] = [
    Case {
        what: "every 5 minutes, UTC",
        expression: "0 */5 * * * *",
        zone: Tz::UTC,
        for_cron: Some("0 */5 * * * *"),
        bar: Some((10e6, 25e6)),
    },
    Case {
        what: "09:00 mon-fri, Berlin",
        expression: "0 0 9 * * mon-fri",
        zone: Tz::Europe__Berlin,
        for_cron: Some("0 0 9 * * mon-fri"),
        bar: Some((6e6, 12e6)),
    },
    Case {
        what: "last day of the month, UTC",
        expression: "0 0 0 L * *",
        zone: Tz::UTC,
        for_cron: None,
        bar: Some((5e6, 25e6)),
    },
    Case {
        what: "every 15 minutes, New York",
        expression: "0 */15 * * * *",
        zone: Tz::America__New_York,
        for_cron: Some("0 */15 * * * *"),
        bar: None,
    },
    Case {
        what: "02:30 daily, Berlin",
        expression: "0 30 2 * * *",
        zone: Tz::Europe__Berlin,
        for_cron: Some("0 30 2 * * *"),
        bar: None,
    },
    Case {
        what: "29 february, UTC",
        expression: "0 0 0 29 2 *",
        zone: Tz::UTC,
        for_cron: Some("0 0 0 29 2 *"),
        bar: None,
    },
    Case {
        what: "every second, UTC",
        expression: "* * * * * *",
        zone: Tz::UTC,
        for_cron: Some("* * * * * *"),
        bar: None,
    },
];

/// Instants that are asked for anywhere.
const INSTANTS: usize = 4096;

pub(crate) fn measure(effort: Effort) -> Result<Table> {
    let mut table = Table::new("W4  fire times of cron expressions");
    for case in &CASES {
        let measured = match case.zone {
            // The peers are fastest with chrono's own type.
            Tz::UTC => measure_case(case, Utc, effort, &mut table),
            zone => measure_case(case, zone, effort, &mut table),
        };
        measured.with_context(|| case.what)?;
    }
    catch_up::measure(effort, &mut table)?;
    Ok(table)
}

fn measure_case<Z: TimeZone>(case: &Case, zone: Z, effort: Effort, table: &mut Table) -> Result<()> {
    let ours = CronTrigger::from_crontab_with_seconds(case.expression)?.with_timezone(case.zone);
    let croner = croner::Cron::from_str(case.expression)?;
    let cron = case.for_cron.map(cron::Schedule::from_str).transpose()?;
    let ours_after = |at: &DateTime<Utc>| ours.next_after(*at).expect("a cron trigger cannot fail");
    let croner_after = |at: &DateTime<Z>| croner.find_next_occurrence(at, false).ok();

    let start = year(2026);
    let there = zone.from_utc_datetime(&start.naive_utc());
    let instants = instants();
    let instants_there: Vec<_> = instants.iter().map(|at| zone.from_utc_datetime(&at.naive_utc())).collect();
    let mut on = Rates::default();
    let mut anywhere = Rates::default();
    let budget = Duration::from_millis(effort.pick(20, 60) as u64);
    for _ in 0..effort.pick(3, 7) {
        on.ours.push(rate_on(budget, || successors(ours_after(&start), ours_after)));
        on.croner.push(rate_on(budget, || successors(croner_after(&there), croner_after)));
        anywhere.ours.push(rate_anywhere(budget, &instants, ours_after));
        anywhere.croner.push(rate_anywhere(budget, &instants_there, croner_after));
        if let Some(cron) = &cron {
            on.cron.push(rate_on(budget, || cron.after(&there)));
            anywhere.cron.push(rate_anywhere(budget, &instants_there, |at| cron.after(at).next()));
        }
    }
    on.fill(case, "on", table);
    anywhere.fill(&Case { bar: None, ..*case }, "anywhere", table);

    let differing = |peer: &dyn Fn(&DateTime<Z>) -> Option<DateTime<Z>>| {
        let same = |(ours, there): &(&DateTime<Utc>, &DateTime<Z>)| {
            ours_after(ours) == peer(there).map(|at| at.to_utc())
        };
        instants.iter().zip(&instants_there).filter(|pair| !same(pair)).count()
    };
    note_differing("croner", differing(&croner_after), case, table);
    if let Some(cron) = &cron {
        note_differing("cron", differing(&|at| cron.after(at).next()), case, table);
    }
    Ok(())
}

fn note_differing(peer: &str, differing: usize, case: &Case, table: &mut Table) {
    if differing > 0 {
        table.note(format!("{}: {peer} answers otherwise for {differing} of {INSTANTS} instants", case.what));
    }
}

/// Answers a second, each asked with the last.
fn rate_on<Z: TimeZone, I: Iterator<Item = DateTime<Z>>>(
    budget: Duration,
    from_start: impl Fn() -> I,
) -> f64 {
    let end = year(2038);
    let mut answers = from_start();
    repeat(budget, || match answers.next() {
        Some(at) if at < end => drop(black_box(at)),
        _ => answers = from_start(),
    })
}

/// Answers a second, asked in no order.
fn rate_anywhere<Z: TimeZone>(
    budget: Duration,
    instants: &[DateTime<Z>],
    next_after: impl Fn(&DateTime<Z>) -> Option<DateTime<Z>>,
) -> f64 {
    let mut place = 0;
    repeat(budget, || {
        drop(black_box(next_after(&instants[place])));
        place = (place + 1) % INSTANTS;
    })
}

fn repeat(budget: Duration, mut ask: impl FnMut()) -> f64 {
    const BETWEEN_LOOKS: usize = 500;
    let watch = Stopwatch::start();
    let mut asked = 0;
    while watch.elapsed() < budget {
        (0..BETWEEN_LOOKS).for_each(|_| ask());
        asked += BETWEEN_LOOKS;
    }
    watch.rate(asked)
}

fn instants() -> Vec<DateTime<Utc>> {
    let mut random = fastrand::Rng::with_seed(1);
    let span = (year(2038) - year(2026)).num_seconds();
    (0..INSTANTS).map(|_| year(2026) + TimeDelta::seconds(random.i64(0..span))).collect()
}

fn year(year: i32) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(year, 1, 1, 0, 0, 0).single().expect("a year begins once")
}

#[derive(Debug, Default)]
struct Rates {
    ours: Vec<f64>,
    croner: Vec<f64>,
    cron: Vec<f64>,
}

impl Rates {
    fn fill(self, case: &Case, mode: &str, table: &mut Table) {
        let what = |who: &str| format!("{}, {mode}: {who}", case.what);
        let mut peers = self.croner.clone();
        peers.iter_mut().zip(&self.cron).for_each(|(best, cron)| *best = best.max(*cron));
        let ratio = Figure::ratio(what("apsched / best peer"), &self.ours, &peers).at_least(1.0, 1.0);
        let ours = Figure::new(what("apsched"), Unit::PerSecond, self.ours);
        table.push(match case.bar {
            Some((first, goal)) => ours.at_least(first, goal),
            None => ours,
        });
        table.push(Figure::new(what("croner"), Unit::PerSecond, self.croner));
        if !self.cron.is_empty() {
            table.push(Figure::new(what("cron"), Unit::PerSecond, self.cron));
        }
        table.push(ratio);
    }
}
