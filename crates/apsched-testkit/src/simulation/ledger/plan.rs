//! What a plan must look like, worked out the slow way: by walking every fire time.

use chrono::{DateTime, Utc};

use apsched_core::schedule::{ScheduleAdvance, ScheduleRelease};
use apsched_core::trigger::Trigger;
use apsched_core::{Coalesce, Schedule, TriggerError, instant};

use crate::simulation::breach::{Check, Checked, ensure};

/// Most fire times that are walked; scenarios stay far below.
const MOST_FIRE_TIMES: usize = 100_000;

/// Compares the plan with the fire times due at `planned_at`.
pub(super) fn check(schedule: &Schedule, release: &ScheduleRelease, planned_at: DateTime<Utc>) -> Checked {
    let name = &schedule.id;
    let is_refused =
        matches!(release.advance, ScheduleAdvance::Quarantine(_)) && stumbles(schedule, planned_at);
    let expected = match expected(schedule, planned_at) {
        Ok(_) if is_refused => return Ok(()),
        Ok(expected) => expected,
        Err(error) => {
            // What it has told before is due and not lost.
            let is_due = schedule.next_fire_time.is_some_and(|at| at <= planned_at);
            let has_jobs = is_due && schedule.fires_left() != Some(0);
            let is_quarantined = matches!(release.advance, ScheduleAdvance::Quarantine(_))
                && release.jobs.is_empty() != has_jobs;
            return ensure(is_quarantined, Check::NothingBadSpreads, || {
                format!("schedule {name}: its trigger fails ({error}), planned was {release:?}")
            });
        }
    };
    let planned: Vec<_> = release.jobs.iter().filter_map(|job| job.fire_time).collect();
    ensure(planned == expected.fire_times, Check::NoFireTimeLost, || {
        format!(
            "schedule {name}, planned at {planned_at}: fire times {planned:?}, expected {:?}",
            expected.fire_times
        )
    })?;
    let advance = ScheduleAdvance::To { next_fire_time: expected.next, cut_off: expected.cut_off };
    ensure(release.advance == advance, Check::NoFireTimeLost, || {
        format!("schedule {name}, planned at {planned_at}: {:?}, expected {advance:?}", release.advance)
    })?;
    for job in &release.jobs {
        let jitter =
            job.fire_time.map(|fire_time| instant::between(fire_time, job.run_at)).unwrap_or_default();
        let is_within = job.fire_time.is_some_and(|fire_time| job.run_at >= fire_time);
        ensure(is_within && jitter <= schedule.settings.max_jitter, Check::NeverTooEarly, || {
            format!("schedule {name}: {:?} is due at {}", job.fire_time, job.run_at)
        })?;
    }
    Ok(())
}

struct Expected {
    fire_times: Vec<DateTime<Utc>>,
    next: Option<DateTime<Utc>>,
    cut_off: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

fn expected(schedule: &Schedule, now: DateTime<Utc>) -> Result<Expected, TriggerError> {
    let settings = &schedule.settings;
    let first = schedule.next_fire_time.filter(|at| *at <= now);
    let Some(first) = first else {
        return Ok(Expected { fire_times: Vec::new(), next: schedule.next_fire_time, cut_off: None });
    };
    let (due, next) = walk(&schedule.trigger, first, now)?;
    let left = schedule.fires_left().map_or(usize::MAX, |left| usize::try_from(left).unwrap_or(usize::MAX));
    let most = match settings.coalesce {
        Coalesce::All => usize::try_from(settings.max_catch_up.max(1)).unwrap_or(usize::MAX),
        Coalesce::Latest | Coalesce::Earliest => 1,
    };
    let most = most.min(left);
    let fire_times = match settings.coalesce {
        Coalesce::Latest => due.iter().rev().take(most).copied().collect(),
        Coalesce::All | Coalesce::Earliest => due.iter().take(most).copied().collect::<Vec<_>>(),
    };
    let is_over = left <= fire_times.len();
    let cut_off =
        due.get(fire_times.len()..).filter(|rest| !rest.is_empty() && settings.coalesce == Coalesce::All);
    let cut_off = cut_off.and_then(|rest| Some((*rest.first()?, *rest.last()?)));
    Ok(Expected { fire_times, next: next.filter(|_| !is_over), cut_off: cut_off.filter(|_| !is_over) })
}

/// Whether the trigger fails at a question that a plan may ask without walking.
fn stumbles(schedule: &Schedule, now: DateTime<Utc>) -> bool {
    schedule.trigger.next_after(now).map_or(true, |next| next.is_some_and(|next| next <= now))
}

/// Fire times, and the one after them.
type Walked = (Vec<DateTime<Utc>>, Option<DateTime<Utc>>);

/// The fire times from `first` up to `until`, and the one after them.
pub(super) fn walk(
    trigger: &impl Trigger,
    first: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Walked, TriggerError> {
    let mut due = Vec::new();
    let mut next = Some(first);
    while let Some(at) = next.filter(|at| *at <= until && due.len() < MOST_FIRE_TIMES) {
        due.push(at);
        next = trigger.next_after(at)?;
        if let Some(answer) = next.filter(|next| *next <= at) {
            return Err(TriggerError::WentBackwards {
                trigger: trigger.to_string().into(),
                after: at,
                answer,
            });
        }
    }
    Ok((due, next))
}
