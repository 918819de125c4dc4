//! A job's life as a user sees it: add, run, retry, cancel, fail, result.
#![cfg(feature = "scheduler")]
#![expect(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use apsched_core::broker::{EventBroker, LocalBroker};
use apsched_core::scheduler::{
    AdviseRetry, Error, JobContext, JobError, JobExecutor, JobRun, Result, Scheduler, Tasks, current_job,
    current_scheduler,
};
use apsched_core::{JobOutcome, JobStatus, MemoryStore, Retry, StoreError, Task};
use tokio::sync::{Notify, Semaphore};

const KEEP: Duration = Duration::from_secs(600);
const ECHO: Task<String, String> = Task::new("echo");
const COUNT: Task<(), u32> = Task::new("count");
const WAIT: Task = Task::new("wait");

async fn started(tasks: Tasks) -> Scheduler {
    Scheduler::builder().tasks(tasks).start_in_background().await.unwrap()
}

fn outcome(result: Result<impl std::fmt::Debug>) -> JobOutcome {
    match result.unwrap_err() {
        Error::JobFailed { outcome, .. } => outcome,
        other => panic!("expected a job that failed, found {other}"),
    }
}

/// A handler that fails `failures` times and then says how often it was called.
fn failing(failures: u32, advice: fn(JobError) -> JobError) -> (Tasks, Arc<AtomicU32>) {
    let calls = Arc::new(AtomicU32::new(0));
    let counted = calls.clone();
    let handler = move || {
        let call = counted.fetch_add(1, Ordering::SeqCst) + 1;
        async move {
            if call > failures { Ok(call) } else { Err(advice(JobError::new(format!("failure {call}")))) }
        }
    };
    (Tasks::new().task(COUNT, handler), calls)
}

#[tokio::test]
async fn a_result_can_be_read_many_times() {
    let scheduler = started(Tasks::new().task(ECHO, async |text: String| text)).await;
    let job = scheduler.add_job(ECHO, "hello".to_owned()).keep_result(KEEP).await.unwrap();
    for _ in 0..3 {
        assert_eq!(job.result().await.unwrap(), "hello");
    }
    let same_job = scheduler.job::<String>(job.id());
    assert_eq!(same_job.result().await.unwrap(), "hello");
}

#[tokio::test]
async fn a_result_that_was_not_asked_for_is_not_kept() {
    let scheduler = started(Tasks::new().task(ECHO, async |text: String| text)).await;
    let job = scheduler.add_job(ECHO, "hello".to_owned()).await.unwrap();
    assert!(matches!(job.result().await, Err(Error::ResultNotKept { .. })));
}

#[tokio::test]
async fn a_panic_is_an_error_of_that_job_alone() {
    let tasks = Tasks::new().task(ECHO, async |text: String| {
        assert!(text != "bad", "a bad text");
        text
    });
    let scheduler = started(tasks).await;
    let error = scheduler.run_job(ECHO, "bad".to_owned()).await.unwrap_err();
    assert!(error.to_string().ends_with("ended as error: the handler panicked: a bad text"), "{error}");
    assert_eq!(scheduler.run_job(ECHO, "good".to_owned()).await.unwrap(), "good");
}

#[tokio::test]
async fn a_panic_in_a_thread_is_an_error_of_that_job_alone() {
    let tasks =
        Tasks::new().blocking(ECHO, |text: String| if text == "bad" { panic!("a bad text") } else { text });
    let scheduler = started(tasks).await;
    assert_eq!(outcome(scheduler.run_job(ECHO, "bad".to_owned()).await), JobOutcome::Error);
    assert_eq!(scheduler.run_job(ECHO, "good".to_owned()).await.unwrap(), "good");
}

#[tokio::test]
async fn a_failed_job_is_tried_again_until_it_succeeds() {
    let (tasks, _) = failing(2, |error| error);
    let scheduler = started(tasks).await;
    assert_eq!(scheduler.run_job(COUNT, ()).retry(Retry::fixed(3, Duration::ZERO)).await.unwrap(), 3);
}

#[tokio::test]
async fn without_attempts_left_the_last_error_is_kept() {
    let (tasks, calls) = failing(9, |error| error);
    let scheduler = started(tasks).await;
    let error = scheduler.run_job(COUNT, ()).retry(Retry::fixed(3, Duration::ZERO)).await.unwrap_err();
    assert!(error.to_string().ends_with("ended as error: failure 3"), "{error}");
    assert_eq!(calls.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_fatal_error_is_not_tried_again() {
    let (tasks, calls) = failing(9, JobError::fatal);
    let scheduler = started(tasks).await;
    assert_eq!(
        outcome(scheduler.run_job(COUNT, ()).retry(Retry::fixed(3, Duration::ZERO)).await),
        JobOutcome::Error
    );
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_snoozed_job_has_not_used_up_its_attempt() {
    let (tasks, _) = failing(5, |_| JobError::snooze(Duration::ZERO));
    let scheduler = started(tasks).await;
    assert_eq!(scheduler.run_job(COUNT, ()).await.unwrap(), 6);
}

#[tokio::test]
async fn an_error_keeps_its_chain() {
    let tasks = Tasks::new().task(COUNT, async || -> Result<u32, JobError> {
        let number: u32 = "seven".parse().fatal()?;
        Ok(number)
    });
    let scheduler = started(tasks).await;
    let Error::JobFailed { error: Some(chain), .. } = scheduler.run_job(COUNT, ()).await.unwrap_err() else {
        panic!("the job fails")
    };
    assert_eq!(chain.messages(), ["invalid digit found in string"]);
}

#[tokio::test]
async fn a_queued_job_is_cancelled_at_once() {
    let tasks = Tasks::new().task(ECHO, async |text: String| text);
    let scheduler = Scheduler::builder().tasks(tasks).start_paused().start_in_background().await.unwrap();
    let job = scheduler.add_job(ECHO, "never".to_owned()).keep_result(KEEP).await.unwrap();
    job.cancel().await.unwrap();
    assert_eq!(outcome(job.result().await), JobOutcome::Cancelled);
}

#[tokio::test]
async fn a_running_job_is_told_that_it_is_cancelled() {
    let running = Arc::new(Notify::new());
    let told = running.clone();
    let tasks = Tasks::new().task(WAIT, move |context: JobContext| {
        let told = told.clone();
        async move {
            told.notify_one();
            context.cancelled().await;
        }
    });
    let scheduler = started(tasks).await;
    let job = scheduler.add_job(WAIT, ()).keep_result(KEEP).await.unwrap();
    running.notified().await;
    job.cancel().await.unwrap();
    assert_eq!(outcome(job.result().await), JobOutcome::Cancelled);
}

#[tokio::test]
async fn a_cancelled_job_that_does_not_listen_is_dropped_after_the_grace_period() {
    let running = Arc::new(Notify::new());
    let told = running.clone();
    let tasks = Tasks::new().task(WAIT, move || {
        told.notify_one();
        std::future::pending::<()>()
    });
    let builder = Scheduler::builder().tasks(tasks).cancel_grace_period(Duration::ZERO);
    let scheduler = builder.start_in_background().await.unwrap();
    let job = scheduler.add_job(WAIT, ()).keep_result(KEEP).await.unwrap();
    running.notified().await;
    job.cancel().await.unwrap();
    assert_eq!(outcome(job.result().await), JobOutcome::Cancelled);
}

#[tokio::test]
async fn a_blocking_handler_sees_the_cancel() {
    let tasks = Tasks::new().blocking(WAIT, |context: JobContext| {
        while !context.is_cancelled() {
            std::thread::yield_now();
        }
    });
    let scheduler = started(tasks).await;
    let job = scheduler.add_job(WAIT, ()).keep_result(KEEP).await.unwrap();
    let mut status = job.status().await.unwrap();
    while !matches!(&status, JobStatus::Active(job) if job.lease.is_some()) {
        tokio::task::yield_now().await;
        status = job.status().await.unwrap();
    }
    job.cancel().await.unwrap();
    assert_eq!(outcome(job.result().await), JobOutcome::Cancelled);
}

#[tokio::test]
async fn an_attempt_that_takes_too_long_is_timed_out() {
    let tasks = Tasks::new().task(WAIT, std::future::pending::<()>);
    let scheduler = started(tasks).await;
    let result = scheduler.run_job(WAIT, ()).timeout(Duration::from_millis(1)).await;
    assert_eq!(outcome(result), JobOutcome::TimedOut);
}

#[tokio::test]
async fn a_thread_that_takes_too_long_is_told_and_then_timed_out() {
    let tasks = Tasks::new().blocking(WAIT, |context: JobContext| {
        while !context.is_cancelled() {
            std::thread::yield_now();
        }
    });
    let scheduler = started(tasks).await;
    let result = scheduler.run_job(WAIT, ()).timeout(Duration::from_millis(1)).await;
    assert_eq!(outcome(result), JobOutcome::TimedOut);
}

#[tokio::test]
async fn a_job_past_its_start_deadline_is_not_run() {
    let (tasks, calls) = failing(0, |error| error);
    let scheduler = started(tasks).await;
    let past = scheduler.now() - chrono::TimeDelta::seconds(1);
    assert_eq!(
        outcome(scheduler.run_job(COUNT, ()).start_deadline(past).await),
        JobOutcome::MissedStartDeadline
    );
    assert_eq!(calls.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn the_deadline_is_looked_at_again_after_waiting_for_a_thread() {
    use apsched_core::scheduler::ThreadPoolExecutor;
    let (entered, leave) =
        (Arc::new(Notify::new()), Arc::new((Mutex::new(false), std::sync::Condvar::new())));
    let (tell, until) = (entered.clone(), leave.clone());
    let tasks = Tasks::new().blocking_with(
        WAIT,
        move || {
            tell.notify_one();
            let (left, changed) = &*until;
            drop(changed.wait_while(left.lock().unwrap(), |left| !*left).unwrap());
        },
        |task| task.max_running_jobs(None),
    );
    let builder = Scheduler::builder().tasks(tasks).job_executor("threadpool", ThreadPoolExecutor::new(1));
    let scheduler = builder.start_in_background().await.unwrap();
    let first = scheduler.add_job(WAIT, ()).keep_result(KEEP).await.unwrap();
    entered.notified().await;
    let deadline = scheduler.now() + chrono::TimeDelta::milliseconds(50);
    let second = scheduler.add_job(WAIT, ()).keep_result(KEEP).start_deadline(deadline).await.unwrap();
    while scheduler.now() <= deadline {
        tokio::task::yield_now().await;
    }
    *leave.0.lock().unwrap() = true;
    leave.1.notify_all();
    first.result().await.unwrap();
    assert_eq!(outcome(second.result().await), JobOutcome::MissedStartDeadline);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn never_more_jobs_of_a_task_run_than_its_limit() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (running, seen) = (now.clone(), most.clone());
    // Each job waits until as many as may be are there, so the limit is reached, and could be exceeded, every time.
    let all_there = Arc::new(tokio::sync::Barrier::new(3));
    let handler = move || {
        let (running, seen, all_there) = (running.clone(), seen.clone(), all_there.clone());
        async move {
            seen.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            all_there.wait().await;
            running.fetch_sub(1, Ordering::SeqCst);
        }
    };
    let scheduler = started(Tasks::new().task_with(WAIT, handler, |task| task.max_running_jobs(3))).await;
    let jobs = scheduler.add_jobs(WAIT, vec![(); 501]).keep_result(KEEP).await.unwrap();
    for id in jobs {
        scheduler.job::<()>(id).result().await.unwrap();
    }
    assert_eq!(most.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_saturated_task_does_not_hold_up_another() {
    let gate = Arc::new(Semaphore::new(0));
    let wait = gate.clone();
    let tasks = Tasks::new()
        .task(WAIT, move || {
            let gate = wait.clone();
            async move { drop(gate.acquire().await) }
        })
        .task(ECHO, async |text: String| text);
    let scheduler = started(tasks).await;
    scheduler.add_jobs(WAIT, vec![(); 1000]).await.unwrap();
    assert_eq!(scheduler.run_job(ECHO, "through".to_owned()).await.unwrap(), "through");
    gate.close();
}

#[tokio::test]
async fn higher_priority_goes_first_then_earlier_jobs() {
    let order = Arc::new(Mutex::new(Vec::new()));
    let seen = order.clone();
    let tasks = Tasks::new().task(ECHO, move |text: String| {
        seen.lock().unwrap().push(text.clone());
        async move { text }
    });
    let scheduler = Scheduler::builder().tasks(tasks).start_paused().start_in_background().await.unwrap();
    let mut last = None;
    for (name, priority) in [("low", -1), ("first", 0), ("second", 0), ("high", 9)] {
        last = Some(
            scheduler.add_job(ECHO, name.to_owned()).priority(priority).keep_result(KEEP).await.unwrap(),
        );
    }
    let low = scheduler.add_job(ECHO, "last".to_owned()).priority(-2).keep_result(KEEP).await.unwrap();
    scheduler.resume().unwrap();
    last.unwrap().result().await.unwrap();
    low.result().await.unwrap();
    assert_eq!(*order.lock().unwrap(), ["high", "first", "second", "low", "last"]);
}

#[tokio::test]
async fn an_unknown_task_is_an_error_that_helps() {
    const TYPO: Task<String, String> = Task::new("ehco");
    let scheduler = started(Tasks::new().task(ECHO, async |text: String| text)).await;
    let error = scheduler.add_job(TYPO, String::new()).await.unwrap_err();
    assert_eq!(error.to_string(), r#"no task "ehco" is registered on this scheduler (did you mean "echo"?)"#);
}

#[tokio::test]
async fn an_unknown_executor_is_an_error_that_helps() {
    let scheduler = started(Tasks::new().task(ECHO, async |text: String| text)).await;
    let error = scheduler.add_job(ECHO, String::new()).job_executor("gpu").await.unwrap_err();
    assert_eq!(error.to_string(), r#"no job executor "gpu" on this scheduler, only async, threadpool"#);
}

#[tokio::test]
async fn a_client_adds_jobs_for_a_worker_that_comes_later() {
    let (store, broker) = (MemoryStore::new(), Arc::new(LocalBroker::new()));
    let broker: Arc<dyn EventBroker> = broker;
    let client =
        Scheduler::builder().data_store(store.clone()).shared_event_broker(broker.clone()).build().unwrap();
    let job = client.add_job(ECHO, "later".to_owned()).keep_result(KEEP).await.unwrap();
    assert!(matches!(job.result().timeout(Duration::ZERO).await, Err(Error::WaitTimedOut { .. })));
    let worker = Scheduler::builder()
        .data_store(store)
        .shared_event_broker(broker)
        .tasks(Tasks::<()>::new().task(ECHO, async |text: String| text));
    worker.start_in_background().await.unwrap();
    assert_eq!(job.result().await.unwrap(), "later");
}

#[tokio::test]
async fn the_running_job_and_its_scheduler_are_at_hand_in_async_and_blocking_handlers() {
    const INNER: Task<(), String> = Task::new("inner");
    let tasks = Tasks::new()
        .task(ECHO, async |text: String| {
            let job = current_job().unwrap();
            assert_eq!((job.task_id().as_str(), job.attempt(), job.fire_time()), ("echo", 1, None));
            let inner = current_scheduler().unwrap().run_job(INNER, ()).await.unwrap();
            format!("{text} {inner}")
        })
        .blocking(INNER, || current_job().unwrap().task_id().to_string());
    let scheduler = started(tasks).await;
    assert_eq!(scheduler.run_job(ECHO, "outer".to_owned()).await.unwrap(), "outer inner");
    assert!(current_job().is_none());
}

#[tokio::test]
async fn progress_is_seen_from_outside() {
    let (reported, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (tell, wait) = (reported.clone(), go_on.clone());
    let tasks = Tasks::new().task(WAIT, move |context: JobContext| {
        let (tell, wait) = (tell.clone(), wait.clone());
        async move {
            context.progress(0.25, "a quarter").await.unwrap();
            tell.notify_one();
            wait.notified().await;
        }
    });
    let scheduler = started(tasks).await;
    let job = scheduler.add_job(WAIT, ()).keep_result(KEEP).await.unwrap();
    reported.notified().await;
    assert_eq!(job.progress().await.unwrap().unwrap().to_string(), "25 % a quarter");
    go_on.notify_one();
    job.result().await.unwrap();
}

#[tokio::test]
async fn a_blocking_handler_reports_progress_too() {
    let (tell, heard) = std::sync::mpsc::channel();
    let heard = Mutex::new(heard);
    let tasks = Tasks::new().blocking(WAIT, move |context: JobContext| {
        context.progress_blocking(0.5, "half").unwrap();
        heard.lock().unwrap().recv().unwrap();
    });
    let scheduler = started(tasks).await;
    let progressed = scheduler.next_event::<apsched_core::event::JobProgressed>();
    let job = scheduler.add_job(WAIT, ()).keep_result(KEEP).await.unwrap();
    progressed.await.unwrap();
    assert_eq!(job.progress().await.unwrap().unwrap().to_string(), "50 % half");
    tell.send(()).unwrap();
    job.result().await.unwrap();
}

#[test]
fn results_are_heard_of_from_one_runtime_after_another() {
    let runtime = || tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let main = runtime();
    let long = Duration::from_secs(600);
    let gate = Arc::new(Semaphore::new(0));
    let wait = gate.clone();
    let tasks = Tasks::new().task(WAIT, move || {
        let gate = wait.clone();
        async move { gate.acquire().await.unwrap().forget() }
    });
    // Without polls a result is only heard of by its event.
    let scheduler = Scheduler::builder().tasks(tasks).poll_interval(long);
    let scheduler = main.block_on(scheduler.start_in_background()).unwrap();
    for _ in 0..2 {
        let other = runtime();
        let job = other.block_on(async { scheduler.add_job(WAIT, ()).keep_result(KEEP).await }).unwrap();
        let waits = job.result().timeout(Duration::from_secs(60)).into_future();
        let result = other.block_on(async {
            let mut waits = waits;
            // It is waiting before the job may end.
            let polled =
                std::future::poll_fn(|context| std::task::Poll::Ready(waits.as_mut().poll(context))).await;
            assert!(polled.is_pending());
            gate.add_permits(1);
            waits.await
        });
        result.unwrap();
    }
}

#[tokio::test]
async fn an_executor_of_ones_own_runs_the_job_where_it_likes() {
    #[derive(Debug, Default)]
    struct ThreadEach;
    impl JobExecutor for ThreadEach {
        fn start(&self, runs: Vec<JobRun>) {
            for run in runs {
                drop(std::thread::Builder::new().name("mine".into()).spawn(|| run.run_blocking()));
            }
        }
    }
    let tasks = Tasks::new().blocking(ECHO, |_: String| std::thread::current().name().unwrap().to_owned());
    let builder = Scheduler::builder().tasks(tasks).job_executor("mine", ThreadEach);
    let scheduler = builder.start_in_background().await.unwrap();
    assert_eq!(scheduler.run_job(ECHO, String::new()).job_executor("mine").await.unwrap(), "mine");
}

#[tokio::test]
async fn a_run_that_its_executor_drops_is_interrupted_and_not_held_for_ever() {
    #[derive(Debug)]
    struct Careless;
    impl JobExecutor for Careless {
        fn start(&self, _runs: Vec<JobRun>) {}
    }
    let tasks = Tasks::new().task(ECHO, async |text: String| text);
    let builder = Scheduler::builder().tasks(tasks).job_executor("careless", Careless);
    let scheduler = builder.start_in_background().await.unwrap();
    let result = scheduler.run_job(ECHO, String::new()).job_executor("careless").await;
    assert_eq!(outcome(result), JobOutcome::Cancelled);
}

#[tokio::test]
async fn a_payload_of_another_type_ends_that_job_alone() {
    const OTHER: Task<u8, String> = Task::new("echo");
    let scheduler = started(Tasks::new().task(ECHO, async |text: String| text)).await;
    assert_eq!(outcome(scheduler.run_job(OTHER, 7).await), JobOutcome::DeserializationFailed);
    assert_eq!(scheduler.run_job(ECHO, "fine".to_owned()).await.unwrap(), "fine");
}

#[tokio::test]
async fn a_batch_has_ids_in_order_and_each_job_runs_once() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let list = seen.clone();
    let tasks = Tasks::new().task_with(
        ECHO,
        move |text: String| {
            list.lock().unwrap().push(text.clone());
            async move { text }
        },
        |task| task.max_running_jobs(None),
    );
    let scheduler = started(tasks).await;
    let names: Vec<String> = (0..1000).map(|number| number.to_string()).collect();
    let ids = scheduler.add_jobs(ECHO, names.clone()).keep_result(KEEP).await.unwrap();
    assert!(ids.is_sorted());
    for (id, name) in ids.into_iter().zip(&names) {
        assert_eq!(scheduler.job::<String>(id).result().await.unwrap(), *name);
    }
    let seen = seen.lock().unwrap();
    assert_eq!((seen.len(), seen.iter().collect::<BTreeSet<_>>().len()), (1000, 1000));
}

#[tokio::test]
async fn a_schedule_that_is_not_there_is_named() {
    let scheduler = started(Tasks::new()).await;
    let id = apsched_core::ScheduleId::new("nightly").unwrap();
    assert_eq!(scheduler.pause_schedule(&id).await.unwrap_err().to_string(), r#"no schedule "nightly""#);
    let error =
        scheduler.data_store().edit_schedule(&id, Default::default(), scheduler.now()).await.unwrap_err();
    assert!(matches!(error, StoreError::ScheduleNotFound { .. }));
}
