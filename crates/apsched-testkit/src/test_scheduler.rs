//! A scheduler whose time a test moves: a year of schedules in a second.

use std::time::Duration;

use apsched_core::broker::{EventItem, Subscription};
use apsched_core::event::{Event, EventType, JobAdded, JobReleased};
use apsched_core::scheduler::{
    AddSchedule, BoundTasks, Clock, Result, Scheduler, SchedulerBuilder, SchedulerState, TaskFunction, Tasks,
};
use apsched_core::{AnyTrigger, JobId, JobOutcome, ScheduleId, TaskId, TaskRef, TaskValue, instant};
use chrono::{DateTime, Utc};

use crate::ManualClock;

/// A scheduler in memory with a clock that stands still until [`advance`](Self::advance) moves it.
///
/// Time jumps from one thing that is due to the next, and after each jump the scheduler comes to rest, so that a year
/// takes as long as what happens in it. Retries, delays, leases and cleanups follow the same clock.
///
/// ```
/// use std::time::Duration;
/// use apsched_core::{CronTrigger, Task, scheduler::{Result, Tasks}};
/// use apsched_testkit::TestScheduler;
///
/// const REPORT: Task = Task::new("report");
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<()> {
/// let mut world = TestScheduler::at("2026-01-01T00:00:00Z")
///     .tasks(Tasks::<()>::new().task(REPORT, async || ()));
/// world.add_schedule(REPORT, (), CronTrigger::from_crontab("0 9 * * mon-fri")?).id("workdays").await?;
///
/// world.advance(Duration::from_secs(365 * 86_400)).await?;
/// assert_eq!(world.fired().count(), 261);
/// assert_eq!(world.fired().next().map(|fire| fire.run_at.to_rfc3339()), Some("2026-01-01T09:00:00+00:00".to_owned()));
/// # Ok(())
/// # }
/// ```
///
/// A handler must not wait for the clock (its job's timeout may): time stands still while it runs, so it would wait for
/// ever. It may wait for real things, such as a local server.
#[derive(Debug)]
pub struct TestScheduler {
    clock: ManualClock,
    stage: Stage,
    fired: Vec<Fired>,
    ended: Vec<Ended>,
}

#[derive(Debug)]
enum Stage {
    Preparing(Option<Box<SchedulerBuilder>>),
    Built(Scheduler, Subscription),
}

/// A job that a schedule made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fired {
    /// The schedule.
    pub schedule_id: ScheduleId,
    /// Its task.
    pub task_id: TaskId,
    /// The job.
    pub job_id: JobId,
    /// When the job was due: the fire time with its jitter.
    pub run_at: DateTime<Utc>,
}

/// A job that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The job.
    pub job_id: JobId,
    /// Its task.
    pub task_id: TaskId,
    /// The schedule that made it.
    pub schedule_id: Option<ScheduleId>,
    /// How it ended.
    pub outcome: JobOutcome,
}

/// Longer than any test: nothing else shares the store, so nothing is missed without polls.
const NO_POLLS: Duration = Duration::from_secs(100 * 365 * 86_400);

impl TestScheduler {
    /// A scheduler whose clock shows this time, in RFC 3339.
    ///
    /// # Panics
    /// When the text is no instant.
    #[must_use]
    pub fn at(now: &str) -> Self {
        let clock = ManualClock::at(now);
        let builder = Scheduler::builder()
            .clock(clock.clone())
            .poll_interval(NO_POLLS)
            .cleanup_interval(Duration::from_secs(86_400))
            .seed(0);
        Self { clock, stage: Stage::Preparing(Some(Box::new(builder))), fired: Vec::new(), ended: Vec::new() }
    }

    /// Adds a function marked `#[task]` that needs no state.
    #[must_use]
    pub fn task(self, function: impl TaskFunction<()>) -> Self {
        self.tasks(Tasks::<()>::new().add(function))
    }

    /// Adds tasks with their handlers.
    #[must_use]
    pub fn tasks(self, tasks: impl Into<BoundTasks>) -> Self {
        self.configure(|builder| builder.tasks(tasks))
    }

    /// Changes anything else about the scheduler, such as its task defaults or its seed.
    ///
    /// # Panics
    /// After the first call that needs the scheduler.
    #[must_use]
    pub fn configure(mut self, change: impl FnOnce(SchedulerBuilder) -> SchedulerBuilder) -> Self {
        match &mut self.stage {
            Stage::Preparing(builder) => {
                *builder = builder.take().map(|builder| Box::new(change(*builder)));
                self
            }
            Stage::Built(..) => panic!("configure a test scheduler before its first schedule or job"),
        }
    }

    /// The scheduler itself: add jobs, pause schedules, subscribe to events.
    ///
    /// # Panics
    /// When the scheduler cannot be built; the text names every problem.
    pub fn scheduler(&mut self) -> &Scheduler {
        if let Stage::Preparing(builder) = &mut self.stage {
            let builder = builder.take().expect("the builder is put back after each change");
            let scheduler = builder.build().unwrap_or_else(|error| panic!("{error}"));
            let events = scheduler.events_of_interest(JobAdded::INTEREST | JobReleased::INTEREST);
            self.stage = Stage::Built(scheduler, events);
        }
        match &self.stage {
            Stage::Built(scheduler, _) => scheduler,
            Stage::Preparing(_) => unreachable!("it was built just now"),
        }
    }

    /// Adds a schedule; see [`Scheduler::add_schedule`].
    ///
    /// # Panics
    /// As [`scheduler`](Self::scheduler).
    pub fn add_schedule<T: TaskRef>(
        &mut self,
        task: T,
        payload: T::Payload,
        trigger: impl Into<AnyTrigger>,
    ) -> AddSchedule<T::Payload>
    where
        T::Payload: TaskValue,
    {
        self.scheduler().add_schedule(task, payload, trigger)
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Moves the time forward by `duration`, and lets everything that is due until then happen, each at its time.
    ///
    /// # Errors
    /// When the scheduler cannot be started.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the time between two things that are due; what has happened by then has happened.
    pub async fn advance(&mut self, duration: Duration) -> Result<()> {
        let until = instant::after(self.clock.now(), duration);
        self.settle().await?;
        while let Some(next) = self.clock.next_sleep().filter(|next| *next <= until) {
            self.clock.set(next);
            self.settle().await?;
        }
        self.clock.set(until);
        self.settle().await
    }

    /// Lets everything happen that is due now.
    ///
    /// # Errors
    /// When the scheduler cannot be started.
    ///
    /// # Cancel safety
    /// Dropping the future stops the wait; what is under way goes on.
    pub async fn settle(&mut self) -> Result<()> {
        let scheduler = self.scheduler().clone();
        if scheduler.state() == SchedulerState::Created {
            scheduler.start_in_background().await?;
        }
        scheduler.wait_until_idle().await;
        self.note_events();
        Ok(())
    }

    /// The jobs that schedules have made so far, in order.
    pub fn fired(&self) -> impl Iterator<Item = &Fired> {
        self.fired.iter()
    }

    /// The jobs that have ended so far, in order; skipped fire times too.
    pub fn ended(&self) -> impl Iterator<Item = &Ended> {
        self.ended.iter()
    }

    fn note_events(&mut self) {
        let Stage::Built(_, events) = &mut self.stage else { return };
        while let Some(item) = events.try_next() {
            match item {
                EventItem::Event(Event::JobAdded(JobAdded {
                    job_id,
                    task_id,
                    schedule_id: Some(schedule_id),
                    run_at,
                    ..
                })) => self.fired.push(Fired { schedule_id, task_id, job_id, run_at }),
                EventItem::Event(Event::JobReleased(JobReleased {
                    job_id,
                    task_id,
                    schedule_id,
                    outcome,
                    ..
                })) => self.ended.push(Ended { job_id, task_id, schedule_id, outcome }),
                EventItem::Event(_) => {}
                EventItem::Lagged(lost) => {
                    panic!("{lost} events of one instant were lost: add fewer jobs at once")
                }
            }
        }
    }
}
