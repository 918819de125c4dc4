//! What the code that `#[task]` generates refers to. Not for use by hand: it changes without notice.

pub use serde_json::json;

use super::{BlockingHandler, Handler, TaskProblem};
pub use super::{FromJob, TaskFunction, Tasks};
pub use crate::id::ExecutorName;
pub use crate::job::Retry;
pub use crate::metadata::{Metadata, MetadataError};
use crate::payload::TaskValue;
pub use crate::task::{Task, TaskRef, TaskSettings};

/// Adds an async handler and what the attribute says about its task.
pub fn add_async<S, P, R, M>(
    tasks: Tasks<S>,
    task: Task<P, R>,
    handler: impl Handler<S, P, R, M>,
    settings: Result<TaskSettings, MetadataError>,
) -> Tasks<S>
where
    S: Send + Sync + 'static,
    P: TaskValue,
    R: TaskValue,
{
    match settings {
        Ok(settings) => tasks.task_with(task, handler, |_| settings),
        Err(source) => tasks.with_problem(TaskProblem::Metadata { name: task.name().to_owned(), source }),
    }
}

/// Adds a blocking handler and what the attribute says about its task.
pub fn add_blocking<S, P, R, M>(
    tasks: Tasks<S>,
    task: Task<P, R>,
    handler: impl BlockingHandler<S, P, R, M>,
    settings: Result<TaskSettings, MetadataError>,
) -> Tasks<S>
where
    S: Send + Sync + 'static,
    P: TaskValue,
    R: TaskValue,
{
    match settings {
        Ok(settings) => tasks.blocking_with(task, handler, |_| settings),
        Err(source) => tasks.with_problem(TaskProblem::Metadata { name: task.name().to_owned(), source }),
    }
}

/// The metadata that the attribute was given as JSON.
///
/// # Errors
/// [`MetadataError`] when it is too large.
pub fn metadata(json: serde_json::Value) -> Result<Metadata, MetadataError> {
    Metadata::try_from(json)
}
