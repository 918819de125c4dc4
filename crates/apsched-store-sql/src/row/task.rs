//! A task as a row: the limit, which claims look at, and the whole definition as JSON.

use apsched_core::TaskDefinition;

use crate::value::{Row, Unreadable};

/// Decodes `id, definition`; a row without a definition stands for a task that nobody has declared.
pub(crate) fn decode(mut row: Row) -> Result<Option<TaskDefinition>, Unreadable> {
    let _id = row.text("id")?;
    row.opt_json("definition")
}

/// Decodes `id, definition, max_running_jobs`: the limit is to be that of the definition.
pub(crate) fn decode_with_limit(mut row: Row) -> Result<Option<TaskDefinition>, Unreadable> {
    let _id = row.text("id")?;
    let task: Option<TaskDefinition> = row.opt_json("definition")?;
    let limit = row.opt_int("max_running_jobs")?;
    match task {
        Some(task) if task.max_running_jobs.map(i64::from) != limit => {
            Err(Unreadable::column("max_running_jobs", "it is not the limit of the definition"))
        }
        task => Ok(task),
    }
}
