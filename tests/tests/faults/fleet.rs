//! The workers of a test: real processes that are killed, frozen, thawed, stopped and started again.

use std::io::{self, Write};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use apsched_tests::{Entry, Errand, Line};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use super::record::{PATIENCE, Record, Run, RunId, Story};

#[derive(Debug)]
pub(crate) struct Fleet {
    pub(crate) record: Arc<Record>,
    pub(crate) workers: Vec<Worker>,
    /// Killed so far.
    pub(crate) kills: usize,
    /// Frozen so far.
    pub(crate) freezes: usize,
    /// Told to stop so far.
    pub(crate) stops: usize,
}

#[derive(Debug)]
pub(crate) struct Worker {
    name: String,
    pub(crate) errand: Errand,
    /// The run that is the last so far.
    pub(crate) run: RunId,
    process: Option<Process>,
    is_frozen: bool,
    /// How often it was thawed in this run.
    thaws: usize,
}

#[derive(Debug)]
struct Process {
    child: Child,
    /// Ends when all that the process wrote is in the record.
    reader: JoinHandle<()>,
}

impl Fleet {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self { record: Arc::new(Record::new()), workers: Vec::new(), kills: 0, freezes: 0, stops: 0 }
    }

    /// Starts a worker; gives its number.
    pub(crate) fn start(&mut self, errand: Errand) -> usize {
        let number = self.workers.len();
        let name = errand.identity.clone().unwrap_or_else(|| format!("worker-{number}"));
        self.workers.push(Worker {
            name,
            errand,
            run: RunId::NONE,
            process: None,
            is_frozen: false,
            thaws: 0,
        });
        self.restart(number);
        number
    }

    /// Starts a worker that is dead.
    pub(crate) fn restart(&mut self, number: usize) {
        let worker = &mut self.workers[number];
        assert!(worker.process.is_none(), "{} runs", worker.name);
        if let Some(production) = &mut worker.errand.production {
            // What was added stays added.
            production.jobs = production.jobs.saturating_sub(self.record.story().added_by(worker.run));
        }
        let errand =
            serde_json::to_string(&worker.errand).expect("an errand has no part that JSON cannot write");
        let mut child = Command::new(env!("CARGO_BIN_EXE_worker"))
            .arg(errand)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the worker can be started");
        worker.run = self.record.begin(&worker.name, Duration::from_millis(worker.errand.lease_millis));
        worker.thaws = 0;
        let (record, run) = (self.record.clone(), worker.run);
        let mut lines = BufReader::new(child.stdout.take().expect("the output is piped")).lines();
        let reader = tokio::spawn(async move {
            while let Ok(Some(text)) = lines.next_line().await {
                if let Some(line) = Line::read(&text) {
                    record.push(run, line);
                }
            }
        });
        worker.process = Some(Process { child, reader });
    }

    /// Kills a worker as `kill -9` does, and reads what it had written.
    pub(crate) async fn kill(&mut self, number: usize) {
        self.workers[number].signal(Signal::KILL);
        self.kills += 1;
        self.wait_for_end(number).await;
    }

    /// Tells a worker to stop, as whoever runs a program does, and waits until it has.
    ///
    /// # Panics
    /// When it does not end, or ends by a failure.
    pub(crate) async fn stop(&mut self, number: usize) {
        self.workers[number].signal(Signal::TERM);
        self.wait_for_stop(number).await;
    }

    /// The same by somebody who wants it at once.
    ///
    /// # Panics
    /// When it does not end, or ends by a failure.
    pub(crate) async fn stop_at_once(&mut self, number: usize) {
        self.workers[number].signal(Signal::TERM);
        // Two of a kind could become one.
        self.workers[number].signal(Signal::INT);
        self.wait_for_stop(number).await;
    }

    async fn wait_for_stop(&mut self, number: usize) {
        let end = tokio::time::timeout(PATIENCE, self.wait_for_end(number)).await;
        let end = end.unwrap_or_else(|_| panic!("{} does not stop", self.workers[number].name));
        assert!(end.success(), "{} ends by {end}", self.workers[number].name);
        self.stops += 1;
    }

    /// Starts again whoever has died by itself.
    pub(crate) async fn restart_dead(&mut self) {
        for number in 0..self.workers.len() {
            if self.workers[number].has_died() {
                self.wait_for_end(number).await;
                self.restart(number);
            }
        }
    }

    /// Lets a worker stand still, whatever it does.
    pub(crate) fn freeze(&mut self, number: usize) {
        let worker = &mut self.workers[number];
        worker.signal(Signal::STOP);
        worker.wait_until_frozen();
        self.freezes += 1;
    }

    /// Waits until a worker stands still of itself.
    pub(crate) async fn wait_for_freeze(&mut self, number: usize) {
        let run = self.workers[number].run;
        let is_freezing = |run: &Run| run.entries().any(|entry| *entry == Entry::Freezing);
        self.record.until("the worker freezes", |story| is_freezing(story.run(run))).await;
        self.workers[number].wait_until_frozen();
        self.freezes += 1;
    }

    /// Whether a worker that freezes itself again and again has done so more often than it was thawed; waits until it stands.
    pub(crate) fn has_frozen_itself(&mut self, number: usize) -> bool {
        let worker = &mut self.workers[number];
        let is_freezing = |entry: &&Entry| **entry == Entry::Freezing;
        let freezings = self.record.story().run(worker.run).entries().filter(is_freezing).count();
        let is_new = freezings > worker.thaws;
        if is_new {
            worker.wait_until_frozen();
            self.freezes += 1;
        }
        is_new
    }

    /// Lets a frozen worker go on.
    pub(crate) fn thaw(&mut self, number: usize) {
        let worker = &mut self.workers[number];
        worker.signal(Signal::CONT);
        worker.thaws += 1;
        worker.is_frozen = false;
    }

    /// Waits for the end of a worker.
    pub(crate) async fn wait_for_end(&mut self, number: usize) -> ExitStatus {
        let worker = &mut self.workers[number];
        let Process { mut child, reader } = worker.process.take().expect("the worker runs");
        let status = child.wait().await.expect("a child can be waited for");
        reader.await.expect("the reader does not panic");
        worker.is_frozen = false;
        self.record.end(worker.run);
        status
    }

    /// The work is done: all workers end, and what they wrote is given.
    pub(crate) async fn end(mut self) -> Story {
        for number in 0..self.workers.len() {
            if !self.is_dead(number) {
                self.workers[number].signal(Signal::KILL);
                self.wait_for_end(number).await;
            }
        }
        self.record.take()
    }

    /// The same of a fleet in which nobody may have ended before.
    pub(crate) async fn end_alive(mut self) -> Story {
        for worker in &mut self.workers {
            assert!(!worker.has_died(), "{} has ended by itself", worker.name);
        }
        self.end().await
    }

    /// Waits until every worker that runs and is no client is up.
    pub(crate) async fn wait_until_up(&self) {
        let has_scheduler = |worker: &&Worker| worker.process.is_some() && worker.errand.role().is_some();
        let runs: Vec<RunId> = self.workers.iter().filter(has_scheduler).map(|worker| worker.run).collect();
        self.record.until("all are up", |story| runs.iter().all(|run| story.run(*run).is_up())).await;
    }

    pub(crate) fn is_running(&self, number: usize) -> bool {
        self.workers[number].process.is_some() && !self.workers[number].is_frozen
    }

    /// The run of a worker, and how many lines it has written so far.
    pub(crate) fn mark(&self, number: usize) -> (RunId, usize) {
        let run = self.workers[number].run;
        (run, self.record.story().run(run).lines.len())
    }

    /// Waits until somebody has declared the tasks.
    pub(crate) async fn wait_until_tasks_are_declared(&self) {
        let is_done = |entry: &Entry| *entry == Entry::Answer("put_tasks".to_owned(), None);
        let declared = |story: &Story| story.runs.iter().flat_map(Run::entries).any(is_done);
        self.record.until("the tasks are declared", declared).await;
    }

    pub(crate) fn name(&self, number: usize) -> &str {
        &self.workers[number].name
    }

    pub(crate) fn is_dead(&self, number: usize) -> bool {
        self.workers[number].process.is_none()
    }

    /// Thaws and starts again whoever does not run.
    pub(crate) fn revive_all(&mut self) {
        for number in 0..self.workers.len() {
            if self.workers[number].process.is_none() {
                self.restart(number);
            } else if self.workers[number].is_frozen {
                self.thaw(number);
            }
        }
    }
}

impl Drop for Fleet {
    /// What its workers wrote before a test failed is kept.
    fn drop(&mut self) {
        let story = self.record.story();
        if std::thread::panicking() && story.lines > 0 {
            let _ = writeln!(io::stderr(), "the ledgers are in {}", story.save());
        }
    }
}

impl Worker {
    fn pid(&self) -> Pid {
        let child = &self.process.as_ref().expect("the worker runs").child;
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        id.and_then(Pid::from_raw).expect("a process that is not waited for has a number")
    }

    /// Whether it has ended, and nobody has waited for that yet.
    fn has_died(&mut self) -> bool {
        let child = &mut self.process.as_mut().expect("the worker was started").child;
        child.try_wait().expect("a child can be asked").is_some()
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("a child can be sent signals");
    }

    fn wait_until_frozen(&mut self) {
        waitpid(Some(self.pid()), WaitOptions::UNTRACED).expect("a child can be waited for");
        self.is_frozen = true;
    }
}
