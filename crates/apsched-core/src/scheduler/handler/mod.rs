//! How a Rust function becomes the handler of a task.
//!
//! A handler is an async or a blocking function (or closure). It takes the task's payload first, or no payload when
//! that is `()`, then up to eight extractors, and returns the task's result `R` or `Result<R, E>`:
//!
//! ```
//! use apsched_core::Task;
//! use apsched_core::scheduler::JobContext;
//! use apsched_core::scheduler::handler::{FromRef, JobError, State, Tasks};
//!
//! const SEND: Task<String, usize> = Task::new("send");
//! const HASH: Task<String, u64> = Task::new("hash");
//! const TICK: Task = Task::new("tick");
//!
//! #[derive(Clone)]
//! struct Db;
//! struct App { db: Db }
//! impl FromRef<App> for Db {
//!     fn from_ref(app: &App) -> Self { app.db.clone() }
//! }
//!
//! async fn send(mail: String, State(_db): State<Db>, context: JobContext) -> Result<usize, JobError> {
//!     let port: u16 = std::env::var("SMTP_PORT")?.parse()?;      // `?` takes every error
//!     context.progress(0.5, format!("connected to {port}")).await?;
//!     Ok(mail.len())
//! }
//!
//! let tasks = Tasks::<App>::new()
//!     .task(SEND, send)
//!     .task(TICK, async || ())
//!     .blocking_with(HASH, |text: String| text.bytes().map(u64::from).sum::<u64>(), |t| t.max_running_jobs(4))
//!     .with_state(App { db: Db });
//! assert_eq!(tasks.task_ids().map(|id| id.as_str()).collect::<Vec<_>>(), ["send", "tick", "hash"]);
//! assert!(tasks.problems().is_empty());
//! ```
//!
//! Everything is checked at compile time. Each part has a trait of its own, so that a mistake is reported at the part
//! that is wrong:
//!
//! | part | trait |
//! |---|---|
//! | is it a function that can be called? | [`AsyncFunction`], [`BlockingFunction`] |
//! | the payload, then extractors? | [`Arguments`] |
//! | can each extractor be had from the job and the state? | [`FromJob`], [`FromRef`] |
//! | does it return what the task returns? | [`HandlerResult`] |
//!
//! Not here: who calls the erased handler, on which thread, and what follows from its failure.

mod argument;
mod erased;
mod error;
mod extract;
mod function;
#[doc(hidden)]
pub mod generated;
mod output;
mod problem;
mod state;
mod task_function;
mod tasks;

use std::sync::Arc;

pub use argument::{Arguments, WithPayload, WithoutPayload};
pub use erased::{ErasedHandler, HandlerFailure, HandlerFuture, HandlerOutput};
pub use error::{AdviseRetry, JobError};
pub use extract::FromJob;
pub use function::{AsyncFunction, BlockingFunction};
pub use output::HandlerResult;
pub use problem::TaskProblem;
pub use state::{FromRef, State};
pub use task_function::TaskFunction;
pub use tasks::{BoundTask, BoundTasks, Tasks};

use crate::payload::TaskValue;

/// An async function that can handle a task with payload `P` and result `R`, in a program with state `S`.
///
/// Implemented for every function that fits, see the [module](self); nothing to implement by hand. `M` tells apart
/// the ways to fit and is always inferred.
#[diagnostic::on_unimplemented(
    message = "this is not a task handler: `{Self}` is not an async function",
    label = "expected an `async fn` that takes `{P}`, then at most eight extractors, and returns `{R}`",
    note = "a function that is not async is bound by `blocking` instead of `task`",
    note = "the arguments of a closure need their types: `async |name: String| …`"
)]
pub trait Handler<S, P, R, M>: Send + Sync + 'static {
    /// Erases the function's types, keeping the state it needs.
    fn erase(self, state: Arc<S>) -> ErasedHandler;
}

impl<S, P, R, F, A, M> Handler<S, P, R, (A, M)> for F
where
    F: AsyncFunction<A>,
    A: Arguments<S, P, M>,
    <F::Future as Future>::Output: HandlerResult<R>,
    F: Send + Sync + 'static,
    F::Future: Send + 'static,
    R: TaskValue,
    S: Send + Sync + 'static,
{
    fn erase(self, state: Arc<S>) -> ErasedHandler {
        ErasedHandler::of_async(self, state)
    }
}

/// A blocking function that can handle a task with payload `P` and result `R`, in a program with state `S`.
///
/// Implemented for every function that fits, see the [module](self); nothing to implement by hand. `M` tells apart
/// the ways to fit and is always inferred.
#[diagnostic::on_unimplemented(
    message = "this is not a task handler: `{Self}` is not a function",
    label = "expected a function that takes `{P}`, then at most eight extractors, and returns `{R}`",
    note = "the arguments of a closure need their types: `|name: String| …`"
)]
pub trait BlockingHandler<S, P, R, M>: Send + Sync + 'static {
    /// Erases the function's types, keeping the state it needs.
    fn erase(self, state: Arc<S>) -> ErasedHandler;
}

impl<S, P, R, F, A, M> BlockingHandler<S, P, R, (A, M)> for F
where
    F: BlockingFunction<A>,
    A: Arguments<S, P, M>,
    F::Output: HandlerResult<R>,
    F: Send + Sync + 'static,
    R: TaskValue,
    S: Send + Sync + 'static,
{
    fn erase(self, state: Arc<S>) -> ErasedHandler {
        ErasedHandler::of_blocking(self, state)
    }
}

#[cfg(test)]
mod tests;
