//! Guarantee 11: who has nothing to do looks once each poll interval, and does nothing else.
//!
//! Counted by the calls to the store, with everything there that could make somebody spin: a schedule that is due and paused,
//! one that is due and in the hands of somebody dead, a saturated task with a queue, a task that nobody knows, and what is due
//! tomorrow. Two calls are never closer to each other than the poll interval; how much later the second one comes is up to
//! the machine.

use std::collections::HashMap;
use std::time::Duration;

use apsched::chrono::TimeDelta;
use apsched::clock::{Clock, SystemClock};
use apsched::prelude::*;
use apsched_tests::{Deed, Entry, Errand, Load, Moment, Side, Springs, TaskOptions, Trap};

use super::client::{Client, KEEP};
use super::fleet::Fleet;
use super::record::{Run, RunId, Story};
use super::site::Ground;
use super::verdict::Verdict;

/// Longer than any test.
const LONG: Duration = Duration::from_secs(24 * 3600);
/// Long enough that nothing has to be renewed, or looks abandoned, while calls are counted.
const LEASE_MILLIS: u64 = 600_000;
/// How much earlier than agreed a timer may fire.
const SLACK: Duration = Duration::from_millis(5);

pub(crate) async fn who_has_nothing_to_do_looks_once_each_poll_interval(
    ground: Ground,
    _seed: u64,
) -> Verdict {
    let (mut fleet, client) = (Fleet::new(), Client::of(&ground).await);
    let tasks = vec![TaskOptions::named("tick"), TaskOptions::named("saturated").limited(1)];
    let errand = Errand { tasks, lease_millis: LEASE_MILLIS, ..Errand::at(&ground.url, &ground.prefix) };
    leave_schedules(&client, &mut fleet, &errand).await;
    let holder = leave_jobs(&client, &mut fleet, &errand).await;
    let idle = [(); 2].map(|()| fleet.start(errand.clone()));
    fleet.wait_until_up().await;

    // What is done once, after the start, is done.
    until_looked(&fleet, &idle.map(|number| fleet.mark(number)), 3).await;
    let watched = [idle[0], idle[1], holder];
    let from = watched.map(|number| fleet.mark(number));
    until_looked(&fleet, &from, 2 * super::load_time().as_secs()).await;
    let to = watched.map(|number| fleet.mark(number));

    client.scheduler.unpause_schedule("paused").await.expect("it is there");
    let is_planned =
        |entry: &Entry| matches!(entry, Entry::Planned { schedule, .. } if schedule.as_str() == "paused");
    let plans = |story: &Story| story.runs.iter().flat_map(Run::entries).any(is_planned);
    fleet.record.until("somebody who was idle works", plans).await;

    let mut verdict = Verdict::of(fleet.end().await);
    let poll = Duration::from_millis(errand.poll_millis).saturating_sub(SLACK);
    let (mut looks, mut other_calls, mut too_soon) = (0, Vec::new(), Vec::new());
    for ((number, (run, from)), (_, to)) in watched.into_iter().zip(from).zip(to) {
        let run = verdict.story().run(run);
        let mut last: HashMap<&str, Moment> = HashMap::new();
        for (at, operation) in calls(run, from, to) {
            match operation {
                "next_wakeup" => looks += 1,
                // Who runs a job asks whether it is to stop, in case that it was not told.
                "cancel_requests" if number == holder => {}
                _ => other_calls.push(format!("{operation} by {} at {at}", run.worker)),
            }
            if let Some(last) = last.insert(operation, at).filter(|last| at - *last < poll) {
                too_soon.push(format!("{operation} by {} at {last} and {at}", run.worker));
            }
        }
    }
    verdict.count("looks", looks);
    verdict.none_of("other calls", other_calls);
    verdict.none_of("sooner than the poll interval", too_soon);
    verdict
}

/// Schedules that are due and that nobody can acquire.
async fn leave_schedules(client: &Client, fleet: &mut Fleet, errand: &Errand) {
    let past = SystemClock.now() - TimeDelta::seconds(10);
    let add = async |id: &str, at: DateTime<Utc>| {
        let added = client.scheduler.add_schedule(Load::task("tick"), Load::numbered(0), DateTrigger::at(at));
        added.id(id).await.expect("the schedule is right");
    };
    add("paused", SystemClock.now() + TimeDelta::seconds(3600)).await;
    client.scheduler.pause_schedule("paused").await.expect("it is there");
    client.scheduler.update_schedule("paused").trigger(DateTrigger::at(past)).await.expect("it is there");

    // In the hands of somebody dead, for longer than the test lasts.
    add("leased", past).await;
    let trap = Trap {
        operation: "acquire_schedules".to_owned(),
        after_calls: 0,
        springs: Springs::Once,
        side: Side::After,
        deed: Deed::Die,
    };
    let lease_millis = u64::try_from(LONG.as_millis()).expect("it fits");
    let dying = fleet.start(Errand { trap: Some(trap), lease_millis, jobs: false, ..errand.clone() });
    fleet.wait_for_end(dying).await;
    let leased = client.scheduler.schedule("leased").await.expect("it is there");
    assert!(leased.lease.is_some(), "the dead one has it: {leased:?}");

    add("tomorrow", SystemClock.now() + TimeDelta::days(1)).await;
}

/// Jobs that are due and that nobody can acquire. Gives who has the only slot of their task.
async fn leave_jobs(client: &Client, fleet: &mut Fleet, errand: &Errand) -> usize {
    let holder = fleet.start(Errand { schedules: false, ..errand.clone() });
    let run = fleet.workers[holder].run;
    fleet.wait_until_up().await;
    let millis = u64::try_from(LONG.as_millis()).expect("it fits");
    let load = Load::numbered(0).lasting(millis);
    client.scheduler.add_job(Load::task("saturated"), load).await.expect("the task is declared");
    let has_begun = |run: &Run| run.entries().any(|entry| matches!(entry, Entry::Started { .. }));
    fleet.record.until("the slot is taken", |story| has_begun(story.run(run))).await;
    for task in ["saturated", "unknown"] {
        let added = client.scheduler.add_jobs(Load::task(task), (1..50).map(Load::numbered));
        added.keep_result(KEEP).await.expect("a client may add any job");
    }
    let tomorrow = client.scheduler.add_job(Load::task("tick"), Load::numbered(1)).delay(LONG);
    tomorrow.await.expect("the task is declared");
    holder
}

/// Waits until each has looked so often since then.
async fn until_looked(fleet: &Fleet, marks: &[(RunId, usize)], times: u64) {
    let looks = |run: &Run, from: usize| {
        let is_look = |entry: &Entry| *entry == Entry::Answer("next_wakeup".to_owned(), None);
        run.lines[from..].iter().filter(|line| is_look(&line.1)).count() as u64
    };
    let all = |story: &Story| marks.iter().all(|(run, from)| looks(story.run(*run), *from) >= times);
    fleet.record.until("each has looked often", all).await;
}

/// When a run began which calls, between two places in what it wrote.
fn calls(run: &Run, from: usize, to: usize) -> impl Iterator<Item = (Moment, &str)> {
    run.lines[from..to].iter().filter_map(|line| match &line.1 {
        Entry::Call(operation) => Some((line.0, operation.as_str())),
        _ => None,
    })
}
