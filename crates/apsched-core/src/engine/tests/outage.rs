//! Outages: for a while everything fails, and then the store answers again.

use super::*;

impl Test {
    /// Fails whatever is asked, for so long.
    fn fail_for(&mut self, seconds: f64) {
        let end = self.now + TimeDelta::microseconds((seconds * 1e6) as i64);
        let mut actions = self.tick();
        loop {
            while let Some(action) = actions.pop() {
                let request = action.request().expect("nothing is acquired, so nothing is run");
                actions.extend(self.handle(Input::Failed(request)));
            }
            let wait = self.timeout();
            if self.now + TimeDelta::microseconds((wait * 1e6) as i64) > end {
                self.now = end;
                return;
            }
            actions = self.after(wait).tick();
        }
    }
}

fn asks_to_extend(actions: &[Action]) -> bool {
    actions.iter().any(|action| matches!(action, Action::ExtendLeases(_)))
}

#[test]
fn what_waits_after_an_outage_goes_at_once_when_the_first_request_is_answered() {
    let mut test = Test::at_rest(config());
    test.handle(Input::Woken(Wakeup::new(Some(start()), Some(start()))));
    test.fail_for(0.0);
    for request in [StoreRequest::AcquireJobs, StoreRequest::AcquireSchedules] {
        test.handle(Input::Failed(request));
    }
    test.fail_for(600.0);

    let wait = test.timeout();
    let asked = test.after(wait).answer_everything_with_nothing();

    for request in ["acquire_jobs", "acquire_schedules", "query_wakeups"] {
        assert!(asked.contains(&request), "{request} still waits: {asked:?}");
    }
}

#[test]
fn ends_and_plans_that_wait_to_be_written_are_written_when_the_store_answers() {
    let mut test = Test::at_rest(config());
    test.acquire(vec![job(1)]);
    test.report(&job(1), AttemptEnd::Succeeded);
    test.handle(Input::Woken(Wakeup::schedules(test.now)));
    test.handle(Input::SchedulesAcquired(vec![due_schedule()]));
    test.handle(Input::Failed(StoreRequest::ReleaseJobs));
    test.handle(Input::Failed(StoreRequest::ReleaseSchedules));
    test.fail_for(600.0);

    let wait = test.timeout();
    let asked = test.after(wait).answer_everything_with_nothing();

    for request in ["release_jobs", "release_schedules"] {
        assert!(asked.contains(&request), "{request} still waits: {asked:?}");
    }
}

#[test]
fn a_renewal_that_failed_is_made_again_when_the_store_answers() {
    let mut test = Test::at_rest(config());
    test.acquire(vec![job(1)]);
    let actions = test.after(15.0).tick();
    assert!(asks_to_extend(&actions), "{actions:?}");
    test.handle(Input::Failed(StoreRequest::ExtendLeases));
    test.handle(Input::Failed(StoreRequest::QueryWakeups));
    let actions = test.after(0.3).tick();
    assert!(!asks_to_extend(&actions), "the store has not answered yet: {actions:?}");

    let actions = test.handle(Input::WakeupsKnown(Wakeups::default()));

    assert!(asks_to_extend(&actions), "{actions:?}");
}

#[test]
fn pauses_begin_anew_after_an_outage() {
    let mut test = Test::at_rest(config());
    test.handle(Input::Woken(Wakeup::jobs(start())));
    test.handle(Input::Failed(StoreRequest::AcquireJobs));
    test.fail_for(600.0);
    let wait = test.timeout();
    test.after(wait).answer_everything_with_nothing();

    test.handle(Input::Woken(Wakeup::jobs(test.now)));
    test.handle(Input::Failed(StoreRequest::AcquireJobs));

    assert!((0.1..=0.2).contains(&test.timeout()), "{}", test.timeout());
}

#[test]
fn a_store_that_answers_every_second_look_does_not_make_it_spin() {
    let mut test = Test::at_rest(config());
    test.handle(Input::Woken(Wakeup::jobs(start())));
    let (mut looks, mut acquisitions) = (0_u32, 1_u32);
    test.handle(Input::Failed(StoreRequest::AcquireJobs));
    while test.now < start() + TimeDelta::seconds(600) {
        let wait = test.timeout();
        assert!(wait > 0.0, "it spins after {looks} looks and {acquisitions} acquisitions");
        let mut actions = test.after(wait).tick();
        while let Some(action) = actions.pop() {
            actions.extend(match action {
                Action::QueryWakeups => {
                    looks += 1;
                    let answer = if looks.is_multiple_of(2) {
                        Input::WakeupsKnown(Wakeups::default())
                    } else {
                        Input::Failed(StoreRequest::QueryWakeups)
                    };
                    test.handle(answer)
                }
                Action::AcquireJobs { .. } => {
                    acquisitions += 1;
                    test.handle(Input::Failed(StoreRequest::AcquireJobs))
                }
                other => panic!("{other:?}"),
            });
        }
    }
    // A look a second, then another after its pause; each that ends an outage lets the acquisition go, with pauses anew.
    assert!((900..=1_100).contains(&looks), "{looks}");
    assert!(acquisitions <= 3 * looks, "{acquisitions} acquisitions, {looks} looks");
}

#[test]
fn what_it_is_told_of_after_an_outage_is_acquired_at_once_though_its_looks_still_pause() {
    let mut test = Test::at_rest(config());
    test.fail_for(600.0);
    assert!(test.timeout() > 0.0, "the next look waits");

    let actions = test.handle(Input::Woken(Wakeup::jobs(test.now)));

    assert!(matches!(actions[..], [Action::AcquireJobs { .. }]), "{actions:?}");
}

#[test]
fn a_hint_does_not_shorten_the_pause_of_a_request_that_failed() {
    let mut test = Test::at_rest(config());
    test.handle(Input::Woken(Wakeup::jobs(start())));
    test.handle(Input::Failed(StoreRequest::AcquireJobs));
    test.fail_for(600.0);
    assert!(test.timeout() > 0.0, "everything waits");

    let actions = test.handle(Input::Woken(Wakeup::jobs(test.now)));

    assert!(actions.is_empty(), "{actions:?}");
}
