//! What `#[task]` makes of a function: a value that names the task and brings its handler.

use super::tasks::Tasks;
use crate::task::TaskRef;

/// A function marked `#[task]`, in a program with state `S`.
///
/// Implemented by the attribute; nothing to implement by hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a function marked `#[task]` for state `{S}`",
    label = "expected a function marked `#[task]`",
    note = "a plain function is declared together with its name: `.task(MY_TASK, my_function)`"
)]
pub trait TaskFunction<S>: TaskRef {
    /// The tasks, and this one.
    fn add_to(self, tasks: Tasks<S>) -> Tasks<S>;
}
