//! What cases look at: events by type, ids, releases, and whether two things are alike.

use apsched_core::event::{Event, EventType};
use apsched_core::job::{CancelRequest, FinishedAttempt, JobRelease, Release};
use apsched_core::lease::LeaseToken;
use apsched_core::store::{ClaimedSchedule, HeldJob};
use apsched_core::{Job, JobId, JobOutcome, Schedule};
use chrono::{DateTime, Utc};

/// The events of one type.
pub(crate) fn all<E: EventType>(events: &[Event]) -> Vec<E> {
    events.iter().filter_map(E::of).cloned().collect()
}

/// The only event of one type.
pub(crate) fn only<E: EventType + std::fmt::Debug>(events: &[Event]) -> E {
    let mut found = all::<E>(events);
    assert_eq!(found.len(), 1, "one such event: {found:?} among {events:?}");
    found.remove(0)
}

/// The events that tell a user something: all but wake-ups.
pub(crate) fn news(events: &[Event]) -> Vec<&Event> {
    events.iter().filter(|event| !matches!(event, Event::Wakeup(_))).collect()
}

pub(crate) fn ids(jobs: &[Job]) -> Vec<JobId> {
    jobs.iter().map(|job| job.id).collect()
}

pub(crate) fn schedule_ids(acquired: &[ClaimedSchedule]) -> Vec<&str> {
    acquired.iter().map(|acquired| acquired.schedule.id.as_str()).collect()
}

/// The claim under which a job was acquired.
pub(crate) const fn held(job: &Job) -> HeldJob {
    HeldJob::new(job.id, job.token)
}

pub(crate) const fn release_of(job: &Job, release: Release) -> JobRelease {
    JobRelease { job_id: job.id, token: job.token, release }
}

pub(crate) const fn finished(outcome: JobOutcome, now: DateTime<Utc>) -> Release {
    Release::Finish(FinishedAttempt {
        outcome,
        value: None,
        error: None,
        started_at: Some(now),
        finished_at: now,
    })
}

/// Checks that two jobs are alike in every field; payloads by value, tokens not at all: they only have to grow.
pub(crate) fn assert_same_job(found: &Job, expected: &Job) {
    let shown = |job: &Job| format!("{:#?}", Job { token: LeaseToken::default(), ..job.clone() });
    assert_eq!(shown(found), shown(expected));
    assert!(found.payload.is_same_value(&expected.payload), "the payload of {} is as it was", found.id);
}

/// Checks that two schedules are alike in every field; payloads by value, tokens not at all: they only have to grow.
pub(crate) fn assert_same_schedule(found: &Schedule, expected: &Schedule) {
    let shown =
        |schedule: &Schedule| format!("{:#?}", Schedule { token: LeaseToken::default(), ..schedule.clone() });
    assert_eq!(shown(found), shown(expected));
    assert!(found.payload.is_same_value(&expected.payload), "the payload of {} is as it was", found.id);
}

/// Whether the job was asked to stop.
pub(crate) const fn is_asked_to_stop(job: &Job) -> bool {
    matches!(job.cancel, CancelRequest::Requested)
}
