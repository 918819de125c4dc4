//! Handlers of every shape, run without a scheduler: the erased handler is called as an executor would.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;

use super::*;
use crate::id::{ExecutorName, JobId, TaskId};
use crate::job::{Job, JobSettings, Retry, RetryAdvice};
use crate::metadata::Metadata;
use crate::payload::{EncodedPayload, Payload};
use crate::scheduler::{JobContext, Scheduler};
use crate::serializer::Serializers;
use crate::task::{Setting, Task};

const LENGTH: Task<String, usize> = Task::new("length");
const TICK: Task<(), String> = Task::new("tick");

/// A part of [`App`] that counts how often it is used.
#[derive(Clone, Default)]
struct Counter(Arc<AtomicUsize>);

struct App {
    counter: Counter,
    greeting: &'static str,
}

impl FromRef<App> for Counter {
    fn from_ref(app: &App) -> Self {
        app.counter.clone()
    }
}

impl FromRef<App> for &'static str {
    fn from_ref(app: &App) -> Self {
        app.greeting
    }
}

fn app() -> App {
    App { counter: Counter::default(), greeting: "hello" }
}

fn job(result_expiration_time: Duration, metadata: Metadata) -> JobContext {
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    let settings = JobSettings {
        job_executor: ExecutorName::new(ExecutorName::ASYNC).unwrap(),
        retry: Retry::none(),
        timeout: None,
        priority: 0,
        result_expiration_time,
        metadata,
    };
    let task = TaskId::new("test").unwrap();
    let job = Job::new(JobId::at(now, 1), task, Payload::unit(), Arc::new(settings), now);
    JobContext::new(Job { attempt: 1, ..job }, Scheduler::for_test())
}

fn job_that_keeps_its_result() -> JobContext {
    job(Duration::from_secs(60), Metadata::empty())
}

fn only(tasks: impl Into<BoundTasks>) -> BoundTask {
    let (mut tasks, problems) = tasks.into().into_parts();
    assert_eq!((tasks.len(), problems), (1, vec![]));
    tasks.remove(0)
}

async fn run_as(tasks: impl Into<BoundTasks>, payload: Payload, context: JobContext) -> HandlerOutput {
    match only(tasks).handler {
        ErasedHandler::Async(handler) => handler(payload, context).await,
        ErasedHandler::Blocking(handler) => handler(payload, context),
    }
}

async fn run(tasks: impl Into<BoundTasks>, payload: Payload) -> HandlerOutput {
    run_as(tasks, payload, job_that_keeps_its_result()).await
}

fn value<T: TaskValue>(output: HandlerOutput) -> T {
    output.unwrap().expect("the result is kept").into_value(&Serializers::default()).unwrap()
}

fn job_error(output: HandlerOutput) -> JobError {
    match output.unwrap_err() {
        HandlerFailure::Job(error) => error,
        HandlerFailure::Payload(error) => panic!("the payload was not read: {error}"),
    }
}

#[tokio::test]
async fn a_handler_is_given_its_payload_and_its_value_is_the_result() {
    let tasks = Tasks::new().task(LENGTH, async |text: String| text.len());

    assert_eq!(value::<usize>(run(tasks, Payload::live("Ada".to_owned())).await), 3);
}

#[tokio::test]
async fn a_closure_may_capture_what_it_hands_to_its_future() {
    let prefix = Arc::new("hello ".to_owned());
    let tasks = Tasks::new().task(LENGTH, move |text: String| {
        let prefix = prefix.clone();
        async move { prefix.len() + text.len() }
    });

    assert_eq!(value::<usize>(run(tasks, Payload::live("Ada".to_owned())).await), 9);
}

#[tokio::test]
async fn a_payload_in_bytes_is_read() {
    let encoded = EncodedPayload { serializer: "json".into(), bytes: Arc::from(&br#""Ada""#[..]) };
    let tasks = Tasks::new().task(LENGTH, async |text: String| text.len());

    assert_eq!(value::<usize>(run(tasks, encoded.into()).await), 3);
}

#[tokio::test]
async fn a_task_without_payload_has_a_handler_without_that_argument() {
    async fn tick() -> String {
        "tock".to_owned()
    }
    async fn tick_with_id(context: JobContext) -> String {
        context.task_id().to_string()
    }

    assert_eq!(value::<String>(run(Tasks::new().task(TICK, tick), Payload::unit()).await), "tock");
    assert_eq!(value::<String>(run(Tasks::new().task(TICK, tick_with_id), Payload::unit()).await), "test");
}

#[tokio::test]
async fn a_task_without_payload_may_take_the_unit_all_the_same() {
    async fn tick((): (), context: JobContext) -> String {
        context.attempt().to_string()
    }

    assert_eq!(value::<String>(run(Tasks::new().task(TICK, tick), Payload::unit()).await), "1");
}

#[tokio::test]
async fn a_handler_has_up_to_eight_extractors() {
    type Greeting = State<&'static str>;

    #[expect(clippy::too_many_arguments, reason = "as many as there can be")]
    async fn handler(
        text: String,
        State(counter): State<Counter>,
        _job: JobContext,
        _scheduler: Scheduler,
        a: Greeting,
        b: Greeting,
        c: Greeting,
        d: Greeting,
        e: Greeting,
    ) -> usize {
        counter.0.fetch_add(1, Ordering::Relaxed);
        text.len() + [a, b, c, d, e].iter().map(|greeting| greeting.len()).sum::<usize>()
    }
    let app = app();
    let counter = app.counter.clone();

    let tasks = Tasks::new().task(LENGTH, handler).with_state(app);

    assert_eq!(value::<usize>(run(tasks, Payload::live("Ada".to_owned())).await), 28);
    assert_eq!(counter.0.load(Ordering::Relaxed), 1);
}

#[test]
fn a_blocking_handler_is_for_the_thread_pool() {
    let tasks = Tasks::<App>::new()
        .blocking(LENGTH, |text: String, State(greeting): State<&'static str>| greeting.len() + text.len());
    let task = only(tasks.with_state(app()));

    assert_eq!(task.handler.native_executor(), ExecutorName::THREADPOOL);
    let ErasedHandler::Blocking(handler) = task.handler else { panic!("an async handler") };
    let output = handler(Payload::live("Ada".to_owned()), job_that_keeps_its_result());
    assert_eq!(value::<usize>(output), 8);
}

#[test]
fn a_blocking_handler_needs_no_runtime() {
    let task = only(Tasks::new().blocking(TICK, || Ok::<_, JobError>("tock".to_owned())));

    let ErasedHandler::Blocking(handler) = task.handler else { panic!("an async handler") };
    assert_eq!(value::<String>(handler(Payload::unit(), job_that_keeps_its_result())), "tock");
}

#[tokio::test]
async fn every_kind_of_error_may_be_returned() {
    fn number() -> Result<usize, std::num::ParseIntError> {
        "x".parse()
    }
    let std = Tasks::new().task(LENGTH, async |_: String| number());
    let job = Tasks::new().task(LENGTH, async |_: String| Ok::<usize, JobError>(number()?));
    let text = Tasks::new().task(LENGTH, async |_: String| Err::<usize, _>("invalid digit found in string"));
    let boxed =
        Tasks::new().task(LENGTH, async |_: String| Ok::<usize, Box<dyn Error + Send + Sync>>(number()?));

    for tasks in [std, job, text, boxed] {
        let error = job_error(run(tasks, Payload::live(String::new())).await);
        assert_eq!(error.to_string(), "invalid digit found in string");
        assert_eq!(error.advice(), RetryAdvice::Backoff);
    }
}

#[tokio::test]
async fn advice_of_an_error_reaches_the_executor() {
    let minute = Duration::from_secs(60);
    let tasks = Tasks::new().blocking(LENGTH, move |_: String| Err::<usize, _>(JobError::snooze(minute)));

    let error = job_error(run(tasks, Payload::live(String::new())).await);

    assert_eq!(error.advice(), RetryAdvice::Snooze(minute));
}

#[tokio::test]
async fn a_result_that_is_serializable_itself_can_be_a_tasks_result() {
    const CHECK: Task<(), Result<u8, String>> = Task::new("check");
    let tasks = Tasks::new().task(CHECK, async || Err::<u8, _>("bad".to_owned()));

    assert_eq!(value::<Result<u8, String>>(run(tasks, Payload::unit()).await), Err("bad".to_owned()));
}

#[tokio::test]
async fn a_result_that_nobody_keeps_is_dropped() {
    let tasks = Tasks::new().task(LENGTH, async |text: String| text.len());
    let context = job(Duration::ZERO, Metadata::empty());

    let output = run_as(tasks, Payload::live("Ada".to_owned()), context).await;

    assert!(output.unwrap().is_none());
}

#[tokio::test]
async fn an_unreadable_payload_is_told_from_a_failed_handler() {
    let handler = |_: String| -> usize { unreachable!("the payload cannot be read") };
    let blocking = Tasks::new().blocking(LENGTH, handler);
    let no_payload = Tasks::new().blocking(TICK, || -> String { unreachable!("there is a payload") });

    for tasks in [blocking, no_payload] {
        let output = run(tasks, Payload::live(7_u8)).await;

        let HandlerFailure::Payload(error) = output.unwrap_err() else { panic!("the handler was called") };
        assert!(error.to_string().ends_with("found u8"), "{error}");
    }
}

/// Who the job is done for.
struct Customer(String);

impl<S> FromJob<S> for Customer {
    fn from_job(context: &JobContext, _state: &S) -> Result<Self, JobError> {
        let customer = context.job().settings.metadata.get("customer").and_then(|value| value.as_str());
        customer.map(|it| Self(it.to_owned())).ok_or_else(|| JobError::new("no customer").fatal())
    }
}

#[tokio::test]
async fn an_extractor_of_ones_own_reads_the_job() {
    let tasks = Tasks::new().task(TICK, async |Customer(customer): Customer| customer);
    let metadata = Metadata::try_from(json!({"customer": "Ada"})).unwrap();

    assert_eq!(value::<String>(run_as(tasks, Payload::unit(), job(Duration::MAX, metadata)).await), "Ada");
}

#[tokio::test]
async fn the_error_of_an_extractor_is_that_of_the_job() {
    let tasks = Tasks::new().blocking(TICK, |_: Customer| -> String { unreachable!("there is no customer") });

    assert_eq!(job_error(run(tasks, Payload::unit()).await), JobError::new("no customer").fatal());
}

#[test]
fn settings_are_kept_beside_the_handler() {
    let task =
        only(Tasks::new().task_with(LENGTH, async |text: String| text.len(), |t| t.max_running_jobs(8)));

    assert_eq!(task.settings.max_running_jobs, Setting::Set(Some(8)));
    assert!(task.settings.misfire_grace_time.is_inherited());
}

#[test]
fn all_problems_are_reported_and_the_first_handler_of_a_name_stays() {
    let named = |name: &'static str| Tasks::new().blocking(Task::<(), ()>::new(name), || ());
    let tasks = named("a").merge(named("b\n")).merge(named("a")).merge(named(""));
    let bound = BoundTasks::from(tasks).merge(named("a")).merge(named("c"));

    let problems: Vec<_> = bound.problems().iter().map(ToString::to_string).collect();
    let (tasks, _) = bound.into_parts();

    assert_eq!(problems.len(), 4, "{problems:?}");
    assert_eq!(problems.iter().filter(|it| it.contains(r#"task "a" is declared twice"#)).count(), 2);
    assert_eq!(tasks.iter().map(|task| task.id.as_str()).collect::<Vec<_>>(), ["a", "c"]);
}
