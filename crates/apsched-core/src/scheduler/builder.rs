//! How a scheduler is put together. Every problem is reported at once, not only the first.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use tokio::sync::{OnceCell, mpsc, watch};

use super::Scheduler;
use super::clock::{Clock, SystemClock};
use super::error::{ConfigurationProblem, Error, Result};
use super::executor::{AsyncExecutor, JobExecutor, Reports, ThreadPoolExecutor};
use super::handler::{BoundTask, BoundTasks, TaskFunction, Tasks};
use super::result_watch::ResultWatch;
use super::server_clock::ServerClock;
use super::shared::{BoundHandler, BrokerUse, KnownTask, Shared, State};
use crate::broker::{EventBroker, LocalBroker};
use crate::engine::{EngineConfig, Intake, Role};
use crate::event::Health;
use crate::id::{ExecutorName, IdError, JobIds, SchedulerId, SchedulerName};
use crate::job::Abilities;
use crate::serializer::{Serializer, Serializers};
use crate::store::{DataStore, MemoryStore};
use crate::task::{TaskDefaults, TaskDefinition};
use crate::trigger::{CustomTrigger, TriggerRegistry};

/// Puts a [`Scheduler`] together; see the setters for what it has when nothing is said.
///
/// ```
/// use apsched_core::scheduler::Scheduler;
///
/// let error = Scheduler::builder()
///     .identity("")
///     .lease_duration(std::time::Duration::ZERO)
///     .build()
///     .unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "build the scheduler: scheduler id: expected 1 to 255 bytes, found an empty text; \
///      lease_duration: expected a duration above zero",
/// );
/// ```
#[must_use = "a builder does nothing until it is built or started"]
#[derive(Debug)]
pub struct SchedulerBuilder {
    store: Arc<dyn DataStore>,
    broker: Arc<dyn EventBroker>,
    broker_use: BrokerUse,
    clock: Arc<dyn Clock>,
    serializers: Serializers,
    registry: TriggerRegistry,
    tasks: BoundTasks,
    task_defaults: TaskDefaults,
    executors: Vec<(Result<ExecutorName, IdError>, Arc<dyn JobExecutor>)>,
    identity: Option<String>,
    seed: Option<u64>,
    role: Role,
    intake: Intake,
    max_concurrent_jobs: usize,
    lease_duration: Duration,
    poll_interval: Duration,
    cleanup_interval: Duration,
    cancel_grace_period: Duration,
    drain_timeout: Duration,
    problems: Vec<ConfigurationProblem>,
}

impl Default for SchedulerBuilder {
    fn default() -> Self {
        let id = SchedulerId::new(SchedulerName::new("default").expect("a constant that is a valid name"), 0);
        let config = EngineConfig::new(id, 0);
        Self {
            store: Arc::new(MemoryStore::new()),
            broker: Arc::new(LocalBroker::new()),
            broker_use: BrokerUse::Own,
            clock: Arc::new(SystemClock),
            serializers: Serializers::default(),
            registry: TriggerRegistry::new(),
            tasks: BoundTasks::default(),
            task_defaults: TaskDefaults::default(),
            executors: Vec::new(),
            identity: None,
            seed: None,
            role: config.role,
            intake: config.intake,
            max_concurrent_jobs: config.max_concurrent_jobs,
            lease_duration: config.lease_duration,
            poll_interval: config.poll_interval,
            cleanup_interval: config.cleanup_interval,
            cancel_grace_period: Duration::from_secs(5),
            drain_timeout: Duration::from_secs(30),
            problems: Vec::new(),
        }
    }
}

impl SchedulerBuilder {
    /// Keeps tasks, schedules and jobs there. Default: a new [`MemoryStore`].
    pub fn data_store(mut self, store: impl DataStore) -> Self {
        self.store = Arc::new(store);
        self
    }

    /// Hears of other schedulers' work through it, and stops it when it stops. Default: a new [`LocalBroker`].
    pub fn event_broker(mut self, broker: impl EventBroker) -> Self {
        self.broker = Arc::new(broker);
        self.broker_use = BrokerUse::Own;
        self
    }

    /// Shares a broker with other schedulers of this process; whoever made it stops it.
    pub fn shared_event_broker(mut self, broker: Arc<dyn EventBroker>) -> Self {
        self.broker = broker;
        self.broker_use = BrokerUse::Shared;
        self
    }

    /// Writes payloads and results with this, for stores that keep bytes. Default: JSON.
    pub fn serializer(mut self, serializer: impl Serializer) -> Self {
        self.serializers = Serializers::new(serializer);
        self
    }

    /// Writes and reads with these, and caps what is written.
    pub fn serializers(mut self, serializers: Serializers) -> Self {
        self.serializers = serializers;
        self
    }

    /// Takes the time from it. Default: [`SystemClock`].
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Adds tasks with their handlers.
    pub fn tasks(mut self, tasks: impl Into<BoundTasks>) -> Self {
        self.tasks = self.tasks.merge(tasks);
        self
    }

    /// Adds a function marked `#[task]` that needs no state.
    pub fn task(self, function: impl TaskFunction<()>) -> Self {
        self.tasks(Tasks::<()>::new().add(function))
    }

    /// What holds for all tasks unless they say otherwise.
    pub fn task_defaults(mut self, defaults: TaskDefaults) -> Self {
        self.task_defaults = defaults;
        self
    }

    /// Adds a job executor, or replaces one: `async` and `threadpool` are there already.
    pub fn job_executor(mut self, name: impl AsRef<str>, executor: impl JobExecutor) -> Self {
        self.executors.push((ExecutorName::new(name), Arc::new(executor)));
        self
    }

    /// Makes a custom trigger known, so that schedules with it can be read from a store.
    pub fn custom_trigger<T: CustomTrigger>(mut self) -> Self {
        if let Err(problem) = self.registry.register::<T>() {
            self.problems.push(problem.into());
        }
        self
    }

    /// A name that survives a restart, such as the name of the pod: work that the previous run held is taken back at
    /// once. One name is one process. Default: a random name.
    pub fn identity(mut self, name: impl Into<String>) -> Self {
        self.identity = Some(name.into());
        self
    }

    /// Seed of all randomness: identity, job ids, jitter, backoff. Default: random. For reproducible tests.
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// What it does. Default [`Role::Both`].
    pub const fn role(mut self, role: Role) -> Self {
        self.role = role;
        self
    }

    /// Starts paused: [`Scheduler::resume`] lets it take work.
    pub const fn start_paused(mut self) -> Self {
        self.intake = Intake::Paused;
        self
    }

    /// Most jobs that run here at once. Default 100; zero runs none.
    pub const fn max_concurrent_jobs(mut self, most: usize) -> Self {
        self.max_concurrent_jobs = most;
        self
    }

    /// After this time without a sign of life another scheduler takes a job over. Default 30 s; renewed at half of it.
    pub const fn lease_duration(mut self, life: Duration) -> Self {
        self.lease_duration = life;
        self
    }

    /// Longest time between two looks at the store, should no event arrive. Default 1 s.
    pub const fn poll_interval(mut self, interval: Duration) -> Self {
        self.poll_interval = interval;
        self
    }

    /// Time between two removals of expired results and finished schedules. Default 15 min.
    pub const fn cleanup_interval(mut self, interval: Duration) -> Self {
        self.cleanup_interval = interval;
        self
    }

    /// How long a cancelled async handler may go on before it is dropped. Default 5 s; zero drops it at once.
    pub const fn cancel_grace_period(mut self, period: Duration) -> Self {
        self.cancel_grace_period = period;
        self
    }

    /// How long running jobs may go on after [`Scheduler::stop`], Ctrl-C or SIGTERM, before they are cancelled.
    /// Default 30 s.
    pub const fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.drain_timeout = timeout;
        self
    }

    /// Checks everything and makes the scheduler, which is a client until it is started.
    ///
    /// # Errors
    /// [`Error::Configuration`] with every problem.
    pub fn build(mut self) -> Result<Scheduler> {
        let (bound, task_problems) = std::mem::take(&mut self.tasks).into_parts();
        let mut problems = std::mem::take(&mut self.problems);
        problems.extend(task_problems.into_iter().map(ConfigurationProblem::from));
        let seed = self.seed.unwrap_or_else(random_seed);
        let id = self.scheduler_id(seed, &mut problems);
        self.check_durations(&mut problems);
        let executors = self.all_executors(&mut problems);
        let (handlers, tasks) = self.decide_tasks(bound, &executors, &mut problems);
        let (Some(id), true) = (id, problems.is_empty()) else {
            return Err(Error::Configuration(problems));
        };
        let abilities = Abilities::new(handlers.keys().cloned(), executors.keys().cloned());
        let (commands, commands_in) = mpsc::unbounded_channel();
        let shared = Shared {
            engine_config: EngineConfig {
                role: self.role,
                intake: self.intake,
                max_concurrent_jobs: self.max_concurrent_jobs,
                lease_duration: self.lease_duration,
                poll_interval: self.poll_interval,
                cleanup_interval: self.cleanup_interval,
                task_defaults: self.task_defaults.clone(),
                ..EngineConfig::new(id, seed)
            },
            store: self.store,
            broker: self.broker,
            broker_use: self.broker_use,
            clock: ServerClock::new(self.clock),
            serializers: self.serializers,
            registry: self.registry,
            task_defaults: self.task_defaults,
            cancel_grace_period: self.cancel_grace_period,
            drain_timeout: self.drain_timeout,
            executors,
            handlers,
            abilities: Arc::new(abilities),
            tasks: RwLock::new(tasks),
            ids: Mutex::new(JobIds::seeded(seed)),
            seeds: AtomicU64::new(0),
            connected: OnceCell::new(),
            broker_stopped: OnceCell::new(),
            reports: Reports::default(),
            results: ResultWatch::default(),
            commands,
            commands_in: Mutex::new(Some(commands_in)),
            state: watch::Sender::new(State::Created),
            store_health: watch::Sender::new(Health::Healthy),
        };
        Ok(Scheduler::of(shared))
    }

    /// Builds the scheduler and starts it on the current runtime.
    ///
    /// # Errors
    /// Those of [`build`](Self::build) and [`Scheduler::start_in_background`].
    ///
    /// # Cancel safety
    /// As [`Scheduler::start_in_background`]; whoever drops it has no handle to try again with.
    pub async fn start_in_background(self) -> Result<Scheduler> {
        let scheduler = self.build()?;
        scheduler.start_in_background().await?;
        Ok(scheduler)
    }

    /// Builds the scheduler and runs it until it is stopped; see [`Scheduler::run_until_stopped`].
    ///
    /// # Errors
    /// Those of [`build`](Self::build) and [`Scheduler::run_until_stopped`].
    ///
    /// # Cancel safety
    /// As [`Scheduler::run_until_stopped`]: once started, the scheduler goes on.
    pub async fn run_until_stopped(self) -> Result<()> {
        self.build()?.run_until_stopped().await
    }

    fn scheduler_id(&self, seed: u64, problems: &mut Vec<ConfigurationProblem>) -> Option<SchedulerId> {
        let mut random = fastrand::Rng::with_seed(seed);
        let incarnation = random.u64(..);
        let name = self.identity.clone().unwrap_or_else(|| format!("scheduler-{:08x}", random.u32(..)));
        match SchedulerName::new(name) {
            Ok(name) => Some(SchedulerId::new(name, incarnation)),
            Err(problem) => {
                problems.push(problem.into());
                None
            }
        }
    }

    fn check_durations(&self, problems: &mut Vec<ConfigurationProblem>) {
        let durations = [
            ("lease_duration", self.lease_duration),
            ("poll_interval", self.poll_interval),
            ("cleanup_interval", self.cleanup_interval),
        ];
        let zero = durations.into_iter().filter(|(_, duration)| duration.is_zero());
        problems.extend(zero.map(|(setting, _)| ConfigurationProblem::ZeroDuration { setting }));
    }

    fn all_executors(
        &mut self,
        problems: &mut Vec<ConfigurationProblem>,
    ) -> HashMap<ExecutorName, Arc<dyn JobExecutor>> {
        let built_in: [(_, Arc<dyn JobExecutor>); 2] = [
            (ExecutorName::new(ExecutorName::ASYNC), Arc::new(AsyncExecutor)),
            (ExecutorName::new(ExecutorName::THREADPOOL), Arc::new(ThreadPoolExecutor::default())),
        ];
        let mut executors = HashMap::new();
        for (name, executor) in built_in.into_iter().chain(std::mem::take(&mut self.executors)) {
            match name {
                Ok(name) => drop(executors.insert(name, executor)),
                Err(problem) => problems.push(problem.into()),
            }
        }
        executors
    }

    fn decide_tasks(
        &self,
        bound: Vec<BoundTask>,
        executors: &HashMap<ExecutorName, Arc<dyn JobExecutor>>,
        problems: &mut Vec<ConfigurationProblem>,
    ) -> (HashMap<crate::TaskId, BoundHandler>, HashMap<crate::TaskId, Arc<KnownTask>>) {
        let mut handlers = HashMap::new();
        let mut tasks = HashMap::new();
        for BoundTask { id, settings, handler } in bound {
            let native =
                ExecutorName::new(handler.native_executor()).expect("a constant that is a valid name");
            let task = TaskDefinition::decide(id.clone(), settings.clone(), &self.task_defaults, native);
            if !executors.contains_key(&task.job_executor) {
                let mut known: Vec<&str> = executors.keys().map(ExecutorName::as_str).collect();
                known.sort_unstable();
                problems.push(ConfigurationProblem::NoSuchExecutor {
                    task_id: id.clone(),
                    executor: task.job_executor.clone(),
                    known: known.join(", "),
                });
            }
            handlers.insert(id.clone(), BoundHandler { handler, settings });
            tasks.insert(id, KnownTask::new(task));
        }
        (handlers, tasks)
    }
}

/// A seed that differs between processes and calls.
fn random_seed() -> u64 {
    fastrand::u64(..)
}
