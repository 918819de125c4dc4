//! Guarantee 4: no more jobs of a task run at once than its limit allows, and no slot is lost, through crashes and takeovers.
//!
//! Measured from what the handlers wrote, by the clock that all processes share: a handler counts from its beginning to its
//! end, or to the end of its lease if that is earlier. One whose process was killed counts until its lease ends, or until
//! the process comes back under its name and takes its work back.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use apsched::id::JobId;
use apsched_tests::{Entry, Errand, Line, Moment, Production, TaskOptions};

use super::account;
use super::chaos::Chaos;
use super::client::Client;
use super::fleet::Fleet;
use super::record::{Run, Story};
use super::site::Ground;
use super::verdict::Verdict;

/// Eight processes, killed and frozen, and tasks of one and of three jobs at once.
pub(crate) async fn it_holds_and_no_slot_is_lost_though_processes_are_killed_and_frozen(
    ground: Ground,
    seed: u64,
) -> Verdict {
    it_holds_among(8, ground, seed).await
}

/// The same with two processes.
pub(crate) async fn it_holds_between_two(ground: Ground, seed: u64) -> Verdict {
    it_holds_among(2, ground, seed).await
}

async fn it_holds_among(processes: u64, ground: Ground, seed: u64) -> Verdict {
    let (mut fleet, client) = (Fleet::new(), Client::of(&ground).await);
    let singles = (0..6).map(|number| TaskOptions::named(&format!("single-{number}")).limited(1));
    let triples = (0..4).map(|number| TaskOptions::named(&format!("triple-{number}")).limited(3));
    let tasks: Vec<_> = singles.chain(triples).map(|task| task.attempted(50)).collect();
    for number in 0..processes {
        let identity = (number % 2 == 0).then(|| format!("named-{number}"));
        fleet.start(Errand { identity, tasks: tasks.clone(), ..Errand::at(&ground.url, &ground.prefix) });
    }
    fleet.wait_until_tasks_are_declared().await;
    let production = Production {
        tasks: tasks.iter().map(|task| task.name.clone()).collect(),
        jobs: super::amount(250 * processes),
        batch: 20,
        millis: 3,
    };
    let production = Some(production);
    let producer = fleet.start(Errand {
        schedules: false,
        jobs: false,
        production,
        ..Errand::at(&ground.url, &ground.prefix)
    });
    let mut chaos = Chaos::kills(seed, 400).with_freezes(40);
    fleet.rage_until_produced(&mut chaos, &[producer]).await;
    client.until_no_job_is_left().await;
    let (kills, freezes) = (fleet.kills, fleet.freezes);
    let mut verdict = Verdict::of(fleet.end().await);
    account::judge(&client, &tasks, &mut verdict).await;
    judge(&tasks, &mut verdict);
    verdict.count("kills", kills);
    verdict.count("freezes", freezes);
    verdict
}

/// Compares how many ran at once with the limits.
fn judge(tasks: &[TaskOptions], verdict: &mut Verdict) {
    let story = verdict.story();
    let mut turns: BTreeMap<&str, Vec<(Moment, bool, JobId)>> = BTreeMap::new();
    for span in spans(story) {
        let turns = turns.entry(span.task).or_default();
        turns.push((span.from, true, span.job));
        turns.push((span.to, false, span.job));
    }
    let (mut exceeded, mut most_at_once) = (Vec::new(), 0);
    for (task, mut turns) in turns {
        let limit = tasks.iter().find(|it| it.name == task).and_then(|task| task.limit).unwrap_or(u32::MAX);
        // Of an end and a beginning at the same microsecond, the end goes first.
        turns.sort();
        let mut running: Vec<JobId> = Vec::new();
        for (at, begins, job) in turns {
            if begins {
                running.push(job);
            } else if let Some(index) = running.iter().position(|it| *it == job) {
                running.swap_remove(index);
            }
            most_at_once = most_at_once.max(running.len());
            if running.len() > limit as usize {
                let told: String = running.iter().map(|job| story.told_of(*job)).collect();
                exceeded
                    .push(format!("{task} has {} of {limit} at {at}: {running:?}\n{told}", running.len()));
            }
        }
    }
    verdict.count("most at once", most_at_once);
    verdict.none_of("limit exceeded", exceeded);
}

/// When a handler ran, as far as it counts.
struct Span<'s> {
    task: &'s str,
    job: JobId,
    from: Moment,
    to: Moment,
}

fn spans(story: &Story) -> Vec<Span<'_>> {
    let slack = clock_slack(story);
    let mut spans = Vec::new();
    for (index, run) in story.runs.iter().enumerate() {
        let mut lease_ends: HashMap<(JobId, u64), Moment> = HashMap::new();
        let mut ends: HashMap<(JobId, u64), Moment> = HashMap::new();
        for Line(at, entry) in &run.lines {
            match entry {
                Entry::Acquired(job, token) | Entry::Extended(job, token) => {
                    lease_ends.insert((*job, *token), *at + run.lease.saturating_sub(slack));
                }
                Entry::Finished(job, token) | Entry::Dropped(job, token) => {
                    ends.insert((*job, *token), *at);
                }
                _ => {}
            }
        }
        let came_back = came_back(story, index);
        for Line(from, entry) in &run.lines {
            let Entry::Started { job, token, task, .. } = entry else { continue };
            let claim = (*job, *token);
            let lease_end = lease_ends.get(&claim).copied().unwrap_or(*from);
            let end = ends.get(&claim).copied().or(came_back).unwrap_or(lease_end);
            let to = end.min(lease_end);
            if *from < to {
                spans.push(Span { task, job: *job, from: *from, to });
            }
        }
    }
    spans
}

/// When the worker of a dead run began to run again under its name. `None`: it did not, or has another name each time.
fn came_back(story: &Story, index: usize) -> Option<Moment> {
    let run = &story.runs[index];
    run.ended?;
    let is_named = run.worker.starts_with("named-");
    let successor = story.runs[index + 1..].iter().find(|later| is_named && later.worker == run.worker)?;
    successor.lines.first().map(|line| line.0)
}

/// How far the clocks of two schedulers may be apart: each knows its server's time but for half of the time that the question
/// took.
fn clock_slack(story: &Story) -> Duration {
    let question = |run: &Run| {
        let mut lines = run.lines.iter().filter(|line| match &line.1 {
            Entry::Call(operation) | Entry::Answer(operation, _) => operation == "server_time",
            _ => false,
        });
        Some(lines.next()?.0).zip(lines.next().map(|line| line.0)).map(|(asked, answered)| answered - asked)
    };
    story.runs.iter().filter_map(question).max().unwrap_or_default() + Duration::from_millis(1)
}
