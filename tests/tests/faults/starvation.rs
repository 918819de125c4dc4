//! Guarantee 9: the queue of a saturated task delays no job of another.

use apsched_tests::{Errand, Load, TaskOptions};

use super::client::{Client, KEEP};
use super::fleet::Fleet;
use super::look;
use super::site::Ground;
use super::verdict::Verdict;
use super::wakeup::add_and_await;

/// Jobs that stand in front of all others, and that nobody can take.
const QUEUED: u64 = 100_000;
const AT_ONCE: u64 = 2_000;
/// Longer than any test.
const LONG: u64 = 24 * 3600 * 1000;

pub(crate) async fn the_queue_of_a_saturated_task_delays_no_other(ground: Ground, seed: u64) -> Verdict {
    let (mut fleet, client) = (Fleet::new(), Client::of(&ground).await);
    let tasks = vec![TaskOptions::named("saturated").limited(1), TaskOptions::named("other")];
    for _ in 0..3 {
        fleet.start(Errand { tasks: tasks.clone(), ..Errand::at(&ground.url, &ground.prefix) });
    }
    fleet.wait_until_up().await;
    let saturated = || Load::task("saturated");
    let holder = client.scheduler.add_job(saturated(), Load::numbered(0).lasting(LONG)).await;
    holder.expect("the task is declared");
    fleet.record.until("the slot is taken", |story| story.started == 1).await;
    for first in (0..QUEUED).step_by(AT_ONCE as usize) {
        let loads = (first..first + AT_ONCE).map(Load::numbered);
        let added = client.scheduler.add_jobs(saturated(), loads).priority(10).keep_result(KEEP).await;
        added.expect("the task is declared");
    }

    let mut random = fastrand::Rng::with_seed(seed);
    let mut added = Vec::new();
    for _ in 0..super::amount(20) {
        add_and_await(&client, &fleet, "other", random.u64(1..=5), &mut added).await;
    }

    let mut verdict = Verdict::of(fleet.end_alive().await);
    let begun = verdict.story().started;
    assert_eq!(begun, added.len() + 1, "of the saturated task one job has begun");
    verdict.count("queued in front", QUEUED as usize);
    verdict.count("jobs", added.len());
    verdict.none_of("passed over", look::passed_over(verdict.story(), &added));
    verdict
}
