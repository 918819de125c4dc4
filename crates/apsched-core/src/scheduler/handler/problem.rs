//! What can be wrong with a set of tasks that the compiler cannot see.

use crate::id::{IdError, TaskId};
use crate::metadata::MetadataError;

/// What is wrong with a task as it was declared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TaskProblem {
    /// The task's name cannot be an id.
    #[error(transparent)]
    Name(#[from] IdError),
    /// The task has two handlers.
    #[error("task {task_id:?} is declared twice: expected one handler for each name", task_id = .task_id.as_str())]
    Duplicate {
        /// The name.
        task_id: TaskId,
    },
    /// The metadata given to `#[task]` cannot be metadata.
    #[error("declare task {name:?}")]
    Metadata {
        /// The task's name.
        name: String,
        /// What is wrong with it.
        source: MetadataError,
    },
}
