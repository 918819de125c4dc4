//! Guarantee 10: a worker that is told to stop lets its jobs finish, then tells them to stop, and leaves no lease behind.

use std::collections::HashSet;

use apsched::id::JobId;
use apsched_tests::{Entry, Errand, Load, Moment, Production, TaskOptions};

use super::account;
use super::client::{Client, KEEP};
use super::fire_times;
use super::fleet::Fleet;
use super::record::{Run, RunId};
use super::site::Ground;
use super::verdict::Verdict;

/// How long each worker lets its jobs go on: much shorter than these last, and much longer.
const DRAIN_MILLIS: [u64; 4] = [100, 30_000, 100, 30_000];
const LONG_JOB_MILLIS: u64 = 700;

/// Workers under load are told to stop at random, and start again.
pub(crate) async fn a_worker_that_is_told_to_stop_leaves_no_lease_behind(
    ground: Ground,
    seed: u64,
) -> Verdict {
    let (mut fleet, client) = (Fleet::new(), Client::of(&ground).await);
    let tasks = [fire_times::tasks(), vec![TaskOptions::named("long").attempted(50)]].concat();
    let errand = Errand { tasks: tasks.clone(), ..Errand::at(&ground.url, &ground.prefix) };
    for drain_millis in DRAIN_MILLIS {
        fleet.start(Errand { drain_millis, ..errand.clone() });
    }
    fleet.wait_until_up().await;
    let long = vec!["long".to_owned()];
    let production = Production { tasks: long, jobs: super::amount(200), batch: 5, millis: LONG_JOB_MILLIS };
    fleet.start(Errand { schedules: false, jobs: false, production: Some(production), ..errand });
    let mut random = fastrand::Rng::with_seed(seed);
    let lasting = super::load_time();
    let expected = fire_times::add_schedules(&client, &mut random, 60, lasting).await;

    let over_at = Moment::now() + lasting;
    let (mut left_behind, mut too_early) = (Vec::new(), Vec::new());
    while Moment::now() < over_at || fleet.stops < 2 * DRAIN_MILLIS.len() {
        let number = fleet.stops % DRAIN_MILLIS.len();
        let goal = fleet.record.story().lines + random.usize(1..200);
        fleet.record.wait(lasting / 20, |story| story.lines >= goal).await;
        let (run, lines) = fleet.mark(number);
        // Before, a signal ends it as any program that has not begun to listen.
        fleet.record.until("the worker is up", |story| story.run(run).is_up()).await;
        fleet.stop(number).await;
        left_behind.extend(leases_of(&client, &fleet, run).await);
        if DRAIN_MILLIS[number] > LONG_JOB_MILLIS {
            too_early.extend(cut_short(fleet.record.story().run(run), lines));
        }
        fleet.restart(number);
    }
    fire_times::until_all_fired(&client).await;

    let (hurried, hurried_left) = stop_at_once(&client, &mut fleet, &ground).await;
    left_behind.extend(hurried_left);
    let stops = fleet.stops;
    let mut verdict = Verdict::of(fleet.end().await);
    fire_times::judge(&client, &expected, &mut verdict).await;
    account::judge(&client, &tasks, &mut verdict).await;
    let told_to_stop = verdict.story().runs.iter().flat_map(|run| stopped(run, 0)).count();
    assert!(told_to_stop > 0, "no worker had to tell a job to stop");
    assert_eq!(hurried, 1, "the job of the worker that was to stop at once was told so");
    verdict.count("stops", stops);
    verdict.count("jobs told to stop", told_to_stop);
    verdict.none_of("told to stop in spite of time", too_early);
    verdict.none_of("leases left behind", left_behind);
    verdict
}

/// A worker that would wait for ever is told twice. Gives how many of its jobs were stopped, and the leases it left.
async fn stop_at_once(client: &Client, fleet: &mut Fleet, ground: &Ground) -> (usize, Vec<String>) {
    const FOR_EVER: u64 = 24 * 3600 * 1000;
    let tasks = vec![TaskOptions::named("endless").attempted(2)];
    let errand = Errand { drain_millis: FOR_EVER, tasks, ..Errand::at(&ground.url, &ground.prefix) };
    let number = fleet.start(errand);
    fleet.wait_until_up().await;
    let load = Load::numbered(0).lasting(FOR_EVER);
    let job = client.scheduler.add_job(Load::task("endless"), load).keep_result(KEEP).await;
    let job = job.expect("the task is declared");
    let run = fleet.workers[number].run;
    let has_begun = |run: &Run| run.entries().any(|entry| matches!(entry, Entry::Started { .. }));
    fleet.record.until("the job has begun", |story| has_begun(story.run(run))).await;

    fleet.stop_at_once(number).await;

    let left = leases_of(client, fleet, run).await;
    job.cancel().await.expect("the test's store answers");
    let told = stopped(fleet.record.story().run(run), 0).count();
    (told, left)
}

/// What the store says is in the hands of the scheduler of this run.
async fn leases_of(client: &Client, fleet: &Fleet, run: RunId) -> Vec<String> {
    let Some(id) = fleet.record.story().run(run).scheduler_id().cloned() else { return Vec::new() };
    let jobs = client.jobs().await.into_iter();
    let jobs = jobs.filter(|job| job.lease.as_ref().is_some_and(|lease| lease.holder == id));
    let schedules = client.schedules().await.into_iter();
    let schedules =
        schedules.filter(|schedule| schedule.lease.as_ref().is_some_and(|lease| lease.holder == id));
    jobs.map(|job| format!("{job:?}")).chain(schedules.map(|schedule| format!("{schedule:?}"))).collect()
}

/// Jobs that were stopped before their end since the run had written so many lines.
fn stopped(run: &Run, lines: usize) -> impl Iterator<Item = JobId> {
    // Those of schedules are stopped by others that replace them, too.
    let has_schedule = |id: &JobId| {
        let is_start =
            |entry: &Entry| matches!(entry, Entry::Started { job, fired: Some(_), .. } if job == id);
        run.entries().any(is_start)
    };
    run.lines[lines..].iter().filter_map(move |line| match &line.1 {
        Entry::Dropped(job, _) if !has_schedule(job) => Some(*job),
        _ => None,
    })
}

/// The same, without those whose claims were lost.
fn cut_short(run: &Run, lines: usize) -> Vec<String> {
    let lost: HashSet<JobId> = run
        .entries()
        .filter_map(|entry| if let Entry::Lost(job, _) = entry { Some(*job) } else { None })
        .collect();
    stopped(run, lines)
        .filter(|job| !lost.contains(job))
        .map(|job| format!("{job} of {}", run.worker))
        .collect()
}
