//! The engine by itself: no runtime, no clock, a few lines each.

mod outage;
mod race;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::*;
use crate::id::{JobId, ScheduleId, SchedulerId, SchedulerName, TaskId};
use crate::job::{AttemptEnd, JobReport, JobSettings, Release, Retry, RetryAdvice};
use crate::lease::{Lease, LeaseToken};
use crate::payload::Payload;
use crate::schedule::{Schedule, ScheduleSettings};
use crate::store::HeldJob;
use crate::trigger::{AnyTrigger, IntervalTrigger};

/// An engine, its time, and what it asked for.
struct Test {
    engine: Engine,
    now: DateTime<Utc>,
}

fn start() -> DateTime<Utc> {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

fn config() -> EngineConfig {
    EngineConfig::new(SchedulerId::new(SchedulerName::new("engine").unwrap(), 1), 7)
}

impl Test {
    fn new(config: EngineConfig) -> Self {
        Self { engine: Engine::new(config, start()), now: start() }
    }

    /// An engine that has looked at an empty store and waits for the poll.
    fn at_rest(config: EngineConfig) -> Self {
        let mut test = Self::new(config);
        test.answer_everything_with_nothing();
        test
    }

    fn after(&mut self, seconds: f64) -> &mut Self {
        self.now += TimeDelta::microseconds((seconds * 1e6) as i64);
        self
    }

    fn handle(&mut self, input: Input) -> Vec<Action> {
        self.engine.handle(input, self.now);
        std::iter::from_fn(|| self.engine.poll_action()).collect()
    }

    fn tick(&mut self) -> Vec<Action> {
        self.handle(Input::TimePassed)
    }

    /// Answers every request as an empty store would, until nothing more is asked. Returns what was asked.
    fn answer_everything_with_nothing(&mut self) -> Vec<&'static str> {
        let mut asked = Vec::new();
        let mut actions = self.tick();
        while let Some(action) = actions.pop() {
            let (name, answer) = match action {
                Action::Recover(_) => ("recover", Input::Recovered),
                Action::QueryWakeups => ("query_wakeups", Input::WakeupsKnown(Wakeups::default())),
                Action::AcquireSchedules { .. } => {
                    ("acquire_schedules", Input::SchedulesAcquired(Vec::new()))
                }
                Action::AcquireJobs { .. } => ("acquire_jobs", Input::JobsAcquired(Vec::new())),
                Action::QueryCancelRequests => {
                    ("query_cancel_requests", Input::CancelRequestsKnown(Vec::new()))
                }
                Action::Cleanup => ("cleanup", Input::CleanedUp),
                Action::ReleaseJobs(_) => ("release_jobs", Input::JobsReleased(Vec::new())),
                Action::ReleaseSchedules(_) => ("release_schedules", Input::SchedulesReleased),
                Action::ExtendLeases(_) => ("extend_leases", Input::LeasesExtended(LeaseReport::default())),
                other => panic!("an empty store cannot lead to {other:?}"),
            };
            asked.push(name);
            actions.extend(self.handle(answer));
            assert!(asked.len() < 50, "the engine spins: {asked:?}");
        }
        asked
    }

    /// Acquires these jobs after a hint and returns the actions that follow.
    fn acquire(&mut self, jobs: Vec<Job>) -> Vec<Action> {
        let asked = self.handle(Input::Woken(Wakeup::jobs(self.now)));
        assert!(matches!(asked[..], [Action::AcquireJobs { .. }]), "{asked:?}");
        self.handle(Input::JobsAcquired(jobs))
    }

    fn report(&mut self, job: &Job, end: AttemptEnd) -> Vec<Action> {
        let report =
            JobReport { end, value: None, error: None, started_at: Some(self.now), finished_at: self.now };
        self.handle(Input::JobReported { claim: HeldJob::new(job.id, job.token), report })
    }

    fn timeout(&self) -> f64 {
        let at = self.engine.poll_timeout().expect("a running engine always waits for something");
        (at - self.now).num_microseconds().unwrap() as f64 / 1e6
    }
}

fn job(number: u128) -> Job {
    let task = TaskId::new("task").unwrap();
    let settings = Arc::new(JobSettings {
        job_executor: ExecutorName::new("async").unwrap(),
        retry: Retry::none(),
        timeout: None,
        priority: 0,
        result_expiration_time: Duration::ZERO,
        metadata: crate::Metadata::empty(),
    });
    let job = Job::new(JobId::at(start(), number), task, Payload::unit(), settings, start());
    Job { attempt: 1, token: LeaseToken::new(1), ..job }
}

fn due_schedule() -> ClaimedSchedule {
    let schedule = Schedule::new(
        ScheduleId::new("every-second").unwrap(),
        TaskId::new("task").unwrap(),
        Payload::unit(),
        &AnyTrigger::from(IntervalTrigger::every(Duration::from_secs(1))),
        Arc::new(ScheduleSettings::default()),
        start(),
    );
    ClaimedSchedule { schedule: schedule.unwrap(), task: None }
}

#[test]
fn at_start_it_takes_back_what_predecessors_hold_before_anything_else() {
    let actions = Test::new(config()).tick();
    assert!(matches!(actions[0], Action::Recover(RecoverScope::ExpiredAndPredecessors)), "{actions:?}");
}

#[test]
fn at_rest_it_asks_once_each_poll_interval() {
    let mut test = Test::at_rest(config());
    assert_eq!(test.timeout(), 1.0);
    assert!(test.after(0.5).tick().is_empty());
    for _ in 0..10 {
        let wait = test.timeout();
        assert_eq!(test.after(wait).answer_everything_with_nothing(), ["query_wakeups"]);
    }
}

#[test]
fn a_schedule_that_is_due_later_is_acquired_exactly_then() {
    let mut test = Test::at_rest(config());
    test.handle(Input::Woken(Wakeup::schedules(start() + TimeDelta::milliseconds(250))));
    assert_eq!(test.timeout(), 0.25);
    let actions = test.after(0.25).tick();
    assert!(matches!(actions[..], [Action::AcquireSchedules { .. }]), "{actions:?}");
}

#[test]
fn an_acquired_schedule_is_planned_and_written_before_the_next_is_acquired() {
    let mut test = Test::at_rest(config());
    test.handle(Input::Woken(Wakeup::schedules(start())));
    let actions = test.handle(Input::SchedulesAcquired(vec![due_schedule()]));
    let [Action::ReleaseSchedules(plans)] = &actions[..] else { panic!("{actions:?}") };
    assert_eq!(plans[0].jobs.len(), 1);
    assert!(test.handle(Input::Woken(Wakeup::schedules(start()))).is_empty(), "one request at a time");
    let actions = test.handle(Input::SchedulesReleased);
    assert!(
        matches!(actions[..], [Action::AcquireSchedules { .. }]),
        "the hint was not forgotten: {actions:?}"
    );
}

#[test]
fn plans_that_could_not_be_written_are_written_later_and_not_made_again() {
    let mut test = Test::at_rest(config());
    test.handle(Input::Woken(Wakeup::schedules(start())));
    let actions = test.handle(Input::SchedulesAcquired(vec![due_schedule()]));
    let [Action::ReleaseSchedules(plans)] = &actions[..] else { panic!("{actions:?}") };
    let first = plans[0].jobs[0].id;
    let actions = test.handle(Input::Failed(StoreRequest::ReleaseSchedules));
    assert!(!actions.iter().any(|action| matches!(action, Action::ReleaseSchedules(_))), "{actions:?}");
    let wait = test.timeout();
    assert!(wait > 0.0 && wait <= 0.2, "{wait}");
    let actions = test.after(wait).tick();
    let [Action::ReleaseSchedules(plans), ..] = &actions[..] else { panic!("{actions:?}") };
    assert_eq!(plans[0].jobs[0].id, first);
}

#[test]
fn jobs_are_acquired_for_free_slots_only() {
    let mut test = Test::at_rest(EngineConfig { max_concurrent_jobs: 2, ..config() });
    let (first, second) = (job(1), job(2));
    let actions = test.acquire(vec![first.clone(), second]);
    assert!(matches!(&actions[..], [Action::StartJobs(jobs)] if jobs.len() == 2), "{actions:?}");
    assert!(test.handle(Input::Woken(Wakeup::jobs(start()))).is_empty(), "no slot is free");
    let actions = test.report(&first, AttemptEnd::Succeeded);
    let [Action::ReleaseJobs(releases), Action::AcquireJobs { limit: 1 }] = &actions[..] else {
        panic!("{actions:?}")
    };
    assert!(matches!(releases[0].release, Release::Finish(_)));
}

#[test]
fn ends_that_arrive_while_others_are_written_are_written_together() {
    let mut test = Test::at_rest(config());
    let jobs: Vec<Job> = (1..=5).map(job).collect();
    test.acquire(jobs.clone());
    test.report(&jobs[0], AttemptEnd::Succeeded);
    for job in &jobs[1..] {
        let actions = test.report(job, AttemptEnd::Succeeded);
        assert!(!actions.iter().any(|action| matches!(action, Action::ReleaseJobs(_))), "{actions:?}");
    }
    let actions = test.handle(Input::JobsReleased(Vec::new()));
    let [Action::ReleaseJobs(releases), ..] = &actions[..] else { panic!("{actions:?}") };
    assert_eq!(releases.len(), 4);
}

#[test]
fn an_end_that_could_not_be_written_is_written_later() {
    let mut test = Test::at_rest(config());
    test.acquire(vec![job(1)]);
    test.report(&job(1), AttemptEnd::Succeeded);
    assert!(test.handle(Input::Failed(StoreRequest::ReleaseJobs)).is_empty());
    let wait = test.timeout();
    let actions = test.after(wait).tick();
    assert!(matches!(&actions[0], Action::ReleaseJobs(releases) if releases.len() == 1), "{actions:?}");
}

#[test]
fn leases_are_renewed_at_half_life_also_of_ends_not_yet_written() {
    let mut test = Test::at_rest(config());
    test.acquire(vec![job(1), job(2)]);
    test.report(&job(2), AttemptEnd::Succeeded);
    test.handle(Input::Failed(StoreRequest::ReleaseJobs));
    let actions = test.after(15.0).tick();
    let extended = actions.iter().find_map(|action| match action {
        Action::ExtendLeases(jobs) => Some(jobs.len()),
        _ => None,
    });
    assert_eq!(extended, Some(2), "{actions:?}");
    test.handle(Input::Failed(StoreRequest::ExtendLeases));
    let actions = test.after(3.0).tick();
    assert!(
        actions.iter().any(|action| matches!(action, Action::ExtendLeases(_))),
        "a failed renewal is tried again while the lease lives: {actions:?}"
    );
}

#[test]
fn a_lost_job_is_stopped_and_its_report_dropped() {
    let mut test = Test::at_rest(config());
    test.acquire(vec![job(1)]);
    test.after(15.0).tick();
    let lost = LeaseReport { lost: vec![job(1).id], cancelled: Vec::new() };
    let actions = test.handle(Input::LeasesExtended(lost));
    assert!(
        matches!(&actions[..], [Action::StopJobs { reason: StopReason::LeaseLost, .. }, ..]),
        "{actions:?}"
    );
    let actions = test.report(&job(1), AttemptEnd::Succeeded);
    assert!(!actions.iter().any(|action| matches!(action, Action::ReleaseJobs(_))), "{actions:?}");
}

#[test]
fn a_failed_attempt_with_attempts_left_goes_back_to_the_queue() {
    let mut test = Test::at_rest(config());
    let mut retried = job(1);
    Arc::make_mut(&mut retried.settings).retry = Retry::fixed(2, Duration::from_secs(10));
    test.acquire(vec![retried.clone()]);
    let actions = test.report(&retried, AttemptEnd::Failed(RetryAdvice::Backoff));
    let [Action::ReleaseJobs(releases), ..] = &actions[..] else { panic!("{actions:?}") };
    let Release::RunAgain { run_at, attempt: 1 } = releases[0].release else { panic!("{releases:?}") };
    assert_eq!(run_at, start() + TimeDelta::seconds(10));
}

#[test]
fn cancel_requests_are_asked_for_after_a_hint_and_each_poll_interval_while_jobs_run() {
    let mut test = Test::at_rest(config());
    test.acquire(vec![job(1)]);
    let actions = test.handle(Input::CancelRequested);
    assert!(matches!(actions[..], [Action::QueryCancelRequests]), "{actions:?}");
    let actions = test.handle(Input::CancelRequestsKnown(vec![job(1).id, job(99).id]));
    let [Action::StopJobs { jobs, reason: StopReason::Cancelled }] = &actions[..] else {
        panic!("{actions:?}")
    };
    assert_eq!(jobs[..], [job(1).id], "jobs of others are none of ours");
    let actions = test.after(1.0).tick();
    assert!(actions.iter().any(|action| matches!(action, Action::QueryCancelRequests)), "{actions:?}");
}

#[test]
fn a_store_that_promises_what_it_does_not_give_out_does_not_make_it_spin() {
    let mut test = Test::at_rest(config());
    let promise = Wakeups { job: Some(start()), ..Wakeups::default() };
    let mut calls = 0;
    test.handle(Input::HintsLost);
    let mut actions = test.handle(Input::WakeupsKnown(promise));
    while let Some(action) = actions.pop() {
        calls += 1;
        assert!(calls < 20, "the engine spins");
        actions.extend(match action {
            Action::QueryWakeups => test.handle(Input::WakeupsKnown(promise)),
            Action::AcquireJobs { .. } => test.handle(Input::JobsAcquired(Vec::new())),
            other => panic!("{other:?}"),
        });
    }
    assert!(test.timeout() > 0.0);
}

#[test]
fn a_paused_engine_takes_nothing_and_a_resumed_one_looks_at_once() {
    let mut test = Test::at_rest(EngineConfig { intake: Intake::Paused, ..config() });
    let wakeup = Wakeup::new(Some(start()), Some(start()));
    assert!(test.handle(Input::Woken(wakeup)).is_empty());
    assert!(test.timeout() > 0.0, "what it may not take does not make it spin");
    let actions = test.handle(Input::SetIntake(Intake::Open));
    assert!(actions.iter().any(|action| matches!(action, Action::AcquireJobs { .. })), "{actions:?}");
    assert!(actions.iter().any(|action| matches!(action, Action::AcquireSchedules { .. })), "{actions:?}");
}

#[test]
fn each_role_does_its_part() {
    let takes = |role| {
        let mut test = Test::at_rest(EngineConfig { role, ..config() });
        let actions = test.handle(Input::Woken(Wakeup::new(Some(start()), Some(start()))));
        let jobs = actions.iter().any(|action| matches!(action, Action::AcquireJobs { .. }));
        let schedules = actions.iter().any(|action| matches!(action, Action::AcquireSchedules { .. }));
        (schedules, jobs)
    };
    assert_eq!(takes(Role::Scheduler), (true, false));
    assert_eq!(takes(Role::Worker), (false, true));
    assert_eq!(takes(Role::Both), (true, true));
}

#[test]
fn stopping_lets_jobs_finish_and_writes_their_ends_first() {
    let mut test = Test::at_rest(config());
    test.acquire(vec![job(1)]);
    let deadline = start() + TimeDelta::seconds(30);
    assert!(test.handle(Input::Stop { deadline }).is_empty(), "the job may go on");
    let actions = test.report(&job(1), AttemptEnd::Succeeded);
    assert!(matches!(actions[..], [Action::ReleaseJobs(_)]), "{actions:?}");
    let actions = test.handle(Input::JobsReleased(Vec::new()));
    assert!(matches!(actions[..], [Action::Stopped]), "{actions:?}");
    assert_eq!(test.engine.poll_timeout(), None);
}

#[test]
fn at_the_deadline_running_jobs_are_told_to_stop() {
    let mut test = Test::at_rest(config());
    test.acquire(vec![job(1)]);
    test.handle(Input::Stop { deadline: start() + TimeDelta::seconds(3) });
    let wait = test.timeout();
    assert!(wait <= 3.0);
    let actions = test.after(3.0).tick();
    assert!(
        actions.iter().any(|action| matches!(action, Action::StopJobs { reason: StopReason::Shutdown, .. })),
        "{actions:?}"
    );
}

#[test]
fn jobs_that_arrive_after_the_stop_are_handed_back() {
    let mut test = Test::at_rest(config());
    test.handle(Input::Woken(Wakeup::jobs(start())));
    assert!(test.handle(Input::Stop { deadline: start() }).is_empty(), "a claim is under way");
    let actions = test.handle(Input::JobsAcquired(vec![job(1)]));
    let [Action::ReleaseJobs(releases)] = &actions[..] else { panic!("{actions:?}") };
    assert!(matches!(releases[0].release, Release::HandBack));
}

#[test]
fn a_store_that_is_gone_holds_up_the_stop_only_until_the_leases_have_expired() {
    let mut test = Test::at_rest(config());
    test.acquire(vec![job(1)]);
    test.report(&job(1), AttemptEnd::Succeeded);
    test.handle(Input::Failed(StoreRequest::ReleaseJobs));
    test.handle(Input::Stop { deadline: start() });
    let mut seconds = 0.0;
    loop {
        let wait = test.timeout();
        assert!(wait > 0.0, "a stopping engine must not spin");
        seconds += wait;
        assert!(seconds < 31.0, "it still waits after {seconds} s");
        let actions = test.after(wait).tick();
        if actions.iter().any(|action| matches!(action, Action::Stopped)) {
            break;
        }
        for action in actions {
            let failed = match action {
                Action::ReleaseJobs(_) => StoreRequest::ReleaseJobs,
                Action::ExtendLeases(_) => StoreRequest::ExtendLeases,
                other => panic!("{other:?}"),
            };
            assert!(test.handle(Input::Failed(failed)).is_empty());
        }
    }
}

#[test]
fn a_clock_that_is_stepped_back_does_not_stop_the_polls() {
    let mut test = Test::at_rest(config());
    test.after(-3600.0);
    let actions = test.tick();
    assert!(!actions.is_empty(), "everything planned by the old time is looked at now");
}

#[test]
fn a_failing_store_is_asked_again_with_growing_pauses() {
    let mut test = Test::at_rest(config());
    test.handle(Input::Woken(Wakeup::jobs(start())));
    let mut pauses = Vec::new();
    for _ in 0..12 {
        assert!(test.handle(Input::Failed(StoreRequest::AcquireJobs)).is_empty());
        let mut waited = 0.0;
        loop {
            let wait = test.timeout();
            waited += wait;
            let actions = test.after(wait).tick();
            if actions.iter().any(|action| matches!(action, Action::AcquireJobs { .. })) {
                break;
            }
            for action in actions {
                let answer = match action {
                    Action::QueryWakeups => Input::WakeupsKnown(Wakeups::default()),
                    other => panic!("{other:?}"),
                };
                test.handle(answer);
            }
        }
        pauses.push(waited);
    }
    assert!(pauses[0] <= 0.2, "{pauses:?}");
    assert!((24.0..=30.0).contains(&pauses[11]), "{pauses:?}");
}

#[test]
fn cleanup_happens_now_and_then_and_survives_failures() {
    let mut test = Test::at_rest(config());
    let cleanups = |test: &mut Test, seconds: f64| {
        test.after(seconds);
        let actions = test.tick();
        let count = actions.iter().filter(|action| matches!(action, Action::Cleanup)).count();
        for action in actions {
            match action {
                Action::Cleanup => drop(test.handle(Input::Failed(StoreRequest::Cleanup))),
                Action::QueryWakeups => drop(test.handle(Input::WakeupsKnown(Wakeups::default()))),
                other => panic!("{other:?}"),
            }
        }
        count
    };
    assert_eq!(cleanups(&mut test, 899.0), 0);
    assert_eq!(cleanups(&mut test, 1.0), 1);
    assert_eq!(cleanups(&mut test, 1.0), 1, "tried again after the failure");
}

#[test]
fn own_leases_are_renewed_before_expired_ones_are_recovered() {
    let mut test = Test::at_rest(config());
    test.acquire(vec![job(1)]);
    // The store says when the lease ends; then the process sleeps past that, as a laptop does.
    test.handle(Input::WakeupsKnown(Wakeups {
        lease: Some(start() + TimeDelta::seconds(30)),
        ..Wakeups::default()
    }));
    let actions = test.after(3600.0).tick();
    assert!(actions.iter().any(|action| matches!(action, Action::ExtendLeases(_))), "{actions:?}");
    assert!(!actions.iter().any(|action| matches!(action, Action::Recover(_))), "{actions:?}");
    let actions = test.handle(Input::LeasesExtended(LeaseReport::default()));
    assert!(actions.iter().any(|action| matches!(action, Action::Recover(_))), "{actions:?}");
}

#[test]
fn what_waits_for_an_answer_does_not_make_it_spin() {
    let mut test = Test::at_rest(config());
    let actions = test.handle(Input::Woken(Wakeup::new(Some(start()), Some(start()))));
    assert_eq!(actions.len(), 2, "both claims are under way: {actions:?}");
    test.handle(Input::HintsLost);
    assert!(test.timeout() > 0.0, "the question for wake-ups waits for the claims");
    test.handle(Input::JobsAcquired(vec![job(1)]));
    test.handle(Input::SchedulesAcquired(Vec::new()));
    test.handle(Input::WakeupsKnown(Wakeups {
        lease: Some(start() + TimeDelta::seconds(30)),
        ..Wakeups::default()
    }));
    test.after(3600.0).tick();
    let unanswered = test.engine.poll_timeout();
    assert!(unanswered.is_none_or(|at| at > test.now), "the recovery waits for the renewal: {unanswered:?}");
}

#[test]
fn a_thread_that_does_not_end_does_not_make_a_stopping_engine_spin() {
    let mut test = Test::at_rest(config());
    test.acquire(vec![job(1)]);
    test.handle(Input::Stop { deadline: start() });
    test.after(60.0).tick();
    test.handle(Input::LeasesExtended(LeaseReport::default()));
    let actions = test.tick();
    assert!(actions.is_empty(), "{actions:?}");
    let timeout = test.engine.poll_timeout();
    assert!(timeout.is_none_or(|at| at > test.now), "{timeout:?}");
}

#[test]
fn leases_of_a_claim_that_was_answered_late_are_renewed_while_they_live() {
    let mut test = Test::at_rest(config());
    let asked = test.handle(Input::Woken(Wakeup::jobs(start())));
    assert!(matches!(asked[..], [Action::AcquireJobs { .. }]), "{asked:?}");
    let lease = Lease {
        holder: config().scheduler_id,
        token: LeaseToken::new(1),
        until: start() + TimeDelta::seconds(30),
    };
    let answer = Input::JobsAcquired(vec![Job { lease: Some(lease), ..job(1) }]);
    let actions = test.after(20.0).handle(answer);
    // At half-life of the lease, not half a life after the answer, when it would have expired.
    assert!(actions.iter().any(|action| matches!(action, Action::ExtendLeases(_))), "{actions:?}");
}
