//! Tasks, schedules and jobs to test with: complete, and changed only where a test cares.
//!
//! Every instant counts from [`at`]`(0)`, the beginning of 2026; nothing here reads a clock. Ids of jobs grow in the
//! order in which the samples are made.

use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use apsched_core::task::TaskDefinition;
use apsched_core::trigger::{AndTrigger, CalendarIntervalTrigger, CronTrigger, DstPolicy, OrTrigger};
use apsched_core::{
    AnyTrigger, Coalesce, DateTrigger, ExecutorName, IntervalTrigger, Job, JobId, JobIds, JobSettings,
    Metadata, Overlap, Payload, Retry, Schedule, ScheduleId, ScheduleSettings, SchedulerId, SchedulerName,
    TaskId, TaskValue,
};
use chrono::{DateTime, TimeDelta, Utc};

/// 2026-01-01T00:00:00Z, in microseconds since 1970.
const START_MICROS: i64 = 1_767_225_600_000_000;

static IDS: LazyLock<Mutex<JobIds>> = LazyLock::new(|| Mutex::new(JobIds::seeded(0)));

/// So many seconds after 2026-01-01T00:00:00Z.
///
/// ```
/// use apsched_testkit::sample::at;
///
/// assert_eq!(at(90).to_rfc3339(), "2026-01-01T00:01:30+00:00");
/// ```
#[must_use]
pub fn at(seconds: i64) -> DateTime<Utc> {
    at_micros(seconds.saturating_mul(1_000_000))
}

/// So many microseconds, the resolution of every store, after 2026-01-01T00:00:00Z.
///
/// # Panics
/// When that lies outside of what chrono can say, some 260,000 years away.
#[must_use]
pub fn at_micros(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(START_MICROS.saturating_add(micros))
        .expect("an instant that chrono can say")
}

/// The instant one microsecond before.
#[must_use]
pub fn just_before(at: DateTime<Utc>) -> DateTime<Utc> {
    at - TimeDelta::microseconds(1)
}

/// So many seconds.
#[must_use]
pub const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// The id of a task.
///
/// # Panics
/// When the text is not an id.
#[must_use]
pub fn task_id(text: &str) -> TaskId {
    TaskId::new(text).expect("the id of a task")
}

/// The id of a schedule.
///
/// # Panics
/// When the text is not an id.
#[must_use]
pub fn schedule_id(text: &str) -> ScheduleId {
    ScheduleId::new(text).expect("the id of a schedule")
}

/// The name of an executor.
///
/// # Panics
/// When the text is not a name.
#[must_use]
pub fn executor(text: &str) -> ExecutorName {
    ExecutorName::new(text).expect("the name of an executor")
}

/// The first run of the scheduler `name`.
///
/// # Panics
/// When the text is not a name.
#[must_use]
pub fn scheduler_id(name: &str) -> SchedulerId {
    SchedulerId::new(SchedulerName::new(name).expect("the name of a scheduler"), 1)
}

/// A new job id, greater than all before.
#[must_use]
pub fn job_id() -> JobId {
    with_job_ids(|ids| ids.next(at(0)))
}

/// Lends the source of all job ids here.
pub fn with_job_ids<T>(with: impl FnOnce(&mut JobIds) -> T) -> T {
    with(&mut IDS.lock().unwrap_or_else(PoisonError::into_inner))
}

/// A task without a limit, on the executor `async`, one attempt, never too late.
///
/// ```
/// use apsched_core::TaskDefinition;
/// use apsched_testkit::sample;
///
/// let limited = TaskDefinition { max_running_jobs: Some(2), ..sample::task("send") };
/// assert_eq!(limited.id.as_str(), "send");
/// ```
#[must_use]
pub fn task(id: &str) -> TaskDefinition {
    TaskDefinition {
        id: task_id(id),
        job_executor: executor(ExecutorName::ASYNC),
        max_running_jobs: None,
        misfire_grace_time: None,
        retry: Retry::none(),
        timeout: None,
        priority: 0,
        metadata: Metadata::empty(),
    }
}

/// A direct job of the task `send`, due at [`at`]`(0)`, whose result is kept for an hour.
///
/// ```
/// use apsched_testkit::sample::{self, at};
///
/// let (first, second) = (sample::job().build(), sample::job().run_at(at(60)).priority(3).build());
/// assert!(first.id < second.id);
/// assert_eq!((second.run_at, second.settings.priority), (at(60), 3));
/// ```
pub fn job() -> JobSample {
    let settings = JobSettings {
        job_executor: executor(ExecutorName::ASYNC),
        retry: Retry::none(),
        timeout: None,
        priority: 0,
        result_expiration_time: seconds(3600),
        metadata: Metadata::empty(),
    };
    let job = Job::new(job_id(), task_id("send"), Payload::unit(), Arc::new(settings.clone()), at(0));
    JobSample { job, settings }
}

/// A job in the making; see [`job`].
#[derive(Clone, Debug)]
#[must_use = "nothing is made before `build`"]
pub struct JobSample {
    job: Job,
    settings: JobSettings,
}

impl JobSample {
    /// Its task.
    pub fn task(mut self, id: &str) -> Self {
        self.job.task_id = task_id(id);
        self
    }

    /// The schedule that made it.
    pub fn of_schedule(mut self, id: &str) -> Self {
        self.job.schedule_id = Some(schedule_id(id));
        self
    }

    /// What its handler is given.
    pub fn payload(mut self, value: impl TaskValue) -> Self {
        self.job.payload = Payload::live(value);
        self
    }

    /// The fire time it stands for.
    pub const fn fire_time(mut self, at: DateTime<Utc>) -> Self {
        self.job.fire_time = Some(at);
        self
    }

    /// Its earliest start.
    pub const fn run_at(mut self, at: DateTime<Utc>) -> Self {
        self.job.run_at = at;
        self
    }

    /// Its latest start.
    pub const fn start_deadline(mut self, at: DateTime<Utc>) -> Self {
        self.job.start_deadline = Some(at);
        self
    }

    /// Higher is started first.
    pub const fn priority(mut self, priority: i32) -> Self {
        self.settings.priority = priority;
        self
    }

    /// The executor that runs it.
    pub fn job_executor(mut self, name: &str) -> Self {
        self.settings.job_executor = executor(name);
        self
    }

    /// So many attempts, `delay` apart.
    pub const fn attempts(mut self, max_attempts: u32, delay: Duration) -> Self {
        self.settings.retry = Retry::fixed(max_attempts, delay);
        self
    }

    /// How long its result is kept; zero: not at all.
    pub const fn keep_result(mut self, expiration: Duration) -> Self {
        self.settings.result_expiration_time = expiration;
        self
    }

    /// Changes the settings that have no setter here.
    pub fn settings(mut self, change: impl FnOnce(&mut JobSettings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// The job.
    #[must_use]
    pub fn build(self) -> Job {
        Job { settings: Arc::new(self.settings), ..self.job }
    }
}

/// A schedule of the task `send`, added at [`at`]`(0)`, which fires then and every ten seconds after, and keeps the
/// results of its jobs for an hour.
///
/// ```
/// use apsched_core::Overlap;
/// use apsched_testkit::sample::{self, at, seconds};
///
/// let schedule = sample::schedule("mail").every(seconds(60)).overlap(Overlap::Queue).build();
/// assert_eq!(schedule.next_fire_time, Some(at(0)));
/// ```
pub fn schedule(id: &str) -> ScheduleSample {
    ScheduleSample {
        id: schedule_id(id),
        task_id: task_id("send"),
        trigger: every(seconds(10), at(0)),
        payload: Payload::unit(),
        settings: ScheduleSettings { result_expiration_time: seconds(3600), ..ScheduleSettings::default() },
        added_at: at(0),
    }
}

/// A trigger of every built-in kind, with what each can say.
///
/// # Panics
/// Never: every definition is valid.
#[must_use]
pub fn triggers() -> Vec<AnyTrigger> {
    let berlin = chrono_tz::Tz::Europe__Berlin;
    let interval = IntervalTrigger::every(Duration::from_micros(90_000_001));
    let interval = interval.starting_at(at_micros(1)).ending_at(at(1_000_000));
    let monthly = CalendarIntervalTrigger::builder().months(1).hour(9).minute(30).timezone(berlin);
    let monthly = monthly.start_time(at(0)).build().expect("a valid definition");
    let weekdays = CronTrigger::from_crontab("*/5 9-17 1,15 * mon-fri").expect("a valid line");
    let weekdays = weekdays.with_timezone(berlin).with_dst(DstPolicy::SKIP_AND_REPEAT);
    let last_day = CronTrigger::builder().day("last").hour(2).end_time(at(100_000_000)).build();
    let last_day = last_day.expect("valid fields");
    let dates = [AnyTrigger::from(DateTrigger::at(at(60))), DateTrigger::at(at(60)).into()];
    let either = OrTrigger::new([AnyTrigger::from(monthly), weekdays.clone().into()]).expect("two parts");
    vec![
        DateTrigger::at(at_micros(1_234_567)).into(),
        interval.into(),
        AnyTrigger::from(IntervalTrigger::every(seconds(7))).anchored_at(at(3)),
        monthly.into(),
        weekdays.into(),
        last_day.into(),
        AndTrigger::new(dates).expect("two parts").into(),
        either.into(),
    ]
}

fn every(interval: Duration, first: DateTime<Utc>) -> AnyTrigger {
    IntervalTrigger::every(interval).starting_at(first).into()
}

/// A schedule in the making; see [`schedule`].
#[derive(Clone, Debug)]
#[must_use = "nothing is made before `build`"]
pub struct ScheduleSample {
    id: ScheduleId,
    task_id: TaskId,
    trigger: AnyTrigger,
    payload: Payload,
    settings: ScheduleSettings,
    added_at: DateTime<Utc>,
}

impl ScheduleSample {
    /// Its task.
    pub fn task(mut self, id: &str) -> Self {
        self.task_id = task_id(id);
        self
    }

    /// When it fires.
    pub fn trigger(mut self, trigger: impl Into<AnyTrigger>) -> Self {
        self.trigger = trigger.into();
        self
    }

    /// It fires at [`at`]`(0)` and so often after.
    pub fn every(self, interval: Duration) -> Self {
        self.trigger(every(interval, at(0)))
    }

    /// It fires at this instant and every ten seconds after.
    pub fn first_at(self, first: DateTime<Utc>) -> Self {
        self.trigger(every(seconds(10), first))
    }

    /// It fires at this instant only.
    pub fn once_at(self, fire_time: DateTime<Utc>) -> Self {
        self.trigger(DateTrigger::at(fire_time))
    }

    /// What its jobs are given.
    pub fn payload(mut self, value: impl TaskValue) -> Self {
        self.payload = Payload::live(value);
        self
    }

    /// When it is added.
    pub const fn added_at(mut self, now: DateTime<Utc>) -> Self {
        self.added_at = now;
        self
    }

    /// What happens while an earlier job of it is there.
    pub const fn overlap(mut self, overlap: Overlap) -> Self {
        self.settings.overlap = Some(overlap);
        self
    }

    /// What becomes of fire times that piled up.
    pub const fn coalesce(mut self, coalesce: Coalesce) -> Self {
        self.settings.coalesce = coalesce;
        self
    }

    /// Changes the settings that have no setter here.
    pub fn settings(mut self, change: impl FnOnce(&mut ScheduleSettings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// The schedule.
    ///
    /// # Panics
    /// When the trigger cannot tell its first fire time.
    #[must_use]
    pub fn build(self) -> Schedule {
        Schedule::new(
            self.id,
            self.task_id,
            self.payload,
            &self.trigger,
            Arc::new(self.settings),
            self.added_at,
        )
        .expect("a trigger that tells its first fire time")
    }
}
