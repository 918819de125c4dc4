//! What `#[task]` makes of functions that are in order.

use std::time::Duration;

use apsched_core::scheduler::handler::{
    BoundTask, BoundTasks, ErasedHandler, FromRef, JobError, State, Tasks,
};
use apsched_core::scheduler::{JobContext, Scheduler};
use apsched_core::{ExecutorName, Metadata, Retry, Task, TaskRef, TaskSettings};
use apsched_macros::task;

#[derive(Clone)]
struct Db(&'static str);

struct App(Db);

impl FromRef<App> for Db {
    fn from_ref(app: &App) -> Self {
        app.0.clone()
    }
}

const ATTEMPTS: u32 = 3;

/// Says hello.
#[task(crate = "apsched_core")]
async fn greet(name: String) -> String {
    format!("hello {name}")
}

#[task(
    crate = "apsched_core",
    id = "store-sum",
    max_running_jobs = 4,
    misfire_grace_time = "5m",
    timeout = Duration::from_secs(30),
    retry = Retry::fixed(ATTEMPTS, Duration::ZERO),
    priority = -1,
    job_executor = "gui",
    metadata = { "team": "crm", "tags": [ATTEMPTS, null] },
)]
fn store((a, b): (i64, i64), State(db): State<Db>, cx: JobContext) -> Result<String, JobError> {
    let sum = a.checked_add(b).ok_or_else(|| JobError::new("too large"))?;
    Ok(format!("{sum} for attempt {} in {}", cx.attempt(), db.0))
}

#[task(crate = "apsched_core", max_running_jobs = None, misfire_grace_time = None, timeout = None, retry = None)]
fn tick(_scheduler: Scheduler) {}

#[task(crate = "apsched_core", retry = 5, metadata = Metadata::empty())]
async fn fallible(text: String) -> Result<u64, std::num::ParseIntError> {
    text.parse()
}

#[task(crate = "apsched_core")]
fn formatted() -> std::fmt::Result {
    Ok(())
}

#[task(crate = "apsched_core")]
fn r#loop(r#loop: u32) -> u32 {
    if r#loop == 0 { 0 } else { 1 + r#loop::call(r#loop - 1) }
}

fn only(tasks: BoundTasks) -> BoundTask {
    assert_eq!(tasks.problems(), []);
    tasks.into_parts().0.remove(0)
}

#[test]
fn the_function_stays_callable() {
    assert_eq!(tick::TASK.name(), "tick");
    assert_eq!(r#loop::call(3), 3);
    assert_eq!(formatted::call(), Ok(()));
}

#[tokio::test]
async fn an_async_function_stays_callable() {
    assert_eq!(greet::call("Ada".to_owned()).await, "hello Ada");
    assert!(fallible::call("x".to_owned()).await.is_err());
}

#[test]
fn the_value_names_the_task_with_its_types() {
    fn types<T: TaskRef>(task: T) -> Task<T::Payload, T::Output> {
        task.task()
    }
    let greets: Task<String, String> = types(greet);
    let stores: Task<(i64, i64), String> = types(&store);
    let ticks: Task<(), ()> = types(tick);
    let parses: Task<String, u64> = types(fallible);
    let formats: Task<(), ()> = types(formatted);
    let loops: Task<u32, u32> = types(r#loop);

    let names = [greets.name(), stores.name(), ticks.name(), parses.name(), formats.name(), loops.name()];
    assert_eq!(names, ["greet", "store-sum", "tick", "fallible", "formatted", "loop"]);
}

#[test]
fn async_functions_are_async_handlers_and_others_blocking_ones() {
    let asynchronous = only(Tasks::new().add(greet).into());
    assert!(matches!(asynchronous.handler, ErasedHandler::Async(_)));
    assert_eq!(asynchronous.settings, TaskSettings::new());

    let blocking = only(Tasks::new().add(tick).into());
    assert!(matches!(blocking.handler, ErasedHandler::Blocking(_)));
}

#[test]
fn settings_stand_in_the_attribute() {
    let expected = TaskSettings::new()
        .max_running_jobs(4)
        .misfire_grace_time(Duration::from_secs(300))
        .timeout(Duration::from_secs(30))
        .retry(Retry::fixed(3, Duration::ZERO))
        .priority(-1)
        .job_executor(ExecutorName::new("gui").unwrap())
        .metadata(serde_json::json!({"team": "crm", "tags": [3, null]}).try_into().unwrap());
    let task = only(Tasks::new().add(store).with_state(App(Db("db"))));
    assert_eq!(task.id.as_str(), "store-sum");
    assert_eq!(task.settings, expected);

    let unlimited = TaskSettings::new()
        .max_running_jobs(None)
        .misfire_grace_time(None)
        .timeout(None)
        .retry(Retry::none());
    assert_eq!(only(Tasks::new().add(tick).into()).settings, unlimited);
}

#[test]
fn metadata_that_is_too_large_is_reported_with_the_other_problems() {
    #[task(crate = "apsched_core", metadata = { "text": "x".repeat(100_000) })]
    fn large() {}

    let problems = BoundTasks::from(Tasks::new().add(large).add(tick).add(tick));

    let texts: Vec<_> = problems.problems().iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), 2, "{texts:?}");
    assert_eq!(texts[0], r#"declare task "large""#);
}
