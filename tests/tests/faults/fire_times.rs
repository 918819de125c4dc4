//! Guarantee 1: each fire time becomes one job, or one recorded skip, whoever is killed when.
//!
//! Hundreds of schedules that catch up on every fire time, each with an end. At the end of all, what the store has of each
//! schedule must be its trigger's own sequence: every fire time, once. Each worker writes down which jobs it is about to
//! write for which fire time; so of the jobs that were planned for one, exactly one must have been written.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use apsched::chrono::TimeDelta;
use apsched::clock::{Clock, SystemClock};
use apsched::id::{JobId, ScheduleId};
use apsched::job::{JobOutcome, JobStatus};
use apsched::prelude::*;
use apsched_tests::{Entry, Errand, Load, Moment, TaskOptions};
use futures_util::{StreamExt, stream};

use super::chaos::Chaos;
use super::client::{Client, KEEP, eventually};
use super::fleet::Fleet;
use super::record::Story;
use super::site::Ground;
use super::verdict::Verdict;

/// The fire times of one schedule, as its trigger tells them.
pub(crate) type FireTimes = BTreeMap<ScheduleId, Vec<DateTime<Utc>>>;

/// The tasks that schedules run: one is done at once, one takes a while.
pub(crate) fn tasks() -> Vec<TaskOptions> {
    vec![TaskOptions::named("tick").attempted(20), TaskOptions::named("slow").attempted(20)]
}

/// Adds schedules of every overlap, which fire for so long.
pub(crate) async fn add_schedules(
    client: &Client,
    random: &mut fastrand::Rng,
    count: usize,
    lasting: Duration,
) -> FireTimes {
    // The first may be due before the last is added.
    let start = SystemClock.now() + TimeDelta::milliseconds(500);
    let end = start + TimeDelta::from_std(lasting).expect("a test does not last for ever");
    let intervals = (0..count).map(|number| {
        let every = Duration::from_millis(random.u64(4..20) * 50);
        let millis = if number % 5 == 0 { 300 } else { random.u64(0..20) };
        (
            IntervalTrigger::every(every).starting_at(start).ending_at(end),
            Load::numbered(number as u64).lasting(millis),
        )
    });
    let added = intervals.map(|(trigger, load)| async move {
        let overlap = [Overlap::Queue, Overlap::Skip, Overlap::Replace][load.number as usize % 3];
        let id = format!("every-{}-{overlap:?}-{}", trigger.interval().as_millis(), load.number);
        let id = client
            .scheduler
            .add_schedule(Load::task(if load.millis < 100 { "tick" } else { "slow" }), load, trigger)
            .id(id)
            .coalesce(Coalesce::All)
            .overlap(overlap)
            .keep_results(KEEP)
            .await
            .expect("the schedule is right");
        let fire_times = trigger.preview_after(start - TimeDelta::microseconds(1), 100_000);
        (id, fire_times.expect("an interval does not fail"))
    });
    stream::iter(added.collect::<Vec<_>>()).buffer_unordered(4).collect().await
}

/// Processes are killed at random and start again.
pub(crate) async fn each_becomes_one_job_though_processes_are_killed(ground: Ground, seed: u64) -> Verdict {
    each_becomes_one_job_among(8, ground, seed).await
}

/// The same with two processes, of which one does everything while the other is away.
pub(crate) async fn each_becomes_one_job_between_two(ground: Ground, seed: u64) -> Verdict {
    each_becomes_one_job_among(2, ground, seed).await
}

async fn each_becomes_one_job_among(processes: usize, ground: Ground, seed: u64) -> Verdict {
    let (mut fleet, client) = (Fleet::new(), Client::of(&ground).await);
    for number in 0..processes {
        // Half of them come back under the same name.
        let identity = (number % 2 == 0).then(|| format!("named-{number}"));
        fleet.start(Errand { identity, tasks: tasks(), ..Errand::at(&ground.url, &ground.prefix) });
    }
    fleet.wait_until_up().await;
    let mut chaos = Chaos::kills(seed, 250);
    let lasting = super::load_time();
    let expected = add_schedules(&client, &mut chaos.random, 25 * processes, lasting).await;
    let over_at = Moment::now() + lasting;
    chaos.rage(&mut fleet, 8, |_| Moment::now() >= over_at).await;
    until_all_fired(&client).await;
    let kills = fleet.kills;
    let mut verdict = Verdict::of(fleet.end().await);
    judge(&client, &expected, &mut verdict).await;
    verdict.count("kills", kills);
    verdict
}

/// Waits until every schedule is finished and every job has ended.
pub(crate) async fn until_all_fired(client: &Client) {
    eventually("all schedules are finished", async || {
        let schedules = client.schedules().await;
        match schedules.iter().find(|schedule| schedule.state != ScheduleState::Finished) {
            Some(schedule) => Err(format!("{schedule:?}")),
            None => Ok(()),
        }
    })
    .await;
    client.until_no_job_is_left().await;
}

/// Compares what the store has with what had to be.
pub(crate) async fn judge(client: &Client, expected: &FireTimes, verdict: &mut Verdict) {
    let story = verdict.story();
    let mut planned: HashMap<(ScheduleId, DateTime<Utc>), Vec<JobId>> = HashMap::new();
    for (_, line) in story.all_lines() {
        if let Entry::Planned { schedule, fire_time, job, .. } = &line.1 {
            let jobs = planned.entry((schedule.clone(), *fire_time)).or_default();
            // A plan is written again when the first try failed.
            if !jobs.contains(job) {
                jobs.push(*job);
            }
        }
    }
    let statuses = client.statuses(planned.values().flatten().copied()).await;
    let outcome = |job: &JobId| match &statuses[job] {
        JobStatus::Finished(result) => Some(result.outcome),
        JobStatus::Active(_) | JobStatus::Unknown => None,
    };
    let (mut lost, mut doubled, mut wrong, mut skips, mut fires) = (vec![], vec![], vec![], 0, 0);
    for (schedule, fire_times) in expected {
        for fire_time in fire_times {
            fires += 1;
            let jobs = planned.remove(&(schedule.clone(), *fire_time)).unwrap_or_default();
            let written: Vec<JobId> = jobs.iter().copied().filter(|job| outcome(job).is_some()).collect();
            let tell = || format!("{schedule} at {fire_time}: planned {jobs:?}\n{}", tell(story, &jobs));
            match written.as_slice() {
                [] => lost.push(tell()),
                [job] => match outcome(job) {
                    Some(JobOutcome::Skipped) => skips += 1,
                    Some(JobOutcome::Success | JobOutcome::Cancelled) => {}
                    other => wrong.push(format!("{other:?}: {}", tell())),
                },
                _ => doubled.push(tell()),
            }
        }
    }
    let unexpected = planned.iter().map(|((schedule, at), jobs)| format!("{schedule} at {at}: {jobs:?}"));
    wrong.extend(unexpected);
    wrong.extend(miscounted(client, expected).await);
    verdict.count("schedules", expected.len());
    verdict.count("fires", fires);
    verdict.count("skips", skips);
    verdict.none_of("lost", lost);
    verdict.none_of("doubled", doubled);
    verdict.none_of("wrong", wrong);
}

fn tell(story: &Story, jobs: &[JobId]) -> String {
    story.told(|entry| entry.job().is_some_and(|job| jobs.contains(&job)))
}

/// Schedules that say that they fired more or less often than they had to.
async fn miscounted(client: &Client, expected: &FireTimes) -> Vec<String> {
    let schedules = client.schedules().await;
    let wrong = schedules.iter().filter_map(|schedule| {
        let expected = expected.get(&schedule.id)?.len();
        (schedule.fires != expected as u64)
            .then(|| format!("{}: {} fires, not {expected}", schedule.id, schedule.fires))
    });
    wrong.collect()
}
