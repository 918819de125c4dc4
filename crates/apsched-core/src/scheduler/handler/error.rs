//! Why a job failed, and what that means for another attempt.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::job::{ErrorChain, RetryAdvice};

/// The error of a handler: the messages of whatever went wrong, and advice on trying again.
///
/// Every error becomes one by `?`, so a handler that returns `Result<R, JobError>` need not name its errors. (That is
/// why this is not a [`std::error::Error`] itself; it becomes one as a `Box<dyn Error + Send + Sync>`.) Without advice
/// the job's [`Retry`](crate::Retry) decides.
///
/// ```
/// use std::time::Duration;
/// use apsched_core::RetryAdvice;
/// use apsched_core::scheduler::handler::{AdviseRetry, JobError};
///
/// fn port(text: &str) -> Result<u16, JobError> {
///     if text.is_empty() {
///         return Err(JobError::snooze(Duration::from_secs(60)));        // not yet, and no attempt is used up
///     }
///     let port: u16 = text.trim().parse().fatal()?;                     // would fail again: give up
///     let _address = std::env::var("NO_SUCH_VARIABLE")?;                // tried again as the job's retry says
///     Ok(port)
/// }
///
/// assert!(matches!(port("").unwrap_err().advice(), RetryAdvice::Snooze(_)));
/// let fatal = port("many").unwrap_err();
/// assert_eq!(fatal.to_string(), "invalid digit found in string");
/// assert_eq!(fatal.advice(), RetryAdvice::Fatal);
/// assert_eq!(port("80").unwrap_err().advice(), RetryAdvice::Backoff);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobError {
    chain: ErrorChain,
    advice: RetryAdvice,
}

impl JobError {
    /// An error with this message.
    #[must_use]
    pub fn new(message: impl fmt::Display) -> Self {
        Self::from(ErrorChain::new([message.to_string()]))
    }

    /// The error for any cause, also for those that `?` does not take: a `String`, or another crate's dynamic error.
    ///
    /// Keeps the messages of the cause and of its sources. A [`JobError`] inside a box comes out as it went in.
    ///
    /// ```
    /// use std::error::Error;
    /// use apsched_core::scheduler::handler::JobError;
    ///
    /// assert_eq!(JobError::of("no paper").to_string(), "no paper");
    /// let boxed: Box<dyn Error + Send + Sync> = JobError::new("no ink").fatal().into();
    /// assert_eq!(JobError::of(boxed), JobError::new("no ink").fatal());
    /// ```
    #[must_use]
    pub fn of(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        match cause.into().downcast::<Boxed>() {
            Ok(boxed) => boxed.0,
            Err(cause) => Self::from(ErrorChain::of(&*cause)),
        }
    }

    /// The error for a handler that panicked, with the panic's text if it has one.
    ///
    /// ```
    /// use apsched_core::scheduler::handler::JobError;
    ///
    /// let panic = std::panic::catch_unwind(|| assert!("".parse::<u8>().is_ok(), "a number")).unwrap_err();
    /// assert_eq!(JobError::panicked(panic).to_string(), "the handler panicked: a number");
    /// ```
    #[must_use]
    pub fn panicked(panic: Box<dyn Any + Send>) -> Self {
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        match text {
            Some(text) => Self::new(format_args!("the handler panicked: {text}")),
            None => Self::new("the handler panicked"),
        }
    }

    /// Not an error: the work cannot be done now. The job runs again after `delay`, and this attempt does not count.
    ///
    /// Zero: at once.
    #[must_use]
    pub fn snooze(delay: Duration) -> Self {
        Self { chain: ErrorChain::new(["snoozed".to_owned()]), advice: RetryAdvice::Snooze(delay) }
    }

    /// The same error, after which the job is not tried again.
    #[must_use]
    pub fn fatal(self) -> Self {
        Self { advice: RetryAdvice::Fatal, ..self }
    }

    /// The same error, after which the job waits for `delay` before its next attempt, if it has one left.
    ///
    /// Zero: tried again at once.
    #[must_use]
    pub fn retry_after(self, delay: Duration) -> Self {
        Self { advice: RetryAdvice::After(delay), ..self }
    }

    /// The same error with a message before its own: what was attempted.
    ///
    /// ```
    /// use apsched_core::scheduler::handler::JobError;
    ///
    /// let error = JobError::new("connection refused").context("send the mail");
    /// assert_eq!(error.chain().messages(), ["send the mail", "connection refused"]);
    /// ```
    #[must_use]
    pub fn context(self, message: impl fmt::Display) -> Self {
        let messages = std::iter::once(message.to_string()).chain(self.chain.messages().iter().cloned());
        Self { chain: ErrorChain::new(messages), ..self }
    }

    /// The messages, outermost first.
    #[must_use]
    pub const fn chain(&self) -> &ErrorChain {
        &self.chain
    }

    /// What the error says about trying again.
    #[must_use]
    pub const fn advice(&self) -> RetryAdvice {
        self.advice
    }

    /// The messages and the advice.
    #[must_use]
    pub fn into_parts(self) -> (ErrorChain, RetryAdvice) {
        (self.chain, self.advice)
    }
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.chain.fmt(f)
    }
}

impl From<ErrorChain> for JobError {
    fn from(chain: ErrorChain) -> Self {
        Self { chain, advice: RetryAdvice::Backoff }
    }
}

impl<E: Error + 'static> From<E> for JobError {
    fn from(error: E) -> Self {
        Self::from(ErrorChain::of(&error))
    }
}

/// A [`JobError`] on its way through a `Box<dyn Error>`.
#[derive(Debug)]
struct Boxed(JobError);

impl fmt::Display for Boxed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Boxed {}

impl From<JobError> for Box<dyn Error + Send + Sync> {
    fn from(error: JobError) -> Self {
        Box::new(Boxed(error))
    }
}

/// Says on a `Result` what its error means for another attempt of the job.
///
/// For every error that a handler may return, see [`HandlerResult`](super::HandlerResult). The last advice holds.
pub trait AdviseRetry<T> {
    /// On an error: trying again is pointless, the job ends. See [`JobError::fatal`].
    ///
    /// # Errors
    /// The error, with the advice.
    fn fatal(self) -> Result<T, JobError>;

    /// On an error: the next attempt, if one is left, waits for `delay`. See [`JobError::retry_after`].
    ///
    /// # Errors
    /// The error, with the advice.
    fn retry_after(self, delay: Duration) -> Result<T, JobError>;
}

impl<T, E: Into<Box<dyn Error + Send + Sync>>> AdviseRetry<T> for Result<T, E> {
    fn fatal(self) -> Result<T, JobError> {
        self.map_err(|error| JobError::of(error).fatal())
    }

    fn retry_after(self, delay: Duration) -> Result<T, JobError> {
        self.map_err(|error| JobError::of(error).retry_after(delay))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("send the mail")]
    struct SendError(#[from] std::num::ParseIntError);

    fn send_error() -> SendError {
        SendError("x".parse::<u8>().unwrap_err())
    }

    #[test]
    fn the_question_mark_keeps_the_chain_of_messages() {
        let send = || -> Result<(), JobError> { Err(send_error())? };
        let error = send().unwrap_err();
        assert_eq!(error.chain().messages(), ["send the mail", "invalid digit found in string"]);
        assert_eq!(error.advice(), RetryAdvice::Backoff);
    }

    #[test]
    fn the_question_mark_keeps_the_advice_of_a_job_error() {
        let inner = || -> Result<(), JobError> { Err(JobError::new("no").fatal()) };
        let outer = || -> Result<(), JobError> {
            inner()?;
            Ok(())
        };
        assert_eq!(outer().unwrap_err(), JobError::new("no").fatal());
    }

    #[test]
    fn advice_survives_a_boxed_error() {
        let minute = Duration::from_secs(60);
        let inner = || -> Result<(), Box<dyn Error + Send + Sync>> { Err(send_error()).retry_after(minute)? };
        let error = JobError::of(inner().unwrap_err());
        assert_eq!(error.advice(), RetryAdvice::After(minute));
        assert_eq!(error.chain().messages().len(), 2);
    }

    #[test]
    fn the_last_advice_holds() {
        let error = Err::<(), _>("busy").retry_after(Duration::ZERO).fatal().unwrap_err();
        assert_eq!(error.into_parts(), (ErrorChain::new(["busy".to_owned()]), RetryAdvice::Fatal));
    }

    #[test]
    fn a_panic_keeps_its_text_whatever_its_type() {
        let text = |panic: Box<dyn Any + Send>| JobError::panicked(panic).to_string();
        assert_eq!(text(Box::new("literal")), "the handler panicked: literal");
        assert_eq!(text(Box::new("formatted".to_owned())), "the handler panicked: formatted");
        assert_eq!(text(Box::new(7)), "the handler panicked");
    }
}
