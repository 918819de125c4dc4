//! The `#[task]` attribute of apsched: a function, its task and its settings in one place.
//!
//! Use it as `apsched::task`; see [`macro@task`].

mod attribute;
mod duration;
mod expand;
mod function;
mod name;

use proc_macro::TokenStream;

/// Makes a task of a function: its name, its handler, its settings.
///
/// The function becomes a value of the same name. Pass it wherever a task is named (`add_schedule`, `add_job`,
/// `run_job`), and to the scheduler as its handler. An `async fn` runs on the scheduler's runtime; a plain `fn` may
/// block and runs on a pool of threads.
///
/// ```
/// use apsched_core::scheduler::handler::Tasks;
/// use apsched_macros::task;
///
/// /// Greets somebody.
/// #[task(crate = "apsched_core")]
/// async fn greet(name: String) -> String {
///     format!("hello {name}")
/// }
///
/// #[task(crate = "apsched_core", id = "sum-of-bytes", max_running_jobs = 4, timeout = "1m30s", retry = 3)]
/// fn sum(text: String) -> u64 {
///     text.bytes().map(u64::from).sum()
/// }
///
/// let tasks = Tasks::new().add(greet).add(sum).with_state(());
/// assert_eq!(tasks.task_ids().map(|id| id.as_str()).collect::<Vec<_>>(), ["greet", "sum-of-bytes"]);
/// assert_eq!(greet::TASK.name(), "greet");
/// assert_eq!(sum::call("ab".to_owned()), 195);
/// ```
///
/// (Programs that depend on `apsched` leave `crate = …` out.)
///
/// # What there is
/// For a function `greet` with payload `P` and result `R`:
///
/// | item | is |
/// |---|---|
/// | `greet` | a value that names the task and brings its handler; has the function's documentation and visibility |
/// | `greet::TASK` | the constant `Task<P, R>` |
/// | `greet::call(…)` | the function itself, for tests |
///
/// The value is a unit struct, so no local variable in sight of it can have its name.
///
/// The result `R` is what stands in `Result<R, …>`, or else the returned type. A `Result` is recognized by its name, so
/// call an alias of it `Result` too.
///
/// # Arguments
/// The first argument is the payload, every further one an extractor; up to eight of them. Only the payload can be
/// missing. So the first argument is taken for an extractor if its type is called `JobContext`, `Scheduler` or `State`.
/// Where the name misleads, mark the argument:
///
/// ```
/// # use apsched_core::scheduler::JobContext;
/// # use apsched_core::scheduler::handler::{FromJob, JobError};
/// # use apsched_macros::task;
/// struct Attempt(u32);
///
/// impl<S> FromJob<S> for Attempt {
///     fn from_job(context: &JobContext, _state: &S) -> Result<Self, JobError> {
///         Ok(Self(context.attempt()))
///     }
/// }
///
/// /// A state of matter, not of the program.
/// #[derive(Clone, serde::Serialize, serde::Deserialize)]
/// struct State { temperature: i32 }
///
/// #[task(crate = "apsched_core")]
/// fn no_payload(#[extract] attempt: Attempt) -> u32 {
///     attempt.0
/// }
///
/// #[task(crate = "apsched_core")]
/// fn is_frozen(#[payload] state: State) -> bool {
///     state.temperature <= 0
/// }
///
/// assert_eq!(no_payload::call(Attempt(2)), 2);
/// assert!(is_frozen::call(State { temperature: -4 }));
/// ```
///
/// A task with several inputs takes a struct or a tuple: `fn add((a, b): (i64, i64)) -> i64`.
///
/// The program's state may be of any type from which the extractors can be had; that is checked where the task is added
/// to `Tasks<S>` or to a scheduler.
///
/// # Settings
/// All may be left out, and are then inherited from the scheduler's defaults.
///
/// | setting | value |
/// |---|---|
/// | `id` | text; default: the function's name |
/// | `max_running_jobs` | a number, or `None` for no limit |
/// | `misfire_grace_time` | a duration, or `None` for never too late |
/// | `timeout` | a duration, or `None` for no limit |
/// | `retry` | the number of attempts in all, with exponential backoff; or a `Retry` |
/// | `priority` | a number, higher is started first |
/// | `job_executor` | text |
/// | `metadata` | a JSON object: `{ "team": "crm" }`; or a `Metadata` |
/// | `crate` | text: the path of the crate with the scheduler; default `::apsched` |
///
/// A number or duration may be any expression. A duration may also be text such as `"1h30m"`: whole numbers with the
/// units `w`, `d`, `h`, `m`, `s`, `ms`, `us`, from large to small.
#[proc_macro_attribute]
pub fn task(attribute: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(attribute.into(), item.into()).into()
}
