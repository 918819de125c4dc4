//! The loop itself: performs what the engine asks for, tells it what happened, and nothing else.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{mpsc, oneshot};

use super::clock::{Clock, Sleep};
use super::executor::{JobExecutor, JobRun};
use super::shared::{Command, Shared};
use super::{JobContext, Scheduler};
use crate::broker::{EventItem, Subscription};
use crate::engine::{Action, Engine, Input};
use crate::event::{Event, EventType, JobCancelRequested, Wakeup};
use crate::id::JobIdMap;
use crate::job::{AttemptEnd, ErrorChain, Job, JobReport};
use crate::store::HeldJob;

/// Drives one engine until it has stopped.
pub(super) struct Driver {
    scheduler: Scheduler,
    engine: Engine,
    /// Requests to the store that are under way.
    store_calls: FuturesUnordered<BoxFuture<'static, Input>>,
    hints: Subscription,
    commands: mpsc::UnboundedReceiver<Command>,
    idle_waiters: Vec<oneshot::Sender<()>>,
    running: JobIdMap<JobContext>,
    alarm: Option<(DateTime<Utc>, Sleep)>,
}

impl Driver {
    pub(super) fn new(scheduler: Scheduler, commands: mpsc::UnboundedReceiver<Command>) -> Self {
        let shared = scheduler.shared();
        let engine = Engine::new(shared.engine_config.clone(), shared.now());
        let hints = shared.broker.subscribe(Wakeup::INTEREST | JobCancelRequested::INTEREST);
        let store_calls = FuturesUnordered::new();
        Self {
            engine,
            store_calls,
            hints,
            commands,
            idle_waiters: Vec::new(),
            running: JobIdMap::default(),
            alarm: None,
            scheduler,
        }
    }

    pub(super) async fn drive(mut self) {
        let shared = self.scheduler.shared().clone();
        while self.perform_all(&shared) {
            self.set_alarm(&shared);
            let wait_for_alarm = async {
                match &mut self.alarm {
                    Some((_, sleep)) => sleep.await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                Some(input) = self.store_calls.next() => self.engine.handle(input, shared.now()),
                () = shared.reports.arrived() => {}
                hint = self.hints.next() => self.hear(hint, &shared),
                Some(command) = self.commands.recv() => self.obey(command, &shared),
                () = wait_for_alarm => {
                    self.alarm = None;
                    self.engine.handle(Input::TimePassed, shared.now());
                }
            }
            self.take_all(&shared);
            self.let_short_jobs_end(&shared).await;
        }
    }

    /// Short jobs end within some turns of the runtime: their ends are written together, and their slots filled together, rather than
    /// a few at a time. A job that takes longer is not waited for.
    async fn let_short_jobs_end(&mut self, shared: &Arc<Shared>) {
        const MOST_TURNS: u32 = 8;
        for _ in 0..MOST_TURNS {
            if self.running.is_empty() {
                return;
            }
            let running = self.running.len();
            tokio::task::yield_now().await;
            self.take_all(shared);
            if self.running.len() == running {
                return;
            }
        }
    }

    /// Tells the engine of all that is there by now, so that it decides once for many.
    fn take_all(&mut self, shared: &Arc<Shared>) {
        let reports = shared.reports.take();
        if !reports.is_empty() {
            let now = shared.now();
            for (claim, report) in reports {
                // The job may run again under a later claim.
                if self.running.get(&claim.job_id).is_some_and(|context| context.job().token == claim.token) {
                    self.running.remove(&claim.job_id);
                }
                self.engine.handle(Input::JobReported { claim, report }, now);
            }
        }
        while let Some(item) = self.hints.try_next() {
            self.hear(Some(item), shared);
        }
    }

    fn obey(&mut self, command: Command, shared: &Arc<Shared>) {
        match command {
            Command::Tell(input) => self.engine.handle(input, shared.now()),
            Command::ReportIdle(waiter) => {
                self.idle_waiters.push(waiter);
                self.engine.handle(Input::TimePassed, shared.now());
            }
        }
    }

    fn hear(&mut self, item: Option<EventItem>, shared: &Arc<Shared>) {
        let input = match item {
            Some(EventItem::Event(Event::Wakeup(wakeup))) => Input::Woken(wakeup),
            Some(EventItem::Event(Event::JobCancelRequested(_))) => Input::CancelRequested,
            Some(EventItem::Event(_)) => return,
            Some(EventItem::Lagged(_)) => Input::HintsLost,
            // The broker has stopped: the poll interval takes over.
            None => {
                self.hints = shared.silence();
                Input::HintsLost
            }
        };
        self.engine.handle(input, shared.now());
    }

    fn set_alarm(&mut self, shared: &Arc<Shared>) {
        let at = self.engine.poll_timeout();
        if self.alarm.as_ref().map(|(at, _)| *at) != at {
            self.alarm = at.map(|at| (at, shared.clock.sleep_until(at)));
        }
        if !self.idle_waiters.is_empty() && self.engine.is_idle() {
            for waiter in self.idle_waiters.drain(..) {
                // Fails when the waiter has left.
                let _ = waiter.send(());
            }
        }
    }

    /// Performs all actions. Returns whether to go on.
    fn perform_all(&mut self, shared: &Arc<Shared>) -> bool {
        while let Some(action) = self.engine.poll_action() {
            match action {
                Action::StartJobs(jobs) => self.start_jobs(jobs, shared),
                Action::StopJobs { jobs, reason } => {
                    for context in jobs.iter().filter_map(|job| self.running.get(job)) {
                        tracing::debug!(job.id = %context.job_id(), ?reason, "tell the job to stop");
                        context.stop_signal().raise(reason);
                    }
                }
                Action::Stopped => return false,
                action => {
                    if let Some(request) = action.request() {
                        self.store_calls.push(shared.clone().call_store(action, request));
                    }
                }
            }
        }
        true
    }

    fn start_jobs(&mut self, jobs: Vec<Job>, shared: &Arc<Shared>) {
        let mut starts: Vec<(&Arc<dyn JobExecutor>, Vec<JobRun>)> = Vec::new();
        self.running.reserve(jobs.len());
        for job in jobs {
            let (id, claim) = (job.id, HeldJob::new(job.id, job.token));
            let Some((executor, handler)) = shared.how_to_run(&job) else {
                tracing::error!(job.id = %id, task.id = %job.task_id, "acquired a job that cannot run here");
                self.engine
                    .handle(Input::JobReported { claim, report: cannot_run(shared.now()) }, shared.now());
                continue;
            };
            let context = JobContext::new(job, self.scheduler.clone());
            self.running.insert(id, context.clone());
            let run = JobRun::new(context, handler);
            match starts.iter_mut().find(|(known, _)| Arc::ptr_eq(known, executor)) {
                Some((_, runs)) => runs.push(run),
                None => starts.push((executor, vec![run])),
            }
        }
        for (executor, runs) in starts {
            // An executor that panics has dropped the runs, which report themselves.
            if catch_unwind(AssertUnwindSafe(|| executor.start(runs))).is_err() {
                tracing::error!(?executor, "the job executor panicked");
            }
        }
    }
}

/// Report of a job that a store gave out though this scheduler had not asked for its like.
fn cannot_run(now: DateTime<Utc>) -> JobReport {
    let message = "the data store gave the job to a scheduler without its handler or executor".to_owned();
    let error = Some(ErrorChain::new([message]));
    JobReport { end: AttemptEnd::Interrupted, value: None, error, started_at: None, finished_at: now }
}
