//! What a handler may ask for besides its payload.

use super::error::JobError;
use crate::scheduler::{JobContext, Scheduler};

/// A value that a handler takes as an argument, made from the job and the program's state `S`.
///
/// There are [`JobContext`], [`Scheduler`], [`State`](super::State), and your own:
///
/// ```
/// use apsched_core::scheduler::JobContext;
/// use apsched_core::scheduler::handler::{FromJob, JobError, Tasks};
/// use apsched_core::Task;
///
/// /// Who the job is done for, from its metadata.
/// struct Customer(String);
///
/// impl<S> FromJob<S> for Customer {
///     fn from_job(context: &JobContext, _state: &S) -> Result<Self, JobError> {
///         let customer = context.job().settings.metadata.get("customer").and_then(|value| value.as_str());
///         let customer = customer.ok_or_else(|| JobError::new("the job's metadata name no customer").fatal())?;
///         Ok(Self(customer.to_owned()))
///     }
/// }
///
/// async fn bill(amount: u64, Customer(customer): Customer) -> String {
///     format!("{customer} owes {amount}")
/// }
///
/// const BILL: Task<u64, String> = Task::new("bill");
/// let tasks = Tasks::<()>::new().task(BILL, bill).with_state(());
/// assert!(tasks.problems().is_empty());
/// ```
///
/// Extraction is synchronous on purpose: the same extractors serve async handlers, threads without a runtime and other
/// executors, and cost nothing when a job starts. What needs waiting (a connection from a pool, a request) is done in
/// the handler: extract the pool, await the connection. So do not block in here: for an async handler it runs on a
/// thread of the runtime.
#[diagnostic::on_unimplemented(
    message = "this function is not a task handler for state `{S}`: `{Self}` is not an extractor",
    label = "expected `JobContext`, `Scheduler`, `State<…>` or a type that implements `FromJob<{S}>`",
    note = "the payload is the first argument; every other argument is an extractor, and so is the first when the payload is `()`"
)]
pub trait FromJob<S>: Sized {
    /// Makes the value, when the job starts and before the handler is called.
    ///
    /// # Errors
    /// An error is that of the job, as if the handler had returned it: the handler is not called, the attempt counts,
    /// and the error may say whether to try again.
    fn from_job(context: &JobContext, state: &S) -> Result<Self, JobError>;
}

impl<S> FromJob<S> for JobContext {
    fn from_job(context: &JobContext, _state: &S) -> Result<Self, JobError> {
        Ok(context.clone())
    }
}

impl<S> FromJob<S> for Scheduler {
    fn from_job(context: &JobContext, _state: &S) -> Result<Self, JobError> {
        Ok(context.scheduler().clone())
    }
}
