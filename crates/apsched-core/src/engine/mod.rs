//! What to do next: the scheduler's decisions, without I/O, clock or runtime.
//!
//! The driver tells the engine what happened and when ([`Engine::handle`]), performs what it asks for
//! ([`Engine::poll_action`]), and wakes it at [`Engine::poll_timeout`]:
//!
//! ```text
//!            hints, answers, reports                 actions
//!   driver ───────── handle(input, now) ──▶ engine ── poll_action() ──▶ driver ──▶ store, executors
//!      ▲                                       │
//!      └───────────────── poll_timeout() ◀─────┘
//! ```
//!
//! Each thing it does with the store is one `Operation`: due at some time, at most one request under way, a growing
//! pause after failures. The shape of a day:
//!
//! 1. At start, take back what vanished schedulers hold.
//! 2. Acquire due schedules, plan them, write the plans. A full batch is followed by another.
//! 3. Acquire jobs for the free slots, start them, write their ends in batches while the next are acquired.
//! 4. When nothing more is due, ask once when something will be, and sleep until then, a hint, or the poll interval.
//! 5. Renew leases at half-life; clean up now and then.
//!
//! A lost wake-up, a starved lease or a spin is a test of a few lines here. Not here: how a schedule becomes jobs
//! ([`schedule::plan`]) and what follows an attempt ([`retry`](crate::retry)).

mod action;
mod operation;
mod outage;
mod request;
mod running;
mod stop;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;

use chrono::{DateTime, Utc};

pub use action::{Action, EngineConfig, Input, Intake, Role, StopReason};
use operation::Operation;
pub use request::StoreRequest;
use running::HeldJobs;
use stop::Phase;

use crate::event::Wakeup;
use crate::id::{ExecutorName, JobIds};
use crate::instant;
use crate::job::Job;
use crate::schedule::{self, ScheduleRelease};
use crate::store::{ClaimedSchedule, LeaseReport, RecoverScope, Wakeups};
use crate::task::{TaskDefinition, TaskSettings};

/// The decisions of one scheduler.
#[derive(Debug)]
pub struct Engine {
    config: EngineConfig,
    intake: Intake,
    phase: Phase,
    now: DateTime<Utc>,
    actions: VecDeque<Action>,
    random: fastrand::Rng,
    ids: JobIds,

    recovery: Operation,
    recover_scope: RecoverScope,
    schedules: Operation,
    /// Plans that are to be written before more schedules are acquired.
    unwritten_schedules: Vec<ScheduleRelease>,
    /// Plans that are being written.
    schedules_in_writing: Option<Arc<Vec<ScheduleRelease>>>,
    jobs: Operation,
    held: HeldJobs,
    writing_jobs: Operation,
    renewal: Operation,
    wakeups: Operation,
    /// How often in a row the store said that something is due and then gave out nothing.
    misled: u32,
    /// Most jobs of the request for jobs that is under way.
    jobs_limit: usize,
    cancel_requests: Operation,
    cleanup: Operation,
}

/// Requests in vain before the engine waits for the poll interval: another scheduler may win a race now and then, but
/// a store that promises what it does not give out must not make it spin.
const MISLED_MOST: u32 = 3;

impl Engine {
    /// An engine that starts at `now`.
    #[must_use]
    pub fn new(config: EngineConfig, now: DateTime<Utc>) -> Self {
        let mut engine = Self {
            intake: config.intake,
            phase: Phase::Running,
            now,
            actions: VecDeque::new(),
            random: fastrand::Rng::with_seed(config.seed),
            ids: JobIds::seeded(config.seed.rotate_left(17)),
            recovery: Operation::default(),
            recover_scope: RecoverScope::ExpiredAndPredecessors,
            schedules: Operation::default(),
            unwritten_schedules: Vec::new(),
            schedules_in_writing: None,
            jobs: Operation::default(),
            held: HeldJobs::default(),
            writing_jobs: Operation::default(),
            renewal: Operation::default(),
            wakeups: Operation::default(),
            misled: 0,
            jobs_limit: 0,
            cancel_requests: Operation::default(),
            cleanup: Operation::default(),
            config,
        };
        engine.recovery.wake(now);
        engine.schedules.wake(now);
        engine.jobs.wake(now);
        engine.cleanup.wake(instant::after(now, engine.config.cleanup_interval));
        engine
    }

    /// Tells the engine what happened, and that it is `now`.
    pub fn handle(&mut self, input: Input, now: DateTime<Utc>) {
        if now < self.now {
            self.clock_stepped_back(now);
        }
        self.now = now;
        if let Some(request) = input.answers() {
            self.answered(request);
        }
        match input {
            Input::TimePassed => {}
            Input::Woken(wakeup) => self.woken(&wakeup),
            Input::CancelRequested => self.cancel_requests.wake(now),
            Input::HintsLost => self.hints_lost(),
            Input::WakeupsKnown(wakeups) => self.wakeups_known(wakeups),
            Input::SchedulesAcquired(claimed) => self.schedules_acquired(&claimed),
            Input::SchedulesReleased => self.schedules_in_writing = None,
            Input::JobsAcquired(jobs) => self.jobs_acquired(jobs),
            Input::JobReported { claim, report } => {
                let random = self.random.f64();
                self.held.report(claim, report, random);
                self.give_time_to_write();
            }
            Input::JobsReleased(lost) => {
                self.held.written(&lost);
                self.held.rest();
            }
            Input::LeasesExtended(report) => self.leases_extended(report),
            Input::Recovered => {
                self.recover_scope = RecoverScope::Expired;
                self.wakeups.wake(now);
            }
            Input::CancelRequestsKnown(jobs) => {
                self.cancel_requests.wake(instant::after(now, self.config.poll_interval));
                self.stop_jobs(jobs, StopReason::Cancelled);
            }
            Input::CleanedUp => {
                self.cleanup.wake(instant::after(now, self.config.cleanup_interval));
            }
            Input::Failed(request) => self.failed(request),
            Input::SetIntake(intake) => self.set_intake(intake),
            Input::Stop { deadline } => self.stop(deadline),
        }
    }

    /// The next thing to do at the time of the last [`Engine::handle`]. `None`: nothing for now.
    pub fn poll_action(&mut self) -> Option<Action> {
        if let Some(action) = self.actions.pop_front() {
            return Some(action);
        }
        self.next_request().or_else(|| self.next_stop_action())
    }

    /// When to call [`Engine::handle`] at the latest, if nothing happens before. `None`: nothing is waited for but events.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<DateTime<Utc>> {
        let requests = StoreRequest::ALL.into_iter().filter_map(|request| self.due_at(request));
        requests.chain(self.stop_due_at()).min()
    }

    /// Who the engine works for.
    #[must_use]
    pub const fn config(&self) -> &EngineConfig {
        &self.config
    }

    /// Whether the engine has said [`Action::Stopped`].
    #[must_use]
    pub const fn is_stopped(&self) -> bool {
        matches!(self.phase, Phase::Stopped)
    }

    /// Whether nothing is under way and nothing is due at the time of the last [`Engine::handle`].
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.held.is_empty()
            && self.actions.is_empty()
            && !self.is_changing()
            && ![self.renewal, self.wakeups, self.cancel_requests].iter().any(Operation::is_under_way)
            && self.poll_timeout().is_none_or(|at| at > self.now)
    }

    // ----- what happened -----

    fn woken(&mut self, wakeup: &Wakeup) {
        if let Some(at) = wakeup.schedules_at {
            self.schedules.wake(at);
        }
        if let Some(at) = wakeup.jobs_at {
            self.jobs.wake(at);
        }
        self.misled = 0;
    }

    /// Whatever may have happened unheard is looked up.
    fn hints_lost(&mut self) {
        self.wakeups.wake(self.now);
        self.cancel_requests.wake(self.now);
    }

    fn wakeups_known(&mut self, wakeups: Wakeups) {
        self.wakeups.wake(instant::after(self.now, self.config.poll_interval));
        if let Some(at) = wakeups.schedule {
            self.schedules.wake(at);
        }
        if let Some(at) = wakeups.job {
            self.jobs.wake(at);
        }
        if self.recover_scope == RecoverScope::Expired {
            self.recovery.reschedule(wakeups.lease);
        }
        let is_due = [wakeups.schedule, wakeups.job].into_iter().flatten().any(|at| at <= self.now);
        self.misled = if is_due { self.misled + 1 } else { 0 };
    }

    fn schedules_acquired(&mut self, claimed: &[ClaimedSchedule]) {
        if claimed.len() >= self.config.schedule_batch {
            self.schedules.wake(self.now);
        } else {
            self.everything_was_claimed(claimed.len());
        }
        for ClaimedSchedule { schedule, task } in claimed {
            let undeclared;
            let task = match task {
                Some(task) => &**task,
                None => {
                    undeclared = self.undeclared_task(schedule);
                    &undeclared
                }
            };
            let plan = schedule::plan(schedule, task, self.now, &mut self.ids, &mut self.random);
            self.unwritten_schedules.push(plan);
        }
    }

    fn undeclared_task(&self, schedule: &schedule::Schedule) -> TaskDefinition {
        let executor = ExecutorName::new(ExecutorName::ASYNC).expect("a constant that is a valid name");
        TaskDefinition::decide(
            schedule.task_id.clone(),
            TaskSettings::new(),
            &self.config.task_defaults,
            executor,
        )
    }

    fn jobs_acquired(&mut self, mut jobs: Vec<Job>) {
        if self.phase != Phase::Running {
            self.held.hand_back(&jobs);
            return;
        }
        if jobs.len() >= self.jobs_limit {
            self.jobs.wake(self.now);
        } else {
            self.everything_was_claimed(jobs.len());
        }
        // The answer may have taken longer than the leases live: those jobs may be in other hands by now.
        let is_expired = |job: &mut Job| job.lease.as_ref().is_some_and(|lease| lease.is_expired(self.now));
        let expired: Vec<Job> = jobs.extract_if(.., is_expired).collect();
        self.held.hand_back(&expired);
        // A job that is given out while it runs here was lost before; the engine learns it now.
        self.stop_jobs(jobs.iter().map(|job| job.id).collect(), StopReason::LeaseLost);
        self.held.start(&jobs, self.now, self.config.lease_duration);
        if !jobs.is_empty() {
            self.cancel_requests.wake(instant::after(self.now, self.config.poll_interval));
            self.actions.push_back(Action::StartJobs(jobs));
        }
    }

    /// Nothing more is due, and nobody knows what will be next. It is asked at once, unless the answer misled us.
    fn everything_was_claimed(&mut self, found: usize) {
        if found > 0 {
            self.misled = 0;
        }
        if self.misled < MISLED_MOST {
            self.wakeups.wake(self.now);
        } else {
            self.wakeups.wake(instant::after(self.now, self.config.poll_interval));
        }
    }

    fn leases_extended(&mut self, report: LeaseReport) {
        let lost = self.held.renewed(&report.lost);
        if !lost.is_empty() {
            self.actions.push_back(Action::StopJobs { jobs: lost, reason: StopReason::LeaseLost });
        }
        self.stop_jobs(report.cancelled, StopReason::Cancelled);
        self.held.rest();
    }

    fn stop_jobs(&mut self, mut jobs: Vec<crate::id::JobId>, reason: StopReason) {
        jobs.retain(|job| self.held.is_running(*job));
        if !jobs.is_empty() {
            self.actions.push_back(Action::StopJobs { jobs, reason });
        }
    }

    fn set_intake(&mut self, intake: Intake) {
        self.intake = intake;
        if intake == Intake::Open {
            self.wakeups.wake(self.now);
        }
    }

    fn clock_stepped_back(&mut self, now: DateTime<Utc>) {
        self.stop_earlier_by(instant::between(now, self.now));
        self.writing_jobs.forget_times(now);
        self.cancel_requests.forget_times(now);
        self.wakeups.forget_times(now);
        self.schedules.forget_times(now);
        self.jobs.forget_times(now);
        self.recovery.forget_times(now);
        self.held.renew_at_once(now);
        self.cleanup.reschedule(Some(instant::after(now, self.config.cleanup_interval)));
    }
}
