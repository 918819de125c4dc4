//! How does a job go on when the claim on it ends? Pure; every store asks it in the transaction that writes.
//!
//! The worker's report has been turned into a [`Release`] before; here is what it means for the job as it stands in the
//! store, which may have been asked to stop meanwhile. A job whose worker vanished goes the same way.

use chrono::{DateTime, Utc};

use super::{FinishedAttempt, Job, JobState, Release};
use crate::event::{Event, EventInterest, EventType, JobRequeued};
use crate::job::CancelRequest;

/// What is to be written of a job on which a claim has ended.
#[derive(Clone, Debug)]
pub enum ClaimEnd {
    /// It leaves the queue.
    Gone(FinishedAttempt),
    /// It waits again, as the job now says; and what is told of that.
    Queued(Option<Event>),
}

/// What is to be written when a user asks for a job's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelStep {
    /// It has not begun, and leaves the queue as cancelled.
    End,
    /// It runs: its worker is asked to stop it.
    AskWorker,
    /// Its worker has been asked.
    Nothing,
}

impl CancelStep {
    /// What a user's wish means for a job in this state.
    #[must_use]
    pub const fn of(state: JobState, cancel: CancelRequest) -> Self {
        match (state, cancel) {
            (JobState::Queued, _) => Self::End,
            (JobState::Running, CancelRequest::None) => Self::AskWorker,
            (JobState::Running, CancelRequest::Requested) | (JobState::Finished(_), _) => Self::Nothing,
        }
    }
}

impl Job {
    /// Ends the claim on the job. One that was asked to stop is not queued again.
    ///
    /// The lease stays on a job that is [`Gone`](ClaimEnd::Gone), so that it can be told who held it.
    #[must_use]
    pub fn end_claim(&mut self, release: Release, now: DateTime<Utc>, interest: EventInterest) -> ClaimEnd {
        match release.heeding(self.cancel, now) {
            Release::Finish(end) => ClaimEnd::Gone(end),
            Release::RunAgain { run_at, attempt } => {
                self.run_again(run_at, attempt);
                let told = || JobRequeued::new(self.id, self.task_id.clone(), run_at, attempt).into();
                ClaimEnd::Queued(interest.includes(JobRequeued::INTEREST).then(told))
            }
            Release::HandBack => {
                self.hand_back();
                ClaimEnd::Queued(None)
            }
        }
    }

    /// Takes the job from a worker that vanished, which is refused from now on should it come back; gives what follows.
    ///
    /// `random` is uniform in `[0, 1)`; it spreads the backoff.
    #[must_use]
    pub fn recover(&mut self, now: DateTime<Utc>, random: f64) -> Release {
        self.token = self.token.next();
        Release::recover(self, now, random)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::id::{ExecutorName, JobId, SchedulerId, SchedulerName, TaskId};
    use crate::job::{JobOutcome, JobSettings, Retry};
    use crate::lease::{Lease, LeaseToken};
    use crate::metadata::Metadata;
    use crate::payload::Payload;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_767_225_600 + seconds, 0).unwrap()
    }

    fn running(retry: Retry) -> Job {
        let settings = JobSettings {
            job_executor: ExecutorName::new("async").unwrap(),
            retry,
            timeout: None,
            priority: 0,
            result_expiration_time: Duration::ZERO,
            metadata: Metadata::empty(),
        };
        let id = JobId::from(uuid::Uuid::from_u128(1));
        let job = Job::new(id, TaskId::new("task").unwrap(), Payload::unit(), Arc::new(settings), at(0));
        let holder = SchedulerId::new(SchedulerName::new("a").unwrap(), 1);
        let token = LeaseToken::new(1);
        Job {
            attempt: 1,
            token,
            start_deadline: Some(at(5)),
            lease: Some(Lease { holder, token, until: at(30) }),
            ..job
        }
    }

    #[test]
    fn a_job_that_runs_again_waits_without_its_deadline_and_is_told() {
        let mut job = running(Retry::none());
        let again = Release::RunAgain { run_at: at(7), attempt: 1 };
        let end = job.end_claim(again, at(2), EventInterest::ALL);
        assert!(matches!(end, ClaimEnd::Queued(Some(Event::JobRequeued(_)))), "{end:?}");
        assert_eq!((job.state(), job.run_at, job.start_deadline), (JobState::Queued, at(7), None));
    }

    #[test]
    fn a_job_that_is_handed_back_is_as_it_was_and_nothing_is_told() {
        let mut job = running(Retry::none());
        let end = job.end_claim(Release::HandBack, at(2), EventInterest::ALL);
        assert!(matches!(end, ClaimEnd::Queued(None)), "{end:?}");
        assert_eq!((job.attempt, job.start_deadline, job.run_at), (0, Some(at(5)), at(0)));
    }

    #[test]
    fn a_job_that_was_asked_to_stop_is_gone_though_it_was_to_run_again() {
        for release in [Release::HandBack, Release::RunAgain { run_at: at(7), attempt: 1 }] {
            let mut job = Job { cancel: CancelRequest::Requested, ..running(Retry::none()) };
            match job.end_claim(release, at(2), EventInterest::ALL) {
                ClaimEnd::Gone(end) => assert_eq!(end.outcome, JobOutcome::Cancelled),
                queued => panic!("{queued:?}"),
            }
            assert!(job.lease.is_some(), "it can be told who held it");
        }
    }

    #[test]
    fn a_vanished_worker_is_refused_and_its_job_is_tried_again_or_abandoned() {
        let mut job = running(Retry::none());
        match job.recover(at(40), 0.0) {
            Release::Finish(end) => assert_eq!(end.outcome, JobOutcome::Abandoned),
            again => panic!("{again:?}"),
        }
        assert_eq!(job.token, LeaseToken::new(2));
    }

    #[test]
    fn a_wish_for_the_end_is_done_at_once_or_passed_on_once() {
        use CancelRequest::{None, Requested};
        assert_eq!(CancelStep::of(JobState::Queued, None), CancelStep::End);
        assert_eq!(CancelStep::of(JobState::Queued, Requested), CancelStep::End);
        assert_eq!(CancelStep::of(JobState::Running, None), CancelStep::AskWorker);
        assert_eq!(CancelStep::of(JobState::Running, Requested), CancelStep::Nothing);
        assert_eq!(CancelStep::of(JobState::Finished(JobOutcome::Success), None), CancelStep::Nothing);
    }
}
