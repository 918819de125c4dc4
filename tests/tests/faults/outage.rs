//! Guarantee 7: the database is gone for a while, in every way in which it can be. The processes stay, say so, and go on.

use std::time::Duration;

use apsched_testkit::backend::Address;
use apsched_testkit::fault::TcpProxy;
use apsched_tests::{Entry, Errand, Line, Moment, Production, TaskOptions};
use sqlx::{Connection, Executor, SqliteConnection};

use super::account;
use super::client::Client;
use super::fire_times::{self, FireTimes};
use super::fleet::Fleet;
use super::own_server::OwnServer;
use super::record::{Run, RunId, Story};
use super::site::Ground;
use super::verdict::Verdict;

/// How long each outage lasts.
fn outage_time() -> Duration {
    super::seconds("APSCHED_OUTAGE_SECONDS", 2)
}

/// A fleet behind a bad line, under load.
struct Load {
    fleet: Fleet,
    client: Client,
    expected: FireTimes,
    tasks: Vec<TaskOptions>,
}

impl Load {
    /// Workers and a producer that reach the store by `line`; the client reaches it by `ground`.
    async fn begin(ground: &Ground, line: &Ground, seed: u64, lasting: Duration) -> Self {
        Self::begin_with(ground, Errand::at(&line.url, &line.prefix), seed, lasting).await
    }

    async fn begin_with(ground: &Ground, errand: Errand, seed: u64, lasting: Duration) -> Self {
        let (mut fleet, client) = (Fleet::new(), Client::of(ground).await);
        let tasks = [fire_times::tasks(), vec![TaskOptions::named("again").attempted(50)]].concat();
        let errand = Errand { tasks: tasks.clone(), ..errand };
        for _ in 0..4 {
            fleet.start(errand.clone());
        }
        fleet.wait_until_up().await;
        let production =
            Production { tasks: vec!["again".to_owned()], jobs: super::amount(1000), batch: 5, millis: 5 };
        fleet.start(Errand { schedules: false, jobs: false, production: Some(production), ..errand });
        let mut random = fastrand::Rng::with_seed(seed);
        let expected = fire_times::add_schedules(&client, &mut random, 40, lasting).await;
        Self { fleet, client, expected, tasks }
    }

    /// The workers that drive schedules and jobs.
    fn workers(&self) -> impl Iterator<Item = RunId> {
        self.fleet.workers.iter().filter(|worker| worker.errand.schedules).map(|worker| worker.run)
    }

    /// Where each worker stands in what it writes.
    fn marks(&self) -> Vec<(RunId, usize)> {
        let story = self.fleet.record.story();
        self.workers().map(|run| (run, story.run(run).lines.len())).collect()
    }

    /// Waits until each worker has written such a line since.
    async fn until_each(&self, what: &str, marks: &[(RunId, usize)], is_meant: impl Fn(&Entry) -> bool) {
        let has = |run: &Run, from: usize| run.lines[from..].iter().any(|line| is_meant(&line.1));
        let all = |story: &Story| marks.iter().all(|(run, from)| has(story.run(*run), *from));
        self.fleet.record.until(what, all).await;
    }

    /// Waits until each worker has been told that the store does not answer, and the outage has lasted.
    async fn endure(&self, what: &str, marks: &[(RunId, usize)]) {
        let over_at = Moment::now() + outage_time();
        self.fleet.record.wait(outage_time(), |_| Moment::now() >= over_at).await;
        self.until_each_says(&format!("each worker says that it is unhealthy ({what})"), marks, |health| {
            health.is_some()
        })
        .await;
    }

    /// Waits until each worker has written to the store again.
    async fn until_each_writes(&self, what: &str, marks: &[(RunId, usize)]) {
        self.until_each(&format!("each worker writes again ({what})"), marks, |entry| {
            *entry == Entry::Answer("acquire_jobs".to_owned(), None)
        })
        .await;
    }

    /// Waits until each worker is told that all is well again.
    async fn recover(&self, what: &str, marks: &[(RunId, usize)]) {
        self.until_each_says(&format!("each worker is healthy again ({what})"), marks, |health| {
            health.is_none()
        })
        .await;
    }

    /// Waits until each worker has said such a thing of its health since, or before and nothing else since: a request that has
    /// waited for long may fail when the store is back already.
    async fn until_each_says(
        &self,
        what: &str,
        marks: &[(RunId, usize)],
        is_meant: impl Fn(Option<&str>) -> bool,
    ) {
        let is_meant = |line: &Line| matches!(&line.1, Entry::Health(health) if is_meant(health.as_deref()));
        let says = |run: &Run, from: usize| {
            let is_health = |line: &&Line| matches!(line.1, Entry::Health(_));
            let last_before = run.lines[..from].iter().rfind(is_health);
            last_before.into_iter().chain(&run.lines[from..]).any(is_meant)
        };
        let all = |story: &Story| marks.iter().all(|(run, from)| says(story.run(*run), *from));
        self.fleet.record.until(what, all).await;
    }

    async fn judge(self, cuts: usize) -> Verdict {
        let runs = self.fleet.workers.len();
        fire_times::until_all_fired(&self.client).await;
        let last = self.fleet.workers[runs - 1].run;
        let produced = |run: &Run| run.entries().any(|entry| *entry == Entry::Produced);
        self.fleet.record.until("all jobs are added", |story| produced(story.run(last))).await;
        self.client.until_no_job_is_left().await;
        let mut verdict = Verdict::of(self.fleet.end_alive().await);
        fire_times::judge(&self.client, &self.expected, &mut verdict).await;
        account::judge(&self.client, &self.tasks, &mut verdict).await;
        verdict.count("cuts", cuts);
        verdict
    }
}

/// The line to the server is cut, refused, and swallows everything.
pub(crate) async fn a_bad_line_is_survived(ground: Ground, seed: u64) -> Verdict {
    let server = ground.server.as_ref().expect("the test needs a server");
    let proxy = TcpProxy::start(server).await.expect("a port is free");
    let load = Load::begin(&ground, &ground.through(proxy.address()), seed, 4 * outage_time()).await;

    let marks = load.marks();
    proxy.refuse();
    load.endure("refused", &marks).await;
    let marks = load.marks();
    proxy.heal();
    load.recover("refused", &marks).await;

    for _ in 0..5 {
        let marks = load.marks();
        proxy.cut();
        load.until_each("each worker calls again", &marks, |entry| matches!(entry, Entry::Answer(_, None)))
            .await;
    }

    let marks = load.marks();
    proxy.swallow();
    load.endure("swallowed", &marks).await;
    let marks = load.marks();
    proxy.heal();
    load.recover("swallowed", &marks).await;

    load.judge(7).await
}

/// The server is killed, and stopped, and starts again each time.
pub(crate) async fn a_server_that_restarts_is_survived(mut server: OwnServer, seed: u64) -> Verdict {
    let ground = server.ground();
    let load = Load::begin(&ground, &ground, seed, 4 * outage_time()).await;
    for end in ["killed", "stopped"] {
        let marks = load.marks();
        if end == "killed" {
            server.kill().await;
        } else {
            server.stop().await;
        }
        load.endure(end, &marks).await;
        let marks = load.marks();
        server.start().await;
        load.recover(end, &marks).await;
    }
    load.judge(2).await
}

/// Somebody locks the file, for longer than anybody waits for a lock.
pub(crate) async fn a_file_that_somebody_locks_is_survived(ground: Ground, seed: u64) -> Verdict {
    let errand = Errand { acquire_timeout_millis: 200, ..Errand::at(&ground.url, &ground.prefix) };
    let load = Load::begin_with(&ground, errand, seed, 4 * outage_time()).await;
    let mut somebody = SqliteConnection::connect(&ground.url).await.expect("the file");
    for begin in ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"] {
        let marks = load.marks();
        somebody.execute(begin).await.expect("the others let go of it now and then");
        load.endure(begin, &marks).await;
        let marks = load.marks();
        somebody.execute("ROLLBACK").await.expect("it is locked");
        load.until_each_writes(begin, &marks).await;
    }
    load.judge(2).await
}

/// Where a server of the test's own listens.
pub(crate) fn local(port: u16) -> Address {
    Address { host: "127.0.0.1".to_owned(), port }
}
