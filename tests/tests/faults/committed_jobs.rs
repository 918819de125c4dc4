//! Guarantee 2: a job once added is run, tried again, or ends with a recorded outcome, whoever is killed when.

use apsched_tests::{Entry, Errand, Production, TaskOptions};

use super::account;
use super::chaos::Chaos;
use super::client::Client;
use super::fleet::Fleet;
use super::record::Story;
use super::site::Ground;
use super::verdict::Verdict;

/// Thousands of jobs, added by processes that are killed as well; half of them may be tried again, half may begin once.
pub(crate) async fn each_ends_with_an_outcome_though_processes_are_killed(
    ground: Ground,
    seed: u64,
) -> Verdict {
    let (mut fleet, client) = (Fleet::new(), Client::of(&ground).await);
    let tasks = vec![TaskOptions::named("once"), TaskOptions::named("again").attempted(50)];
    for number in 0..6 {
        let identity = (number % 2 == 0).then(|| format!("named-{number}"));
        let errand = Errand { identity, tasks: tasks.clone(), ..Errand::at(&ground.url, &ground.prefix) };
        fleet.start(errand);
    }
    fleet.wait_until_tasks_are_declared().await;
    let production = Production {
        tasks: tasks.iter().map(|task| task.name.clone()).collect(),
        jobs: super::amount(1500),
        batch: 20,
        millis: 5,
    };
    let producers = [0, 1].map(|_| {
        let production = Some(production.clone());
        fleet.start(Errand {
            schedules: false,
            jobs: false,
            production,
            ..Errand::at(&ground.url, &ground.prefix)
        })
    });
    fleet.rage_until_produced(&mut Chaos::kills(seed, 300), &producers).await;
    client.until_no_job_is_left().await;
    let kills = fleet.kills;
    let mut verdict = Verdict::of(fleet.end().await);
    account::judge(&client, &tasks, &mut verdict).await;
    verdict.count("kills", kills);
    verdict
}

impl Fleet {
    /// Lets chaos rage until these workers have added all their jobs, and revives everybody.
    pub(crate) async fn rage_until_produced(&mut self, chaos: &mut Chaos, producers: &[usize]) {
        // A producer that is killed comes back as another run.
        let names = producers.iter().map(|number| self.name(*number).to_owned()).collect::<Vec<_>>();
        let is_produced = move |story: &Story| names.iter().all(|name| has_produced(story, name));
        chaos.rage(self, 8, is_produced.clone()).await;
        self.record.until("all jobs are added", is_produced).await;
    }
}

fn has_produced(story: &Story, worker: &str) -> bool {
    let run = story.runs.iter().rev().find(|run| run.worker == worker);
    run.is_some_and(|run| run.entries().next_back() == Some(&Entry::Produced))
}
