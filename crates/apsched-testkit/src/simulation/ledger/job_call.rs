//! What schedulers and users do to jobs, and what the store says of them afterwards.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use apsched_core::job::{FinishedAttempt, JobStatus, Release};
use apsched_core::lease::LeaseToken;
use apsched_core::store::{AcquireJobs, ExtendLeases, LeaseReport, Recover, ReleaseJobs, Released};
use apsched_core::{AttemptEnd, DataStore, Job, JobId, JobOutcome, SchedulerId, TaskId, instant};

use super::Ledger;
use super::job::JobEntry;
use crate::simulation::breach::{Check, Checked, Violation, ensure};
use crate::simulation::probe;

/// Whether the claim on a job may have been taken from its holder by what was just done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::simulation) enum Claims {
    Stay,
    MayEnd,
}

impl Ledger {
    /// A job that somebody is about to write.
    pub(in crate::simulation) fn propose(&mut self, job: &Job) {
        let has_room = self.limits.get(&job.task_id) == Some(&None);
        self.jobs.entry(job.id).or_insert_with(|| JobEntry {
            has_room,
            job: job.clone(),
            committed_at: None,
            held: None,
            outcome: None,
            token: job.token,
            run_at: job.run_at,
            queued_at: job.run_at,
            is_cancelled: false,
            starts: 0,
            snoozes: 0,
            claims: 0,
            attempts: Vec::new(),
        });
    }

    /// A job that was written.
    pub(in crate::simulation) fn commit<S: DataStore>(
        &mut self,
        store: &S,
        id: JobId,
        now: DateTime<Utc>,
    ) -> Checked {
        if let Some(entry) = self.jobs.get_mut(&id)
            && entry.committed_at.is_none()
        {
            entry.committed_at = Some(now);
            entry.queued_at = entry.run_at.max(now);
            self.unfinished.insert(id);
            self.tally.jobs += 1;
        }
        self.look_up(store, id, Claims::Stay)
    }

    pub(in crate::simulation) fn unfinished(&self) -> impl Iterator<Item = &JobEntry> {
        self.unfinished.iter().filter_map(|id| self.jobs.get(id))
    }

    fn live_leases(&self, task: &TaskId, now: DateTime<Utc>) -> usize {
        let held = self.held.iter().filter_map(|id| self.jobs.get(id));
        held.filter(|entry| entry.job.task_id == *task)
            .filter(|entry| entry.held.as_ref().is_some_and(|held| held.until > now))
            .count()
    }

    // ----- calls -----

    pub(in crate::simulation) fn jobs_acquired(&mut self, request: &AcquireJobs, jobs: &[Job]) -> Checked {
        ensure(jobs.len() <= request.limit, Check::LimitHolds, || {
            format!("{} jobs were given out where {} were asked for", jobs.len(), request.limit)
        })?;
        for job in jobs {
            let Some(entry) = self.jobs.get_mut(&job.id) else {
                return Err(Violation::new(
                    Check::OneJobPerFireTime,
                    format!("job {} was never added", job.id),
                ));
            };
            entry.acquired(request, job)?;
            self.held.insert(job.id);
        }
        let tasks: BTreeSet<&TaskId> = jobs.iter().map(|job| &job.task_id).collect();
        for task in tasks {
            let live = self.live_leases(task, request.now);
            let limit = self.limits.get(task).copied().unwrap_or(Some(1));
            ensure(limit.is_none_or(|limit| live <= limit as usize), Check::LimitHolds, || {
                format!("{live} jobs of task {task} hold a live lease, allowed are {limit:?}")
            })?;
        }
        Ok(())
    }

    pub(in crate::simulation) fn leases_extended(
        &mut self,
        request: &ExtendLeases,
        report: &LeaseReport,
    ) -> Checked {
        let until = instant::after(request.now, request.lease);
        let mut lost = Vec::new();
        for job in &request.jobs {
            let held = self.jobs.get_mut(&job.job_id).and_then(|entry| entry.held.as_mut());
            match held.filter(|held| held.is_by(&request.scheduler_id, job.token)) {
                Some(held) => held.until = until,
                None => lost.push(job.job_id),
            }
        }
        self.same_losses(&lost, &report.lost, "prolong")
    }

    pub(in crate::simulation) fn jobs_released<S: DataStore>(
        &mut self,
        store: &S,
        request: &ReleaseJobs,
        released: &Released<JobId>,
        now: DateTime<Utc>,
    ) -> Checked {
        let mut lost = Vec::new();
        let mut written = Vec::new();
        for release in request.releases.iter() {
            let Some(entry) = self.jobs.get_mut(&release.job_id) else { continue };
            if entry.held.as_ref().is_none_or(|held| !held.is_by(&request.scheduler_id, release.token)) {
                lost.push(release.job_id);
                continue;
            }
            entry.released(release, now)?;
            self.held.remove(&release.job_id);
            written.push(release);
        }
        self.tally.refused += lost.len() as u64;
        self.same_losses(&lost, &released.lost, "release")?;
        for release in written {
            self.look_up(store, release.job_id, Claims::Stay)?;
            let entry = &self.jobs[&release.job_id];
            let outcome = match &release.release {
                Release::Finish(FinishedAttempt { outcome, .. }) => Some(*outcome),
                Release::RunAgain { .. } | Release::HandBack => {
                    entry.is_cancelled.then_some(JobOutcome::Cancelled)
                }
            };
            ensure(entry.outcome == outcome, Check::OutcomeIsTrue, || {
                format!("{entry} was released as {outcome:?}, and is kept as {:?}", entry.outcome)
            })?;
        }
        Ok(())
    }

    pub(in crate::simulation) fn jobs_recovered<S: DataStore>(
        &mut self,
        store: &S,
        request: &Recover,
        keeps_its_leases: impl Fn(&SchedulerId) -> bool,
    ) -> Checked {
        for id in self.held.clone() {
            let Some(held) = self.jobs.get(&id).and_then(|entry| entry.held.clone()) else { continue };
            self.look_up(store, id, Claims::MayEnd)?;
            let entry = &self.jobs[&id];
            if entry.held.is_some() {
                continue;
            }
            self.tally.recovered += 1;
            let is_expired = held.until <= request.now;
            let is_predecessor = request.scheduler_id.is_other_run_of(&held.holder);
            ensure(is_expired || is_predecessor, Check::LeaseIsExclusive, || {
                format!("{entry} was taken from {} before its lease had expired", held.holder)
            })?;
            ensure(is_predecessor || !keeps_its_leases(&held.holder), Check::LeaseIsRenewed, || {
                format!("{entry} was taken from {}, which lives and had no trouble", held.holder)
            })?;
            let has_attempt_left = entry.claims < entry.max_attempts();
            let is_right = match entry.outcome {
                None => has_attempt_left && !entry.is_cancelled,
                Some(JobOutcome::Abandoned) => !has_attempt_left,
                Some(outcome) => outcome == JobOutcome::Cancelled && entry.is_cancelled,
            };
            ensure(is_right, Check::OutcomeIsTrue, || {
                format!("{entry} was taken back in attempt {}, now it is {:?}", entry.claims, entry.outcome)
            })?;
        }
        self.deadlines_passed(store, request)
    }

    /// A queued job that was not attempted ends when its start deadline has passed; others do not.
    fn deadlines_passed<S: DataStore>(&mut self, store: &S, request: &Recover) -> Checked {
        let has_passed = |entry: &JobEntry| {
            let is_queued = entry.committed_at.is_some() && entry.held.is_none() && entry.outcome.is_none();
            is_queued && entry.job.start_deadline.is_some_and(|deadline| deadline < request.now)
        };
        let late = self.jobs.iter().filter(|(_, entry)| has_passed(entry)).map(|(id, _)| *id);
        for id in late.collect::<Vec<JobId>>() {
            self.look_up(store, id, Claims::Stay)?;
            let entry = &self.jobs[&id];
            let was_attempted = entry.claims > 0 || entry.snoozes > 0;
            let expected = (!was_attempted).then_some(JobOutcome::MissedStartDeadline);
            ensure(entry.outcome == expected, Check::OutcomeIsTrue, || {
                format!("{entry} has missed its deadline, expected {expected:?}, found {:?}", entry.outcome)
            })?;
        }
        Ok(())
    }

    pub(in crate::simulation) fn cancel_asked<S: DataStore>(&mut self, store: &S, id: JobId) -> Checked {
        if let Some(entry) = self.jobs.get_mut(&id)
            && entry.outcome.is_none()
        {
            entry.is_cancelled = true;
            self.look_up(store, id, Claims::Stay)?;
            let entry = &self.jobs[&id];
            ensure(entry.held.is_some() || entry.outcome.is_some(), Check::CancelHolds, || {
                format!("{entry} was queued and cancelled, and has not ended")
            })?;
        }
        Ok(())
    }

    fn same_losses(&self, expected: &[JobId], found: &[JobId], what: &str) -> Checked {
        let name = |id: &JobId| self.jobs.get(id).map_or_else(|| id.to_string(), ToString::to_string);
        if let Some(stale) = expected.iter().find(|id| !found.contains(id)) {
            let what = format!("{what} {}: accepted under a claim that no longer holds", name(stale));
            return Err(Violation::new(Check::NoStaleWrite, what));
        }
        if let Some(refused) = found.iter().find(|id| !expected.contains(id)) {
            let what = format!("{what} {}: refused although the claim holds", name(refused));
            return Err(Violation::new(Check::LeaseIsExclusive, what));
        }
        Ok(())
    }

    // ----- handlers -----

    pub(in crate::simulation) fn started(&mut self, job: &Job, now: DateTime<Utc>) -> Checked {
        let Some(entry) = self.jobs.get_mut(&job.id) else { return Ok(()) };
        entry.starts += 1;
        entry.attempts.push((job.token, None));
        let most = entry.max_attempts() + entry.snoozes;
        ensure(entry.starts <= most, Check::NoExtraStart, || {
            format!("{entry} has started {} times, {most} are allowed", entry.starts)
        })?;
        let Some((bound, check)) = self.bounds.start.filter(|_| entry.has_room) else {
            return Ok(());
        };
        let late = instant::between(entry.queued_at, now);
        ensure(late <= bound, check, || format!("{entry} started {late:?} late, {bound:?} are allowed"))
    }

    pub(in crate::simulation) fn ended(&mut self, id: JobId, token: LeaseToken, end: AttemptEnd) {
        if let Some(entry) = self.jobs.get_mut(&id) {
            match entry.attempts.iter_mut().find(|(attempt, _)| *attempt == token) {
                Some(attempt) => attempt.1 = Some(end),
                None => entry.attempts.push((token, Some(end))),
            }
        }
    }

    pub(in crate::simulation) fn holds(&self, id: JobId, holder: &SchedulerId, token: LeaseToken) -> bool {
        let held = self.jobs.get(&id).and_then(|entry| entry.held.as_ref());
        held.is_some_and(|held| held.is_by(holder, token))
    }

    // ----- the store's word -----

    /// Compares a job with what the store says of it, and takes over what it may have decided.
    pub(in crate::simulation) fn look_up<S: DataStore>(
        &mut self,
        store: &S,
        id: JobId,
        claims: Claims,
    ) -> Checked {
        let status = probe::read(store.job_status(id))?;
        let Some(entry) = self.jobs.get_mut(&id) else { return Ok(()) };
        if entry.committed_at.is_none() {
            return ensure(matches!(status, JobStatus::Unknown), Check::OneJobPerFireTime, || {
                format!("{entry} is in the store, but was not written")
            });
        }
        match status {
            JobStatus::Active(job) => {
                ensure(entry.outcome.is_none(), Check::OutcomeIsTrue, || {
                    format!("{entry} ended as {:?}, and is queued again", entry.outcome)
                })?;
                match (&entry.held, &job.lease) {
                    (Some(held), Some(lease)) if held.is(lease) => {}
                    (None, None) => {}
                    (Some(_), None) if claims == Claims::MayEnd => {
                        entry.held = None;
                        entry.queued_at = job.run_at.max(entry.queued_at);
                    }
                    (held, lease) => {
                        let what = format!("{entry} is held by {lease:?}, expected {held:?}");
                        return Err(Violation::new(Check::LeaseIsExclusive, what));
                    }
                }
                entry.run_at = job.run_at;
                entry.token = entry.token.max(job.token);
            }
            JobStatus::Finished(result) => {
                ensure(entry.held.is_none() || claims == Claims::MayEnd, Check::LeaseIsExclusive, || {
                    format!("{entry} ended as {} while {:?} held it", result.outcome, entry.held)
                })?;
                let before = entry.outcome.replace(result.outcome);
                ensure(before.is_none_or(|before| before == result.outcome), Check::OutcomeIsTrue, || {
                    format!("{entry} ended as {before:?}, now it is {}", result.outcome)
                })?;
                entry.held = None;
            }
            JobStatus::Unknown => {
                return Err(Violation::new(
                    Check::CommittedWorkEnds,
                    format!("{entry} is gone without an outcome"),
                ));
            }
        }
        if entry.held.is_none() {
            self.held.remove(&id);
        }
        if entry.outcome.is_some() {
            self.unfinished.remove(&id);
        }
        Ok(())
    }
}
