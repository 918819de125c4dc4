//! What a handler may return: the task's result, or a `Result` of it with any error.

use std::error::Error;

use super::error::JobError;

/// What a handler of a task with result `R` returns.
///
/// That is `R` itself, or `Result<R, E>` where `E` is an error, a [`JobError`], or anything else that becomes a
/// `Box<dyn Error + Send + Sync>`: the dynamic errors of other crates, a `String`, a `&str`. Implemented for all of
/// these; nothing to implement by hand.
#[diagnostic::on_unimplemented(
    message = "a handler of this task returns `{R}` or `Result<{R}, E>`, not `{Self}`",
    label = "its task returns `{R}`"
)]
pub trait HandlerResult<R> {
    /// The result, or the error as the job reports it.
    ///
    /// # Errors
    /// What the handler returned as an error.
    fn into_result(self) -> Result<R, JobError>;
}

impl<R> HandlerResult<R> for R {
    fn into_result(self) -> Result<R, JobError> {
        Ok(self)
    }
}

impl<R, E: Into<Box<dyn Error + Send + Sync>>> HandlerResult<R> for Result<R, E> {
    fn into_result(self) -> Result<R, JobError> {
        self.map_err(JobError::of)
    }
}
