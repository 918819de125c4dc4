//! What a scheduler's handle, its driver and its jobs share.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{OnceCell, mpsc, oneshot, watch};

use super::clock::Clock;
use super::error::{Error, Result};
use super::executor::{JobExecutor, Reports};
use super::handler::ErasedHandler;
use super::result_watch::ResultWatch;
use super::server_clock::ServerClock;
use crate::broker::{EventBroker, Subscribers, Subscription};
use crate::engine::{EngineConfig, Input};
use crate::event::{Event, EventInterest, Health};
use crate::id::{ExecutorName, JobId, JobIds, SchedulerId, TaskId};
use crate::job::{Abilities, Job, JobSettings};
use crate::serializer::Serializers;
use crate::store::DataStore;
use crate::task::{RunSettings, TaskDefaults, TaskDefinition, TaskSettings};
use crate::trigger::TriggerRegistry;

/// Where a scheduler stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// It takes jobs and schedules, but drives nothing: a client.
    Created,
    /// It runs.
    Running,
    /// It has stopped; every lease is back.
    Stopped,
}

/// Whether the scheduler stops its broker when it stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BrokerUse {
    Own,
    Shared,
}

/// What a handle tells the loop.
#[derive(Debug)]
pub(super) enum Command {
    /// Something for the engine.
    Tell(Input),
    /// Answer as soon as nothing is under way and nothing is due.
    ReportIdle(oneshot::Sender<()>),
}

pub(super) struct Shared {
    pub(super) store: Arc<dyn DataStore>,
    pub(super) broker: Arc<dyn EventBroker>,
    pub(super) broker_use: BrokerUse,
    pub(super) clock: ServerClock,
    pub(super) serializers: Serializers,
    pub(super) registry: TriggerRegistry,
    pub(super) task_defaults: TaskDefaults,
    pub(super) engine_config: EngineConfig,
    pub(super) cancel_grace_period: Duration,
    pub(super) drain_timeout: Duration,
    pub(super) executors: HashMap<ExecutorName, Arc<dyn JobExecutor>>,
    pub(super) handlers: HashMap<TaskId, BoundHandler>,
    pub(super) abilities: Arc<Abilities>,
    /// Tasks as they are known here: registered, or looked up in the store.
    pub(super) tasks: RwLock<HashMap<TaskId, Arc<KnownTask>>>,
    pub(super) ids: Mutex<JobIds>,
    pub(super) seeds: AtomicU64,
    pub(super) connected: OnceCell<()>,
    pub(super) broker_stopped: OnceCell<()>,
    pub(super) reports: Reports,
    pub(super) results: ResultWatch,
    pub(super) commands: mpsc::UnboundedSender<Command>,
    pub(super) commands_in: Mutex<Option<mpsc::UnboundedReceiver<Command>>>,
    pub(super) state: watch::Sender<State>,
    pub(super) store_health: watch::Sender<Health>,
}

/// A handler, and what was said together with it.
#[derive(Debug)]
pub(super) struct BoundHandler {
    pub(super) handler: ErasedHandler,
    pub(super) settings: TaskSettings,
}

/// A task with all that a direct job inherits.
#[derive(Debug)]
pub(super) struct KnownTask {
    pub(super) definition: Arc<TaskDefinition>,
    /// Settings of a job that says nothing and keeps no result; shared by all such jobs.
    pub(super) plain_job: Arc<JobSettings>,
}

impl KnownTask {
    pub(super) fn new(definition: TaskDefinition) -> Arc<Self> {
        let plain_job = JobSettings::of_direct(RunSettings::default(), Duration::ZERO, &definition);
        Arc::new(Self { definition: Arc::new(definition), plain_job: Arc::new(plain_job) })
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scheduler")
            .field("id", &self.engine_config.scheduler_id)
            .field("state", &*self.state.borrow())
            .field("tasks", &self.handlers.keys())
            .finish_non_exhaustive()
    }
}

impl Shared {
    pub(super) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Who acquires, and for how long.
    pub(super) fn claimant(&self) -> (SchedulerId, Duration) {
        (self.engine_config.scheduler_id.clone(), self.engine_config.lease_duration)
    }

    /// A number that no call before got.
    pub(super) fn random_seed(&self) -> u64 {
        let count = self.seeds.fetch_add(1, Ordering::Relaxed);
        self.engine_config.seed ^ count.wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }

    pub(super) fn new_job_id(&self, now: DateTime<Utc>) -> JobId {
        self.job_ids().next(now)
    }

    pub(super) fn job_ids(&self) -> MutexGuard<'_, JobIds> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn publish(&self, events: Vec<Event>) {
        if !events.is_empty() {
            self.broker.publish(events);
        }
    }

    /// A subscription that never says anything, in place of one whose broker has stopped.
    pub(super) fn silence(&self) -> Subscription {
        let subscribers = Subscribers::new();
        subscribers.subscribe(EventInterest::NONE)
    }

    /// Executor and handler of a job, if this scheduler has both.
    pub(super) fn how_to_run(&self, job: &Job) -> Option<(&Arc<dyn JobExecutor>, ErasedHandler)> {
        let executor = self.executors.get(&job.settings.job_executor)?;
        Some((executor, self.handlers.get(&job.task_id)?.handler.clone()))
    }

    /// Makes store and broker ready, once.
    pub(super) async fn connect(self: &Arc<Self>) -> Result<()> {
        self.connected
            .get_or_try_init(|| async {
                self.ask(self.store.start(&self.registry)).await?;
                self.clock.measure(|| self.ask(self.store.server_time())).await?;
                // Of a client that was stopped before its first call, nobody would stop it again.
                if !self.broker_stopped.initialized() {
                    self.broker.start().await?;
                }
                let known: Vec<Arc<KnownTask>> = self.tasks_read().values().cloned().collect();
                if !known.is_empty() {
                    let definitions = known.iter().map(|task| TaskDefinition::clone(&task.definition));
                    self.publish(self.ask(self.store.put_tasks(definitions.collect())).await?);
                }
                Ok(())
            })
            .await
            .copied()
    }

    /// Stops the broker, once, unless others use it too.
    pub(super) async fn stop_broker(&self) {
        if self.broker_use == BrokerUse::Own {
            self.broker_stopped.get_or_init(|| self.broker.stop()).await;
        }
    }

    fn tasks_read(&self) -> std::sync::RwLockReadGuard<'_, HashMap<TaskId, Arc<KnownTask>>> {
        self.tasks.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn know_task(&self, definition: TaskDefinition) -> Arc<KnownTask> {
        let id = definition.id.clone();
        let known = KnownTask::new(definition);
        self.tasks.write().unwrap_or_else(PoisonError::into_inner).insert(id, known.clone());
        known
    }

    pub(super) fn forget_task(&self, id: &TaskId) {
        if !self.handlers.contains_key(id) {
            self.tasks.write().unwrap_or_else(PoisonError::into_inner).remove(id);
        }
    }

    /// The task a job or schedule is to be added for: as registered here, else as declared in the store.
    ///
    /// A scheduler without tasks of its own is a client and accepts any name; one with tasks knows better.
    pub(super) async fn task_to_add_for(self: &Arc<Self>, id: &TaskId) -> Result<Arc<KnownTask>> {
        if let Some(known) = self.tasks_read().get(id) {
            return Ok(known.clone());
        }
        if let Some(definition) = self.ask(self.store.task(id)).await? {
            // Not kept: another scheduler may change it at any time.
            return Ok(KnownTask::new(definition));
        }
        if !self.handlers.is_empty() {
            let suggestion = self.similar_task(id);
            return Err(Error::TaskNotFound { task_id: id.clone(), suggestion });
        }
        let executor = ExecutorName::new(ExecutorName::ASYNC)?;
        let settings = TaskSettings::new();
        Ok(KnownTask::new(TaskDefinition::decide(id.clone(), settings, &self.task_defaults, executor)))
    }

    fn similar_task(&self, id: &TaskId) -> Option<TaskId> {
        let likeness = |known: &TaskId| strsim::jaro_winkler(known.as_str(), id.as_str());
        let best = self.handlers.keys().max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
        (likeness(best) > 0.8).then(|| best.clone())
    }

    /// Refuses an executor that this scheduler, which runs the task itself, does not have.
    pub(super) fn check_executor(&self, task: &TaskId, executor: &ExecutorName) -> Result<()> {
        if self.handlers.contains_key(task) && !self.executors.contains_key(executor) {
            return Err(Error::ExecutorNotFound { executor: executor.clone(), known: self.executor_names() });
        }
        Ok(())
    }

    pub(super) fn executor_names(&self) -> String {
        let mut names: Vec<&str> = self.executors.keys().map(ExecutorName::as_str).collect();
        names.sort_unstable();
        names.join(", ")
    }
}
