//! A task as a row: the limit, which claims look at, and the whole definition as JSON.

use apsched_core::TaskDefinition;

use crate::value::{Row, Unreadable};

/// Decodes `id, definition`; a row without a definition stands for a task that nobody has declared.
pub(crate) fn decode(mut row: Row) -> Result<Option<TaskDefinition>, Unreadable> {
    let _id = row.text("id")?;
    row.opt_json("definition")
}
