//! Guarantee 6: what goes wrong hurts itself alone.
//!
//! Beside schedules and jobs that are as they should be: handlers that panic, handlers that take their process with them, a
//! task that nobody knows, and rows that cannot be read. What is right must come to its end, and what is wrong to its own.

use apsched::clock::{Clock, SystemClock};
use apsched::id::{JobId, ScheduleId};
use apsched::prelude::*;
use apsched::store::StoreError;
use apsched_tests::{Entry, Errand, HandlerEnd, Load, TaskOptions};

use super::account;
use super::client::{Client, KEEP, eventually};
use super::fire_times;
use super::fleet::Fleet;
use super::record::{Run, Story};
use super::site::Ground;
use super::spoil::Spoil;
use super::verdict::Verdict;

pub(crate) async fn what_goes_wrong_hurts_itself_alone(ground: Ground, seed: u64) -> Verdict {
    let (mut fleet, client) = (Fleet::new(), Client::of(&ground).await);
    let harmful = [
        TaskOptions::named("panics").attempted(2).ending(HandlerEnd::Panics),
        TaskOptions::named("dies").attempted(2).ending(HandlerEnd::Dies),
    ];
    let tasks = [fire_times::tasks(), harmful.to_vec(), vec![TaskOptions::named("spoiled")]].concat();
    let unreadable = leave_unreadable(&client, &ground).await;
    for _ in 0..3 {
        fleet.start(Errand { tasks: tasks.clone(), ..Errand::at(&ground.url, &ground.prefix) });
    }
    fleet.wait_until_up().await;
    let mut random = fastrand::Rng::with_seed(seed);
    let expected = fire_times::add_schedules(&client, &mut random, 30, super::load_time()).await;
    let unknown = add(&client, "unknown", 20).await;
    let (panics, deaths) = (super::amount(40), super::amount(4));
    add(&client, "panics", panics).await;
    add(&client, "dies", deaths).await;
    add(&client, "tick", super::amount(200)).await;

    let fleet_of = tokio::sync::Mutex::new(fleet);
    eventually("everything else has ended", async || {
        fleet_of.lock().await.restart_dead().await;
        let left = client.jobs().await.into_iter().find(|job| job.task_id.as_str() != "unknown");
        left.map_or(Ok(()), |job| Err(format!("{job:?}")))
    })
    .await;
    let fleet = fleet_of.into_inner();
    for job in &unknown {
        client.scheduler.cancel_job(*job).await.expect("the test's store answers");
    }
    fire_times::until_all_fired(&client).await;

    let mut verdict = Verdict::of(fleet.end_alive().await);
    fire_times::judge(&client, &expected, &mut verdict).await;
    account::judge(&client, &tasks, &mut verdict).await;
    verdict.count("panicking jobs", panics as usize);
    verdict.count("deadly jobs", deaths as usize);
    verdict.count("jobs of a task that nobody knows", unknown.len());
    let untold = untold(&client, verdict.story(), &unreadable).await;
    verdict.none_of("unreadable rows that are not told", untold);
    verdict
}

async fn add(client: &Client, task: &str, count: u64) -> Vec<JobId> {
    let added = client.scheduler.add_jobs(Load::task(task), (0..count).map(Load::numbered));
    added.keep_result(KEEP).await.expect("a client may add any job")
}

/// A job and a schedule whose rows cannot be read, by their ids.
struct Unreadable {
    job: JobId,
    schedule: &'static str,
}

/// Both are due, so that somebody will come across them.
async fn leave_unreadable(client: &Client, ground: &Ground) -> Unreadable {
    let unreadable = Unreadable { job: add(client, "spoiled", 1).await[0], schedule: "spoiled" };
    let due = DateTrigger::at(SystemClock.now());
    let added = client.scheduler.add_schedule(Load::task("tick"), Load::numbered(0), due);
    added.id(unreadable.schedule).await.expect("the schedule is right");
    Spoil::Named.apply(ground).await;
    unreadable
}

/// Rows of which nobody has told, or which are not there any more.
async fn untold(client: &Client, story: &Story, unreadable: &Unreadable) -> Vec<String> {
    let mut untold = Vec::new();
    let entries = || story.runs.iter().flat_map(Run::entries);
    let is_told = |id: &str| entries().any(|entry| matches!(entry, Entry::Quarantined(it) if it == id));
    for id in [unreadable.job.to_string(), unreadable.schedule.to_owned()] {
        if !is_told(&id) {
            untold.push(format!("{id} was not put aside"));
        }
    }
    let job = client.store.job_status(unreadable.job).await.map(|status| format!("{status:?}"));
    let schedule = ScheduleId::new(unreadable.schedule).expect("a name");
    let schedule = client.store.schedule(&schedule).await.map(|schedule| format!("{schedule:?}"));
    for found in [job, schedule] {
        if !matches!(found, Err(StoreError::Unreadable { .. })) {
            untold.push(format!("a user is told {found:?}"));
        }
    }
    untold
}
