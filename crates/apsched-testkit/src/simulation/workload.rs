//! What there is to do: the tasks, and schedules and jobs drawn at random.

use std::sync::Arc;
use std::time::Duration;

use apsched_core::job::JobSettings;
use apsched_core::{
    AnyTrigger, CancelRequest, Coalesce, DataStore, DateTrigger, ExecutorName, IntervalTrigger, Job,
    LeaseToken, Metadata, Overlap, Payload, Retry, Schedule, ScheduleId, ScheduleSettings, Setting,
    TaskDefaults, TaskDefinition, TaskId, TaskSettings, instant,
};

use super::scenario::{JobKind, ScheduleKind};
use super::stumbling::{Stumble, Stumbling};
use super::world::World;

/// The names of everything.
#[derive(Debug)]
pub(super) struct Names {
    /// Without a limit.
    pub(super) free: TaskId,
    /// One job at a time, each at most once.
    pub(super) single: TaskId,
    /// A few at a time.
    pub(super) few: TaskId,
    /// One at a time, with a backlog that lasts.
    pub(super) busy: TaskId,
    /// None at a time.
    pub(super) shut: TaskId,
    /// Neither declared nor known to any node.
    pub(super) ghost: TaskId,
    /// Every node has it.
    pub(super) common: ExecutorName,
    /// The first node has it.
    pub(super) rare: ExecutorName,
    /// No node has it.
    pub(super) nowhere: ExecutorName,
}

impl Names {
    pub(super) fn new() -> Self {
        let task = |name| TaskId::new(name).expect("a constant that is a valid name");
        let executor = |name| ExecutorName::new(name).expect("a constant that is a valid name");
        Self {
            free: task("free"),
            single: task("single"),
            few: task("few"),
            busy: task("busy"),
            shut: task("shut"),
            ghost: task("ghost"),
            common: executor("common"),
            rare: executor("rare"),
            nowhere: executor("nowhere"),
        }
    }

    pub(super) fn known_tasks(&self) -> Vec<TaskId> {
        [&self.free, &self.single, &self.few, &self.busy, &self.shut].map(Clone::clone).into()
    }

    pub(super) fn executors_of(&self, node: usize) -> Vec<ExecutorName> {
        let rare = (node == 0).then(|| self.rare.clone());
        std::iter::once(self.common.clone()).chain(rare).collect()
    }

    /// The tasks as declared at the start.
    pub(super) fn definitions(&self) -> Vec<TaskDefinition> {
        let limits = [
            (&self.free, None),
            (&self.single, Some(1)),
            (&self.few, Some(3)),
            (&self.busy, Some(1)),
            (&self.shut, Some(0)),
        ];
        limits.map(|(task, limit)| self.definition(task, limit)).into()
    }

    pub(super) fn definition(&self, task: &TaskId, limit: Option<u32>) -> TaskDefinition {
        let settings = TaskSettings::new().max_running_jobs(limit);
        TaskDefinition::decide(task.clone(), settings, &TaskDefaults::default(), self.common.clone())
    }
}

/// How long results are kept: longer than any scenario, so that every outcome can be looked up.
const KEPT: Duration = Duration::from_secs(86_400);

impl<S: DataStore> World<S> {
    pub(super) fn draw_schedule(&mut self) -> Schedule {
        self.made += 1;
        let id = ScheduleId::new(format!("s{}", self.made)).expect("a valid name");
        self.draw_schedule_of(id)
    }

    /// A schedule under this id.
    pub(super) fn draw_schedule_of(&mut self, id: ScheduleId) -> Schedule {
        let settings = Arc::new(self.draw_schedule_settings());
        let task = match (self.scenario.load.jobs, self.random.u8(0..4)) {
            (JobKind::Any, 0) => &self.names.single,
            (JobKind::Any, 1) => &self.names.few,
            _ => &self.names.free,
        };
        let task = task.clone();
        let trigger = self.draw_trigger();
        Schedule::new(id, task, Payload::unit(), &trigger, settings, self.now)
            .expect("every trigger here has a first fire time")
    }

    /// A trigger that ends with the turmoil, so that everything can settle.
    pub(super) fn draw_trigger(&mut self) -> AnyTrigger {
        let end = self.start + self.scenario.turmoil;
        let kind = self.scenario.load.kind;
        if kind == ScheduleKind::NeverDue && self.random.bool() {
            return DateTrigger::at(self.now + Duration::from_secs(86_400)).into();
        }
        if kind == ScheduleKind::Any {
            let start = self.now;
            match self.random.u8(0..20) {
                0 => return DateTrigger::at(self.after(Duration::from_secs(10)).min(end)).into(),
                1 => {
                    let stumbles_at = self.after(Duration::from_secs(8));
                    let how = if self.random.bool() { Stumble::Fails } else { Stumble::GoesBackwards };
                    return Stumbling { start, stumbles_at, how }.into();
                }
                2 => {
                    return IntervalTrigger::every(Duration::from_secs(1))
                        .starting_at(start)
                        .ending_at(start)
                        .into();
                }
                3 => {
                    let start = instant::before(start, Duration::from_secs(self.random.u64(0..60)));
                    return IntervalTrigger::every(Duration::from_secs(2))
                        .starting_at(start)
                        .ending_at(end)
                        .into();
                }
                _ => {}
            }
        }
        let every = Duration::from_millis(self.random.u64(300..=5000));
        let trigger = IntervalTrigger::every(every).ending_at(end);
        let trigger = if self.random.bool() {
            trigger
        } else {
            trigger.starting_at(self.after(Duration::from_secs(3)).min(end))
        };
        trigger.into()
    }

    pub(super) fn draw_schedule_settings(&mut self) -> ScheduleSettings {
        let base = ScheduleSettings { result_expiration_time: KEPT, ..ScheduleSettings::default() };
        if self.scenario.load.kind == ScheduleKind::Every {
            return ScheduleSettings { coalesce: Coalesce::All, overlap: Some(Overlap::Queue), ..base };
        }
        let millis = |random: &mut fastrand::Rng, most| Duration::from_millis(random.u64(0..=most));
        let random = &mut self.random;
        let mut settings = ScheduleSettings {
            coalesce: *random
                .choice(&[Coalesce::Latest, Coalesce::Earliest, Coalesce::All])
                .expect("not empty"),
            overlap: *random
                .choice(&[None, Some(Overlap::Skip), Some(Overlap::Queue), Some(Overlap::Replace)])
                .expect("not empty"),
            max_jitter: if random.bool() { millis(random, 3000) } else { Duration::ZERO },
            max_fires: random.bool().then(|| random.u64(0..10)),
            max_catch_up: if random.bool() { random.u32(0..4) } else { 1000 },
            misfire_grace_time: match random.u8(0..3) {
                0 => Setting::Inherited,
                1 => Setting::Set(None),
                _ => Setting::Set(Some(millis(random, 1000))),
            },
            ..base
        };
        settings.run.retry = Setting::Set(self.draw_retry());
        settings
    }

    pub(super) fn draw_retry(&mut self) -> Retry {
        match self.random.u8(0..4) {
            0 => Retry::none(),
            1 => Retry::fixed(self.random.u32(2..=4), Duration::ZERO),
            _ => Retry::fixed(self.random.u32(2..=6), Duration::from_millis(self.random.u64(0..=500))),
        }
    }

    pub(super) fn draw_job(&mut self) -> Job {
        let kind = self.scenario.load.jobs;
        let names = &self.names;
        let drawn = self.random.u8(0..20);
        let (task, executor) = match (kind, drawn) {
            (JobKind::Stuck, 0..=6) | (JobKind::Any, 0) => (&names.ghost, &names.common),
            (JobKind::Stuck, 7..=12) => (&names.shut, &names.common),
            (JobKind::Stuck, _) | (JobKind::Any, 1) => (&names.free, &names.nowhere),
            (JobKind::Any, 2) => (&names.free, &names.rare),
            (JobKind::Any, 3..=7) => (&names.single, &names.common),
            (JobKind::Any, 8..=12) | (JobKind::Light, 0..=4) => (&names.few, &names.common),
            _ => (&names.free, &names.common),
        };
        let (task, executor) = (task.clone(), executor.clone());
        let delay =
            if self.random.bool() { Duration::ZERO } else { Duration::from_millis(self.random.u64(0..5000)) };
        let grace = (kind == JobKind::Any && self.random.u8(0..8) == 0)
            .then(|| Duration::from_millis(self.random.u64(0..3000)));
        let retry = self.draw_retry();
        let priority = self.random.i32(-1..=1);
        self.job(task, executor, retry, priority, delay, grace)
    }

    pub(super) fn backlog_job(&mut self) -> Job {
        let (task, executor) = (self.names.busy.clone(), self.names.common.clone());
        self.job(task, executor, Retry::none(), 9, Duration::ZERO, None)
    }

    fn job(
        &mut self,
        task_id: TaskId,
        job_executor: ExecutorName,
        retry: Retry,
        priority: i32,
        delay: Duration,
        grace: Option<Duration>,
    ) -> Job {
        let run_at = instant::after(self.now, delay);
        let settings = JobSettings {
            job_executor,
            retry,
            timeout: None,
            priority,
            result_expiration_time: KEPT,
            metadata: Metadata::empty(),
        };
        Job {
            id: self.ids.next(self.now),
            task_id,
            schedule_id: None,
            payload: Payload::unit(),
            settings: Arc::new(settings),
            created_at: self.now,
            fire_time: None,
            run_at,
            start_deadline: grace.map(|grace| instant::after(run_at, grace)),
            attempt: 0,
            progress: None,
            cancel: CancelRequest::None,
            token: LeaseToken::default(),
            lease: None,
        }
    }
}
