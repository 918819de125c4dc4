//! A scheduler's life: start, pause, drain, stop; and what its listeners hear.
#![cfg(feature = "scheduler")]
#![expect(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use apsched_core::broker::{EventItem, LocalBroker};
use apsched_core::event::{Event, EventType, JobAdded, JobReleased, SchedulerStarted, SchedulerStopped};
use apsched_core::scheduler::{Error, JobContext, Scheduler, SchedulerState, Tasks, blocking};
use apsched_core::{JobOutcome, JobStatus, MemoryStore, Retry, Task};
use tokio::sync::{Notify, Semaphore};

const KEEP: Duration = Duration::from_secs(600);
const LONG: Duration = Duration::from_secs(600);
const ECHO: Task<String, String> = Task::new("echo");
const WAIT: Task = Task::new("wait");

fn echo() -> Tasks {
    Tasks::new().task(ECHO, async |text: String| text)
}

/// A task that tells when it runs, and ends when the gate opens.
fn gated() -> (Tasks, Arc<Notify>, Arc<Semaphore>) {
    let (running, gate) = (Arc::new(Notify::new()), Arc::new(Semaphore::new(0)));
    let (tell, wait) = (running.clone(), gate.clone());
    let tasks = Tasks::new().task(WAIT, move || {
        tell.notify_one();
        let wait = wait.clone();
        async move { wait.acquire().await.unwrap().forget() }
    });
    (tasks, running, gate)
}

async fn leases(store: &MemoryStore) -> usize {
    use apsched_core::DataStore;
    store.jobs(&Default::default()).await.unwrap().iter().filter(|job| job.lease.is_some()).count()
}

#[tokio::test]
async fn it_is_a_client_until_it_is_started_and_starts_once() {
    let scheduler = Scheduler::builder().tasks(echo()).build().unwrap();
    assert_eq!(scheduler.state(), SchedulerState::Created);
    scheduler.start_in_background().await.unwrap();
    assert_eq!(scheduler.state(), SchedulerState::Running);
    assert!(matches!(scheduler.start_in_background().await, Err(Error::AlreadyStarted)));
    scheduler.shutdown(Duration::ZERO).await;
    assert_eq!(scheduler.state(), SchedulerState::Stopped);
    assert!(matches!(scheduler.pause(), Err(Error::NotRunning { .. })));
}

#[tokio::test]
async fn one_that_never_started_stops_at_once() {
    let scheduler = Scheduler::builder().build().unwrap();
    scheduler.shutdown(LONG).await;
    assert!(scheduler.start_in_background().await.is_err());
}

#[tokio::test]
async fn stopping_waits_for_running_jobs_and_gives_every_lease_back() {
    let (tasks, running, gate) = gated();
    let store = MemoryStore::new();
    let builder = Scheduler::builder().data_store(store.clone()).tasks(tasks).drain_timeout(LONG);
    let scheduler = builder.start_in_background().await.unwrap();
    let job = scheduler.add_job(WAIT, ()).keep_result(KEEP).await.unwrap();
    let queued = scheduler.add_job(WAIT, ()).await.unwrap();
    running.notified().await;
    scheduler.stop();
    assert_eq!(leases(&store).await, 1);
    gate.add_permits(1);
    scheduler.wait_until_stopped().await;
    assert_eq!(leases(&store).await, 0);
    job.result().await.unwrap();
    assert!(matches!(queued.status().await.unwrap(), JobStatus::Active(_)), "what was queued stays queued");
}

#[tokio::test]
async fn at_the_drain_deadline_a_job_without_attempts_left_is_cancelled() {
    let (tasks, running, _gate) = gated();
    let builder = Scheduler::builder().tasks(tasks).cancel_grace_period(Duration::ZERO);
    let scheduler = builder.start_in_background().await.unwrap();
    let job = scheduler.add_job(WAIT, ()).keep_result(KEEP).await.unwrap();
    running.notified().await;
    scheduler.shutdown(Duration::ZERO).await;
    let Error::JobFailed { outcome: JobOutcome::Cancelled, error: Some(error), .. } =
        job.result().await.unwrap_err()
    else {
        panic!("the job is cancelled")
    };
    assert_eq!(error.to_string(), "the scheduler was stopped");
}

#[tokio::test]
async fn at_the_drain_deadline_a_job_with_attempts_left_goes_back_to_the_queue() {
    let (tasks, running, _gate) = gated();
    let store = MemoryStore::new();
    let builder =
        Scheduler::builder().data_store(store.clone()).tasks(tasks).cancel_grace_period(Duration::ZERO);
    let scheduler = builder.start_in_background().await.unwrap();
    let job = scheduler.add_job(WAIT, ()).retry(Retry::exponential(2)).await.unwrap();
    running.notified().await;
    scheduler.shutdown(Duration::ZERO).await;
    let JobStatus::Active(job) = job.status().await.unwrap() else { panic!("the job is queued") };
    assert_eq!((job.attempt, job.lease), (1, None));
}

#[tokio::test]
async fn a_job_that_ends_in_its_grace_period_after_a_stop_has_its_own_outcome() {
    const TIDY: Task<(), String> = Task::new("tidy");
    let running = Arc::new(Notify::new());
    let tell = running.clone();
    let tasks = Tasks::new().task(TIDY, move |context: JobContext| {
        let tell = tell.clone();
        async move {
            tell.notify_one();
            context.cancelled().await;
            "tidied up".to_owned()
        }
    });
    let builder = Scheduler::builder().tasks(tasks).cancel_grace_period(LONG);
    let scheduler = builder.start_in_background().await.unwrap();
    let job = scheduler.add_job(TIDY, ()).keep_result(KEEP).await.unwrap();
    running.notified().await;
    scheduler.shutdown(Duration::ZERO).await;
    assert_eq!(job.result().await.unwrap(), "tidied up");
}

#[tokio::test]
async fn a_paused_scheduler_takes_nothing_until_it_is_resumed() {
    let scheduler = Scheduler::builder().tasks(echo()).start_paused().start_in_background().await.unwrap();
    let job = scheduler.add_job(ECHO, "later".to_owned()).keep_result(KEEP).await.unwrap();
    scheduler.wait_until_idle().await;
    assert!(matches!(job.status().await.unwrap(), JobStatus::Active(job) if job.lease.is_none()));
    scheduler.resume().unwrap();
    assert_eq!(job.result().await.unwrap(), "later");
}

#[tokio::test]
async fn work_goes_on_when_all_handles_are_dropped() {
    let (done, heard) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let tell = done.clone();
    let tasks = Tasks::new().task(WAIT, move || {
        tell.notify_one();
        std::future::ready(())
    });
    let scheduler = Scheduler::builder().tasks(tasks).start_in_background().await.unwrap();
    scheduler.add_job(WAIT, ()).delay(Duration::from_millis(5)).await.unwrap();
    drop((scheduler, heard));
    done.notified().await;
}

#[tokio::test]
async fn listeners_hear_start_outcome_and_stop() {
    let scheduler = Scheduler::builder().tasks(echo()).build().unwrap();
    let started = scheduler.next_event::<SchedulerStarted>();
    let stopped = scheduler.next_event::<SchedulerStopped>();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let list = heard.clone();
    let all_heard = Arc::new(Notify::new());
    let tell = all_heard.clone();
    let _subscription = scheduler.subscribe(move |event: &JobReleased| {
        list.lock().unwrap().push(event.outcome);
        tell.notify_one();
    });
    scheduler.start_in_background().await.unwrap();
    assert_eq!(started.await.unwrap().scheduler_id, *scheduler.id());
    scheduler.run_job(ECHO, "hello".to_owned()).await.unwrap();
    all_heard.notified().await;
    scheduler.shutdown(LONG).await;
    assert_eq!(stopped.await.unwrap().error, None);
    assert_eq!(*heard.lock().unwrap(), [JobOutcome::Success]);
}

#[tokio::test]
async fn a_callback_that_panics_hurts_nobody_and_hears_the_next_event() {
    let scheduler = Scheduler::builder().tasks(echo()).start_in_background().await.unwrap();
    let calls = Arc::new(Semaphore::new(0));
    let count = calls.clone();
    let _subscription = scheduler.subscribe(move |_: &JobReleased| {
        count.add_permits(1);
        panic!("a bad callback");
    });
    for _ in 0..3 {
        scheduler.run_job(ECHO, "fine".to_owned()).await.unwrap();
    }
    drop(calls.acquire_many(3).await.unwrap());
}

#[tokio::test]
async fn a_blocking_callback_and_one_that_is_called_once_hear_too() {
    let scheduler = Scheduler::builder().tasks(echo()).start_in_background().await.unwrap();
    let (blocking, once) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (count_blocking, count_once) = (blocking.clone(), once.clone());
    let _every = scheduler.subscribe_blocking(move |_: &JobReleased| count_blocking.add_permits(1));
    let _once = scheduler.subscribe_once(move |_: &JobReleased| count_once.add_permits(1));
    for _ in 0..3 {
        scheduler.run_job(ECHO, "fine".to_owned()).await.unwrap();
    }
    drop(blocking.acquire_many(3).await.unwrap());
    drop(once.acquire().await.unwrap());
    assert_eq!(once.available_permits(), 1);
}

#[tokio::test]
async fn a_slow_reader_is_told_how_much_it_lost() {
    let scheduler = Scheduler::builder().tasks(echo()).build().unwrap();
    let mut events = scheduler.events_of_interest(JobAdded::INTEREST);
    let jobs = apsched_core::broker::QUEUE_CAPACITY + 10;
    scheduler.add_jobs(ECHO, vec![String::new(); jobs]).await.unwrap();
    assert_eq!(events.next().await, Some(EventItem::Lagged(10)));
    assert!(matches!(events.next().await, Some(EventItem::Event(Event::JobAdded(_)))));
}

#[tokio::test]
async fn every_configuration_error_is_reported_at_once() {
    let tasks = Tasks::<()>::new()
        .task_with(ECHO, async |text: String| text, |task| task.job_executor("gpu".parse().unwrap()))
        .task(Task::<(), ()>::new(""), async || ());
    let error = Scheduler::builder().tasks(tasks).poll_interval(Duration::ZERO).build().unwrap_err();
    let Error::Configuration(problems) = error else { panic!("a configuration error") };
    let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        problems,
        [
            "task id: expected 1 to 255 bytes, found an empty text",
            "poll_interval: expected a duration above zero",
            r#"task "echo" asks for the job executor "gpu"; this scheduler has async, threadpool"#,
        ]
    );
}

#[tokio::test]
async fn who_listens_after_the_stop_is_told() {
    let scheduler = Scheduler::builder().start_in_background().await.unwrap();
    scheduler.shutdown(Duration::ZERO).await;
    let next = scheduler.next_event::<SchedulerStopped>().await;
    assert!(matches!(next, Err(Error::NotRunning { .. })), "{next:?}");
}

#[tokio::test]
async fn who_listens_to_a_client_that_is_stopped_is_told() {
    let stopped = [Scheduler::builder().build().unwrap(), Scheduler::builder().build().unwrap()];
    let listening: Vec<_> = stopped.iter().map(Scheduler::next_event::<JobReleased>).collect();
    stopped[0].shutdown(Duration::ZERO).await;
    stopped[1].stop();
    for next in listening.into_iter().chain(stopped.iter().map(Scheduler::next_event)) {
        let answer = tokio::time::timeout(LONG, next).await.unwrap();
        assert!(matches!(answer, Err(Error::NotRunning { .. })), "{answer:?}");
    }
}

#[tokio::test]
async fn a_client_that_is_stopped_leaves_a_shared_broker_to_others() {
    let broker = Arc::new(LocalBroker::new());
    let client = || Scheduler::builder().shared_event_broker(broker.clone()).build().unwrap();
    let (stopped, other) = (client(), client());
    let mut events = stopped.events_of::<JobAdded>();
    stopped.shutdown(Duration::ZERO).await;
    let job = other.add_job(ECHO, "hello".to_owned()).await.unwrap();
    let heard = events.next().await.and_then(EventItem::event).unwrap();
    assert_eq!(heard.job_id, job.id());
}

#[test]
fn who_listens_to_a_blocking_client_that_is_stopped_is_told() {
    let client = blocking::Scheduler::builder(|builder| builder).build().unwrap();
    let listening = std::thread::spawn({
        let client = client.clone();
        move || client.next_event::<JobReleased>()
    });
    client.stop();
    let answer = listening.join().unwrap();
    assert!(matches!(answer, Err(Error::NotRunning { .. })), "{answer:?}");
}
