//! How does an acquired schedule become jobs? Pure: `now` and randomness are arguments.
//!
//! The plan is the due fire times, each made a job with its jitter and start deadline, and the schedule's advance. A
//! store writes all of it in one transaction, if token and revision still match, and applies the
//! [`Overlap`](super::Overlap) there, where it can see the schedule's earlier jobs. A crash before or after therefore
//! leaves each fire time with exactly one job.
//!
//! A trigger that fails quarantines its own schedule and nothing else.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{DueLimits, Overlap, Revision, Schedule, due_fire_times, jittered, start_deadline};
use crate::id::{JobIds, ScheduleId};
use crate::job::{Job, JobSettings};
use crate::lease::LeaseToken;
use crate::task::TaskDefinition;

/// What a scheduler makes of a schedule it acquired; written in one transaction or not at all.
#[derive(Clone, Debug)]
pub struct ScheduleRelease {
    /// The schedule.
    pub schedule_id: ScheduleId,
    /// The claim under which this was planned.
    pub token: LeaseToken,
    /// The definition it was planned from.
    pub revision: Revision,
    /// What happens when an earlier job is still there.
    pub overlap: Overlap,
    /// One job for each fire time, oldest first.
    pub jobs: Vec<Job>,
    /// How the schedule goes on.
    pub advance: ScheduleAdvance,
}

/// How a schedule goes on after a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScheduleAdvance {
    /// To its next fire time.
    To {
        /// The next fire time; `None`: finished.
        next_fire_time: Option<DateTime<Utc>>,
        /// Due fire times that were passed over by `max_catch_up`: first and last.
        cut_off: Option<(DateTime<Utc>, DateTime<Utc>)>,
    },
    /// Nowhere: it cannot be planned.
    Quarantine(Arc<str>),
}

/// Plans the jobs of an acquired schedule that are due at `now`.
#[must_use]
pub fn plan(
    schedule: &Schedule,
    task: &TaskDefinition,
    now: DateTime<Utc>,
    ids: &mut JobIds,
    random: &mut fastrand::Rng,
) -> ScheduleRelease {
    let settings = &schedule.settings;
    let limits = DueLimits {
        coalesce: settings.coalesce,
        max_catch_up: settings.max_catch_up,
        fires_left: schedule.fires_left(),
    };
    let release = |jobs, advance| ScheduleRelease {
        schedule_id: schedule.id.clone(),
        token: schedule.token,
        revision: schedule.revision,
        overlap: settings.overlap(),
        jobs,
        advance,
    };
    let Some(next_fire_time) = schedule.next_fire_time else {
        return release(Vec::new(), ScheduleAdvance::To { next_fire_time: None, cut_off: None });
    };
    let due = match due_fire_times(&schedule.trigger, next_fire_time, now, limits) {
        Ok(due) => due,
        Err(error) => {
            return release(Vec::new(), ScheduleAdvance::Quarantine(Arc::from(error.to_string())));
        }
    };
    let job_settings = Arc::new(JobSettings::of_scheduled(settings, task));
    let grace = settings.misfire_grace_time.unwrap_or(task.misfire_grace_time);
    let end = schedule.trigger.end_time();
    let followers = due.fire_times.iter().skip(1).copied().map(Some);
    let followers = followers.chain(std::iter::once(due.next_fire_time));
    let jobs = due.fire_times.iter().zip(followers).map(|(&fire_time, following)| {
        let run_at = jittered(fire_time, settings.max_jitter, following, end, random.f64());
        Job {
            fire_time: Some(fire_time),
            run_at,
            start_deadline: start_deadline(run_at, grace),
            ..job_of(schedule, job_settings.clone(), now, ids)
        }
    });
    let jobs = jobs.collect();
    release(jobs, ScheduleAdvance::To { next_fire_time: due.next_fire_time, cut_off: due.cut_off })
}

/// The job of a schedule that a user runs by hand at `now`: no fire time, no deadline, next fire time untouched.
#[must_use]
pub fn job_by_hand(schedule: &Schedule, task: &TaskDefinition, now: DateTime<Utc>, ids: &mut JobIds) -> Job {
    job_of(schedule, Arc::new(JobSettings::of_scheduled(&schedule.settings, task)), now, ids)
}

fn job_of(schedule: &Schedule, settings: Arc<JobSettings>, now: DateTime<Utc>, ids: &mut JobIds) -> Job {
    Job {
        schedule_id: Some(schedule.id.clone()),
        ..Job::new(ids.next(now), schedule.task_id.clone(), schedule.payload.clone(), settings, now)
    }
}
