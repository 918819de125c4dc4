//! Guarantee 3: who has lost a lease writes nothing: no result, no slot, no advance of a schedule.
//!
//! Workers that freeze themselves at a certain call to the store, longer than their leases live. Others take over and finish
//! everything. Then the frozen ones go on where they stood, and the store must be as before.

use std::collections::BTreeMap;
use std::time::Duration;

use apsched::id::JobId;
use apsched::job::JobStatus;
use apsched_tests::{Entry, Errand, Load, Side, TaskOptions};

use super::account;
use super::client::{Client, KEEP};
use super::fire_times;
use super::fleet::Fleet;
use super::record::{Run, RunId, Story};
use super::site::Ground;
use super::verdict::Verdict;

/// Where workers freeze: with plans, with results or with claims in hand, or not knowing that they were written.
const TRAPS: [(&str, Side); 7] = [
    ("release_schedules", Side::Before),
    ("release_schedules", Side::After),
    ("acquire_schedules", Side::After),
    ("release_jobs", Side::Before),
    ("release_jobs", Side::After),
    ("acquire_jobs", Side::After),
    ("extend_leases", Side::Before),
];

pub(crate) async fn a_worker_that_slept_past_its_leases_writes_nothing(ground: Ground, seed: u64) -> Verdict {
    let (mut fleet, client) = (Fleet::new(), Client::of(&ground).await);
    let tasks = [fire_times::tasks(), vec![TaskOptions::named("long").attempted(50)]].concat();
    let healthy = Errand { tasks: tasks.clone(), ..Errand::at(&ground.url, &ground.prefix) };
    let trapped = TRAPS.map(|(operation, side)| {
        let trap = super::freezing_once(operation, side);
        fleet.start(Errand { trap: Some(trap), most_jobs: 3, ..healthy.clone() })
    });
    fleet.wait_until_tasks_are_declared().await;
    let mut random = fastrand::Rng::with_seed(seed);
    let expected = fire_times::add_schedules(&client, &mut random, 60, super::load_time()).await;
    add_long_jobs(&client).await;
    for number in trapped {
        fleet.wait_for_freeze(number).await;
    }
    for _ in 0..2 {
        fleet.start(healthy.clone());
    }
    fire_times::until_all_fired(&client).await;
    let before = snapshot(&client, &fleet).await;

    let marks = trapped.map(|number| fleet.mark(number));
    trapped.iter().for_each(|number| fleet.thaw(*number));
    for (run, lines) in marks {
        fleet
            .record
            .until("the thawed worker has been told", |story| is_at_rest(story.run(run), lines))
            .await;
    }

    let after = snapshot(&client, &fleet).await;
    let freezes = fleet.freezes;
    let mut verdict = Verdict::of(fleet.end().await);
    fire_times::judge(&client, &expected, &mut verdict).await;
    account::judge(&client, &tasks, &mut verdict).await;
    let (schedules, jobs) = refusals(verdict.story());
    assert!(
        schedules > 0 && jobs > 0,
        "nobody came too late: {schedules} schedules, {jobs} jobs were refused"
    );
    verdict.count("refused advances", schedules);
    verdict.none_of("stale writes", differences(&before, &after));
    verdict.none_of("started on an expired lease", started_late(verdict.story(), &marks));
    verdict.count("freezes", freezes);
    verdict
}

/// Jobs that last longer than half of a lease, so that leases have to be renewed.
async fn add_long_jobs(client: &Client) {
    let loads = (0..60).map(|number| Load::numbered(number).lasting(1000));
    let added = client.scheduler.add_jobs(Load::task("long"), loads).keep_result(KEEP).await;
    added.expect("the task is declared");
}

/// Whether a run has looked at the store several times since it had written so many lines: all it held is given back by then.
fn is_at_rest(run: &Run, lines: usize) -> bool {
    let looks =
        run.lines[lines..].iter().filter(|line| line.1 == Entry::Answer("next_wakeup".to_owned(), None));
    looks.count() >= 5
}

/// What the store says of every job and schedule that somebody wrote about.
async fn snapshot(client: &Client, fleet: &Fleet) -> BTreeMap<String, String> {
    let jobs: Vec<JobId> = {
        let story = fleet.record.story();
        let entries = story.runs.iter().flat_map(Run::entries);
        entries.filter_map(Entry::job).collect()
    };
    let results = client.statuses(jobs).await.into_iter().map(|(job, status)| match status {
        JobStatus::Finished(result) => (job.to_string(), format!("{result:?}")),
        other => (job.to_string(), format!("{other:?}")),
    });
    let schedules = client.schedules().await.into_iter();
    results.chain(schedules.map(|schedule| (schedule.id.to_string(), format!("{schedule:?}")))).collect()
}

fn differences(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<String> {
    // A job that somebody planned later and the store refused is as unknown as before.
    let unknown = format!("{:?}", JobStatus::Unknown);
    let was = |key: &String| before.get(key).unwrap_or(&unknown);
    let changed = after.iter().filter(|(key, value)| was(key) != *value);
    changed.map(|(key, value)| format!("{key}: {} became {value}", was(key))).collect()
}

/// Handlers that began under a claim that was asked for before the freeze and heard of after the thaw.
fn started_late(story: &Story, marks: &[(RunId, usize)]) -> Vec<String> {
    let mut late = Vec::new();
    for (run, lines) in marks {
        let (before, after) = story.run(*run).lines.split_at(*lines);
        let frozen_at = before.last().map(|line| line.0);
        let heard_late = |claim: (JobId, u64)| {
            let acquired = after.iter().find(|line| line.1 == Entry::Acquired(claim.0, claim.1));
            acquired.is_some_and(|line| Some(line.0) <= frozen_at)
        };
        for line in after {
            if let Entry::Started { job, token, .. } = &line.1
                && heard_late((*job, *token))
            {
                late.push(story.told_of(*job));
            }
        }
    }
    late
}

/// How many advances of schedules, and how many ends and renewals of jobs, the store has refused.
fn refusals(story: &Story) -> (usize, usize) {
    let entries = || story.runs.iter().flat_map(Run::entries);
    let schedules = entries().filter(|entry| matches!(entry, Entry::RefusedSchedule(_))).count();
    let jobs = entries().filter(|entry| matches!(entry, Entry::RefusedJob(_) | Entry::Lost(..))).count();
    (schedules, jobs)
}

/// A worker stands still wherever it is, for longer than its leases live: others go on, and nothing is lost.
pub(crate) async fn processes_that_stand_still_hold_up_nobody_for_long(ground: Ground, seed: u64) -> Verdict {
    let (mut fleet, client) = (Fleet::new(), Client::of(&ground).await);
    for _ in 0..6 {
        fleet.start(Errand { tasks: fire_times::tasks(), ..Errand::at(&ground.url, &ground.prefix) });
    }
    fleet.wait_until_up().await;
    let mut chaos = super::chaos::Chaos::kills(seed, 200).with_freezes(100);
    let lasting = super::load_time();
    let expected = fire_times::add_schedules(&client, &mut chaos.random, 120, lasting).await;
    let over_at = apsched_tests::Moment::now() + lasting + Duration::from_millis(500);
    chaos.rage(&mut fleet, 4, |_| apsched_tests::Moment::now() >= over_at).await;
    fire_times::until_all_fired(&client).await;
    let freezes = fleet.freezes;
    let mut verdict = Verdict::of(fleet.end().await);
    fire_times::judge(&client, &expected, &mut verdict).await;
    account::judge(&client, &fire_times::tasks(), &mut verdict).await;
    verdict.count("freezes", freezes);
    verdict
}
