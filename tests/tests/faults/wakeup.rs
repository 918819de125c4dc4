//! Guarantee 5: what is due is found by the next look, though nobody is told of it.
//!
//! Each process has a broker of its own, so of what another adds it hears nothing: every event is lost.

use apsched_tests::{Errand, Load, Moment};

use super::client::{Client, KEEP};
use super::fire_times;
use super::fleet::Fleet;
use super::look::{self, Added};
use super::site::Ground;
use super::verdict::Verdict;

/// Jobs that are added at once; fewer than one worker can take.
const BATCH: u64 = 5;

pub(crate) async fn what_is_due_is_found_by_the_next_look(ground: Ground, seed: u64) -> Verdict {
    let (mut fleet, client) = (Fleet::new(), Client::of(&ground).await);
    for _ in 0..3 {
        fleet.start(Errand { tasks: fire_times::tasks(), ..Errand::at(&ground.url, &ground.prefix) });
    }
    fleet.wait_until_up().await;
    let mut random = fastrand::Rng::with_seed(seed);
    let mut added = Vec::new();
    for _ in 0..super::amount(40) {
        add_and_await(&client, &fleet, "tick", random.u64(1..=BATCH), &mut added).await;
    }
    client.until_no_job_is_left().await;
    let mut verdict = Verdict::of(fleet.end_alive().await);
    super::account::judge(&client, &fire_times::tasks(), &mut verdict).await;
    verdict.none_of("passed over", look::passed_over(verdict.story(), &added));
    verdict
}

/// Adds jobs and waits until they have begun.
pub(crate) async fn add_and_await(
    client: &Client,
    fleet: &Fleet,
    task: &str,
    count: u64,
    added: &mut Vec<Added>,
) {
    let before = fleet.record.story().started;
    let loads = (0..count).map(Load::numbered);
    let jobs = client.scheduler.add_jobs(Load::task(task), loads).keep_result(KEEP).await;
    let jobs = jobs.expect("the task is declared");
    let at = Moment::now();
    added.extend(jobs.into_iter().map(|job| (job, at)));
    let goal = before + usize::try_from(count).expect("a few");
    fleet.record.until("the jobs have begun", |story| story.started >= goal).await;
}
