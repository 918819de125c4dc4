//! What handlers do: nothing but take their time, and end somehow.

use std::time::Duration;

use apsched_core::engine::{Input, StopReason};
use apsched_core::job::JobReport;
use apsched_core::lease::LeaseToken;
use apsched_core::store::HeldJob;
use apsched_core::{AttemptEnd, DataStore, Job, JobId, RetryAdvice};

use super::breach::{Check, Checked, ensure};
use super::process::{Arrival, Manner, RunningAttempt};
use super::scenario::JobKind;
use super::world::{Happening, Phase, World};

impl<S: DataStore> World<S> {
    pub(super) fn start_jobs(&mut self, number: usize, jobs: Vec<Job>) -> Checked {
        for job in jobs {
            let process = &self.processes[number];
            let now = process.now(self.now);
            ensure(
                job.lease.as_ref().is_some_and(|lease| lease.until > now),
                Check::StartsWithinLease,
                || format!("{} starts job {} at {now} under the lease {:?}", process.id, job.id, job.lease),
            )?;
            let mut attempt = RunningAttempt {
                job_id: job.id,
                token: job.token,
                started_at: now,
                end: AttemptEnd::MissedStartDeadline,
                manner: if self.random.u8(0..5) > 0 { Manner::Obeys } else { Manner::GoesOn },
                told: None,
            };
            let mut at = self.now;
            if !job.has_missed_start_deadline(now) {
                self.ledger.started(&job, self.now)?;
                attempt.end = self.draw_end();
                at += self.draw_duration();
            }
            self.trace.note(self.now, || format!("  starts {attempt:?}"));
            let process = &mut self.processes[number];
            let earlier =
                process.attempts.iter().find(|earlier| earlier.job_id == job.id && earlier.told.is_none());
            ensure(earlier.is_none(), Check::LostMeansLost, || {
                format!("{} starts job {} again, and has not stopped {earlier:?}", process.id, job.id)
            })?;
            process.attempts.push(attempt);
            let arrival = Arrival::AttemptEnds { job_id: job.id, token: job.token };
            self.agenda.add(at, Happening::Arrives { process: number, arrival });
        }
        Ok(())
    }

    fn draw_end(&mut self) -> AttemptEnd {
        match self.random.u8(0..20) {
            0..=2 => AttemptEnd::Failed(RetryAdvice::Backoff),
            3 => AttemptEnd::Failed(RetryAdvice::Fatal),
            4 => AttemptEnd::Failed(RetryAdvice::After(Duration::from_millis(self.random.u64(0..1000)))),
            5 => AttemptEnd::Failed(RetryAdvice::Snooze(Duration::from_millis(self.random.u64(10..500)))),
            6 => AttemptEnd::TimedOut,
            _ => AttemptEnd::Succeeded,
        }
    }

    fn draw_duration(&mut self) -> Duration {
        let is_light = self.scenario.load.jobs == JobKind::Light;
        let most = match self.random.u8(0..10) {
            0..=2 => return Duration::ZERO,
            // What piled up has to come to an end.
            _ if self.phase != Phase::Turmoil => Duration::from_millis(100),
            3 if !is_light || self.scenario.load.backlog == 0 => self.scenario.lease * 2,
            _ if is_light => Duration::from_millis(200),
            _ => Duration::from_millis(1500),
        };
        Duration::from_micros(self.random.u64(0..=u64::try_from(most.as_micros()).unwrap_or(u64::MAX)))
    }

    pub(super) fn stop_jobs(&mut self, number: usize, jobs: &[JobId], reason: StopReason) -> Checked {
        for job in jobs {
            let process = &mut self.processes[number];
            let Some(attempt) = process.attempts.iter_mut().rev().find(|attempt| attempt.job_id == *job)
            else {
                continue;
            };
            if reason == StopReason::LeaseLost {
                ensure(!self.ledger.holds(*job, &process.id, attempt.token), Check::LostMeansLost, || {
                    format!("{} stops job {job} {:?} as lost, and still holds it", process.id, attempt.token)
                })?;
            }
            attempt.told = Some(reason);
            if attempt.manner == Manner::Obeys {
                let arrival = Arrival::AttemptEnds { job_id: *job, token: attempt.token };
                let at = self.after(Duration::from_millis(200));
                self.agenda.add(at, Happening::Arrives { process: number, arrival });
            }
        }
        Ok(())
    }

    /// What is reported of an attempt that ends now. `None`: it has ended before.
    pub(super) fn end_attempt(&mut self, number: usize, job_id: JobId, token: LeaseToken) -> Option<Input> {
        let process = &mut self.processes[number];
        let place =
            process.attempts.iter().position(|attempt| attempt.job_id == job_id && attempt.token == token)?;
        let attempt = process.attempts.swap_remove(place);
        let end = match (attempt.told, attempt.manner) {
            (Some(StopReason::Cancelled), _) => AttemptEnd::Cancelled,
            (Some(StopReason::LeaseLost | StopReason::Shutdown), Manner::Obeys) => AttemptEnd::Interrupted,
            _ => attempt.end,
        };
        self.ledger.ended(job_id, token, end);
        let report = JobReport {
            end,
            value: None,
            error: None,
            started_at: Some(attempt.started_at).filter(|_| end != AttemptEnd::MissedStartDeadline),
            finished_at: process.now(self.now),
        };
        Some(Input::JobReported { claim: HeldJob::new(job_id, token), report })
    }
}
