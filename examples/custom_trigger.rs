//! A trigger of your own: fires when another trigger does, except on holidays.
//!
//! cargo run --example custom_trigger

use std::collections::BTreeSet;
use std::fmt;

use apsched::prelude::*;
use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};

/// Fires when `when` does, except on these days. A value: no state, no clock, and it can be written and read.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct ExceptOn {
    when: AnyTrigger,
    holidays: BTreeSet<NaiveDate>,
    zone: Tz,
}

impl Trigger for ExceptOn {
    /// The first fire time after `after`: every call is a new question, and the same question has the same answer.
    fn next_after(&self, mut after: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, TriggerError> {
        while let Some(fire_time) = self.when.next_after(after)? {
            let day = fire_time.with_timezone(&self.zone).date_naive();
            if !self.holidays.contains(&day) {
                return Ok(Some(fire_time));
            }
            // One question a holiday, however often `when` fires on it.
            let midnight = (day + Days::new(1))
                .and_hms_opt(0, 0, 0)
                .and_then(|it| it.and_local_timezone(self.zone).earliest());
            after = midnight
                .map_or(fire_time, |midnight| fire_time.max(midnight.to_utc() - Duration::from_micros(1)));
        }
        Ok(None)
    }
}

impl fmt::Display for ExceptOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, except on {} holidays", self.when, self.holidays.len())
    }
}

impl CustomTrigger for ExceptOn {
    /// Under this name it is stored.
    const NAME: &'static str = "except-on";
}

#[apsched::task]
async fn report(job: JobContext) {
    println!("  reported at {}", job.now().format("%H:%M:%S"));
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let zone = Tz::Europe__Berlin;
    let weekdays = CronTrigger::from_crontab("0 9 * * mon-fri")?.with_timezone(zone);
    let holidays =
        ["2026-12-24", "2026-12-25", "2026-12-31", "2027-01-01"].map(|day| day.parse::<NaiveDate>());
    let holidays = holidays.into_iter().collect::<Result<BTreeSet<_>, _>>()?;

    println!("Around the turn of the year it fires on:");
    let trigger = ExceptOn { when: weekdays.into(), holidays: holidays.clone(), zone };
    for fire_time in trigger.between("2026-12-22T00:00:00Z".parse()?, "2027-01-05T00:00:00Z".parse()?) {
        println!("  {}", fire_time?.with_timezone(&zone).format("%a %-d %b %Y, %H:%M"));
    }
    println!("It is stored as:\n  {}", serde_json::to_string(&AnyTrigger::from(trigger))?);

    // Registered by name, so that a schedule with it can be read back from a store.
    let scheduler =
        Scheduler::builder().task(report).custom_trigger::<ExceptOn>().start_in_background().await?;
    println!("And now each second, unless today is a holiday:");
    let trigger = ExceptOn { when: IntervalTrigger::every(1.seconds()).into(), holidays, zone };
    scheduler.add_schedule(report, (), trigger).max_fires(3).await?;
    tokio::time::sleep(3_200.milliseconds()).await;
    scheduler.shutdown(1.seconds()).await;
    Ok(())
}
