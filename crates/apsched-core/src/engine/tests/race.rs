//! Answers that arrive late, twice or in another order than the store gave them: what the simulation found, in its
//! shortest form.

use super::*;
use crate::job::JobRelease;

fn retried_job(token: u64) -> Job {
    let mut retried = job(1);
    Arc::make_mut(&mut retried.settings).retry = Retry::fixed(9, Duration::ZERO);
    retried.attempt = 1;
    retried.token = LeaseToken::new(token);
    retried
}

fn released_tokens(actions: &[Action]) -> Vec<u64> {
    let releases = actions.iter().filter_map(|action| match action {
        Action::ReleaseJobs(releases) => Some(releases.iter().map(|release| release.token.number())),
        _ => None,
    });
    releases.flatten().collect()
}

fn stops_as_lost(actions: &[Action]) -> bool {
    actions.iter().any(|action| matches!(action, Action::StopJobs { reason: StopReason::LeaseLost, .. }))
}

#[test]
fn a_look_that_waits_for_what_is_being_acquired_does_not_make_it_spin() {
    let mut test = Test::new(config());
    test.tick();
    assert!(test.handle(Input::Recovered).is_empty(), "the claims at the start are not answered yet");
    assert!(test.timeout() > 0.0, "woken after {}", test.timeout());
}

#[test]
fn acquiring_again_and_again_does_not_hold_up_a_look() {
    let mut test = Test::at_rest(EngineConfig { schedule_batch: 1, ..config() });
    test.handle(Input::Woken(Wakeup::schedules(start())));
    let mut looks = 0;
    for _ in 0..20 {
        let actions = test.after(0.1).handle(Input::SchedulesAcquired(vec![due_schedule()]));
        looks += actions.iter().filter(|action| matches!(action, Action::QueryWakeups)).count();
        let actions = test.after(0.1).handle(Input::SchedulesReleased);
        looks += actions.iter().filter(|action| matches!(action, Action::QueryWakeups)).count();
    }
    assert_eq!(looks, 1, "the first look was due after a second, and is not answered here");
}

#[test]
fn a_full_batch_of_schedules_is_followed_by_another() {
    let mut test = Test::at_rest(EngineConfig { schedule_batch: 1, ..config() });
    test.handle(Input::Woken(Wakeup::schedules(start())));
    test.handle(Input::SchedulesAcquired(vec![due_schedule()]));
    let actions = test.handle(Input::SchedulesReleased);
    assert!(matches!(actions[..], [Action::AcquireSchedules { .. }]), "{actions:?}");
}

#[test]
fn a_renewal_that_came_after_the_end_does_not_cost_the_next_claim() {
    let mut test = Test::at_rest(config());
    test.acquire(vec![retried_job(1)]);
    let renewal = test.after(15.0).tick();
    assert!(renewal.iter().any(|action| matches!(action, Action::ExtendLeases(_))), "{renewal:?}");
    test.report(&retried_job(1), AttemptEnd::Failed(RetryAdvice::Backoff));
    test.handle(Input::JobsReleased(Vec::new()));
    test.handle(Input::Woken(Wakeup::jobs(test.now)));
    test.handle(Input::WakeupsKnown(Wakeups::default()));
    test.handle(Input::JobsAcquired(vec![retried_job(2)]));

    let lost = LeaseReport { lost: vec![job(1).id], cancelled: Vec::new() };
    let actions = test.handle(Input::LeasesExtended(lost));
    assert!(!stops_as_lost(&actions), "{actions:?}");
    let actions = test.report(&retried_job(2), AttemptEnd::Succeeded);
    assert_eq!(released_tokens(&actions), [2], "{actions:?}");
}

#[test]
fn an_end_that_is_written_twice_does_not_cost_the_next_claim() {
    let mut test = Test::at_rest(config());
    test.acquire(vec![retried_job(1)]);
    test.report(&retried_job(1), AttemptEnd::Failed(RetryAdvice::Backoff));
    // The store wrote it, but its answer was lost; so the job is given out again.
    test.handle(Input::Failed(StoreRequest::ReleaseJobs));
    test.handle(Input::Woken(Wakeup::jobs(test.now)));
    test.handle(Input::JobsAcquired(vec![retried_job(2)]));
    let actions = test.after(0.2).tick();
    assert_eq!(released_tokens(&actions), [1], "{actions:?}");
    test.handle(Input::JobsReleased(vec![job(1).id]));

    let actions = test.report(&retried_job(2), AttemptEnd::Succeeded);
    assert_eq!(released_tokens(&actions), [2], "{actions:?}");
}

#[test]
fn a_release_names_a_job_once_by_its_last_claim() {
    let mut test = Test::at_rest(config());
    test.acquire(vec![retried_job(1)]);
    test.report(&retried_job(1), AttemptEnd::Succeeded);
    // While it waits to be written again, the lease has expired, the job is given out again, and ends again.
    test.handle(Input::Failed(StoreRequest::ReleaseJobs));
    test.handle(Input::Woken(Wakeup::jobs(test.now)));
    test.handle(Input::JobsAcquired(vec![retried_job(2)]));
    test.report(&retried_job(2), AttemptEnd::Succeeded);

    let actions = test.after(0.2).tick();

    assert_eq!(released_tokens(&actions), [2], "{actions:?}");
}

#[test]
fn a_renewal_names_a_job_once_by_its_last_claim() {
    let mut test = Test::at_rest(config());
    test.acquire(vec![retried_job(1)]);
    test.after(14.9).report(&retried_job(1), AttemptEnd::Failed(RetryAdvice::Backoff));
    test.handle(Input::Woken(Wakeup::jobs(test.now)));
    test.handle(Input::WakeupsKnown(Wakeups::default()));
    test.handle(Input::JobsAcquired(vec![retried_job(2)]));
    let actions = test.after(0.2).tick();
    let renewed = actions.iter().find_map(|action| match action {
        Action::ExtendLeases(claims) => Some(claims.clone()),
        _ => None,
    });
    assert_eq!(renewed, Some(vec![HeldJob::new(job(1).id, LeaseToken::new(2))]));
}

#[test]
fn the_report_of_a_lost_claim_is_not_taken_for_that_of_the_next() {
    let mut test = Test::at_rest(config());
    test.acquire(vec![retried_job(1)]);
    let actions = test.acquire(vec![retried_job(2)]);
    let places = [
        actions
            .iter()
            .position(|action| matches!(action, Action::StopJobs { reason: StopReason::LeaseLost, .. })),
        actions.iter().position(|action| matches!(action, Action::StartJobs(_))),
    ];
    assert!(
        places[0] < places[1] && places[0].is_some(),
        "the first run is told before the second starts: {actions:?}"
    );
    assert_eq!(released_tokens(&test.report(&retried_job(1), AttemptEnd::Succeeded)), [0; 0]);
    assert_eq!(released_tokens(&test.report(&retried_job(2), AttemptEnd::Succeeded)), [2]);
}

#[test]
fn jobs_whose_leases_expired_on_the_way_are_handed_back_and_not_run() {
    let mut test = Test::at_rest(config());
    let holder = config().scheduler_id;
    let leased = |number, until| {
        let lease = Lease { holder: holder.clone(), token: LeaseToken::new(1), until };
        Job { lease: Some(lease), ..job(number) }
    };
    test.handle(Input::Woken(Wakeup::jobs(start())));
    test.after(30.0);
    let jobs = vec![leased(1, test.now), leased(2, test.now + TimeDelta::seconds(1))];
    let actions = test.handle(Input::JobsAcquired(jobs));
    let started = actions.iter().find_map(|action| match action {
        Action::StartJobs(jobs) => Some(jobs.iter().map(|job| job.id).collect::<Vec<_>>()),
        _ => None,
    });
    assert_eq!(started, Some(vec![job(2).id]));
    let released = actions.iter().find_map(|action| match action {
        Action::ReleaseJobs(releases) => Some(releases.clone()),
        _ => None,
    });
    assert!(matches!(released.unwrap()[..], [JobRelease { release: Release::HandBack, .. }]));
}

#[test]
fn a_handler_that_outlives_the_stop_is_waited_for_without_a_spin_and_its_end_is_written() {
    let mut test = Test::at_rest(config());
    test.acquire(vec![job(1)]);
    test.handle(Input::Stop { deadline: start() });
    for _ in 0..10 {
        test.after(10.0).tick();
        test.handle(Input::LeasesExtended(LeaseReport::default()));
        assert!(test.timeout() > 0.0, "woken after {}", test.timeout());
    }
    let actions = test.report(&job(1), AttemptEnd::Succeeded);
    assert_eq!(released_tokens(&actions), [1], "{actions:?}");
    let actions = test.handle(Input::JobsReleased(Vec::new()));
    assert!(matches!(actions[..], [Action::Stopped]), "{actions:?}");
}

#[test]
fn a_clock_that_is_stepped_back_does_not_hold_up_what_is_to_be_written_nor_the_stop() {
    let mut test = Test::at_rest(config());
    test.acquire(vec![job(1), job(2)]);
    test.report(&job(1), AttemptEnd::Succeeded);
    test.handle(Input::Failed(StoreRequest::ReleaseJobs));
    let actions = test.after(-3600.0).tick();
    assert_eq!(released_tokens(&actions), [1], "{actions:?}");

    test.handle(Input::Stop { deadline: test.now + TimeDelta::seconds(2) });
    test.after(-3600.0).tick();
    let actions = test.after(2.0).tick();
    let is_told = |action: &Action| matches!(action, Action::StopJobs { reason: StopReason::Shutdown, .. });
    assert!(actions.iter().any(is_told), "{actions:?}");
}

#[test]
fn a_first_recovery_that_failed_is_tried_again_though_nobody_seems_to_hold_a_job() {
    let mut test = Test::new(config());
    test.tick();
    test.handle(Input::Failed(StoreRequest::Recover));
    test.handle(Input::SchedulesAcquired(Vec::new()));
    test.handle(Input::JobsAcquired(Vec::new()));
    test.handle(Input::WakeupsKnown(Wakeups::default()));
    let actions = test.after(0.2).tick();
    assert!(matches!(actions[..], [Action::Recover(RecoverScope::ExpiredAndPredecessors)]), "{actions:?}");
}
