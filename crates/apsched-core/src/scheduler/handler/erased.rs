//! A handler without its types: what an executor runs.
//!
//! A run costs one allocation for an async handler (its future) and none for a blocking one, besides what the payload
//! and a kept result need.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use super::argument::Arguments;
use super::error::JobError;
use super::function::{AsyncFunction, BlockingFunction};
use super::output::HandlerResult;
use crate::id::ExecutorName;
use crate::payload::{Payload, PayloadError, TaskValue};
use crate::scheduler::JobContext;

/// What a run of a handler gives: its result, or why there is none.
///
/// `Ok(None)` when the job keeps no result ([`result_expiration_time`](crate::JobSettings::result_expiration_time) is
/// zero): the value was dropped.
pub type HandlerOutput = Result<Option<Payload>, HandlerFailure>;

/// One run of an async handler.
pub type HandlerFuture = Pin<Box<dyn Future<Output = HandlerOutput> + Send>>;

/// Why a run of a handler gave no result.
#[derive(Clone, Debug)]
pub enum HandlerFailure {
    /// The payload could not be read, so the handler was not called.
    Payload(PayloadError),
    /// The handler, or an extractor before it, returned an error.
    Job(JobError),
}

impl From<PayloadError> for HandlerFailure {
    fn from(error: PayloadError) -> Self {
        Self::Payload(error)
    }
}

impl From<JobError> for HandlerFailure {
    fn from(error: JobError) -> Self {
        Self::Job(error)
    }
}

/// A handler with its types erased, as executors run it. Cheap to clone.
///
/// Both kinds may panic where the user's code does: in the handler, in an extractor, while reading the payload. The
/// payload is read and the extractors are asked in the call; an async handler's own code runs when the future is
/// polled.
#[derive(Clone)]
pub enum ErasedHandler {
    /// Gives a future, to be polled on a tokio runtime.
    Async(Arc<dyn Fn(Payload, JobContext) -> HandlerFuture + Send + Sync>),
    /// Blocks the calling thread until it is done.
    Blocking(Arc<dyn Fn(Payload, JobContext) -> HandlerOutput + Send + Sync>),
}

impl ErasedHandler {
    pub(super) fn of_async<S, P, R, F, A, M>(function: F, state: Arc<S>) -> Self
    where
        F: AsyncFunction<A> + Send + Sync + 'static,
        F::Future: Send + 'static,
        <F::Future as Future>::Output: HandlerResult<R>,
        A: Arguments<S, P, M>,
        R: TaskValue,
        S: Send + Sync + 'static,
    {
        Self::Async(Arc::new(move |payload, context| {
            let keep = Keep::asked_by(&context);
            match A::read(payload, &context, &state) {
                Ok(arguments) => {
                    let future = function.call(arguments);
                    Box::pin(async move { output(future.await, keep) })
                }
                Err(failure) => Box::pin(std::future::ready(Err(failure))),
            }
        }))
    }

    pub(super) fn of_blocking<S, P, R, F, A, M>(function: F, state: Arc<S>) -> Self
    where
        F: BlockingFunction<A> + Send + Sync + 'static,
        F::Output: HandlerResult<R>,
        A: Arguments<S, P, M>,
        R: TaskValue,
        S: Send + Sync + 'static,
    {
        Self::Blocking(Arc::new(move |payload, context| {
            let keep = Keep::asked_by(&context);
            let arguments = A::read(payload, &context, &state)?;
            output(function.call(arguments), keep)
        }))
    }

    /// Name of the executor that fits, used when no setting names one: [`ExecutorName::ASYNC`] or
    /// [`ExecutorName::THREADPOOL`].
    #[must_use]
    pub const fn native_executor(&self) -> &'static str {
        match self {
            Self::Async(_) => ExecutorName::ASYNC,
            Self::Blocking(_) => ExecutorName::THREADPOOL,
        }
    }
}

impl fmt::Debug for ErasedHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Async(_) => "ErasedHandler::Async",
            Self::Blocking(_) => "ErasedHandler::Blocking",
        })
    }
}

/// Whether the result is wanted.
#[derive(Clone, Copy)]
enum Keep {
    Result,
    Nothing,
}

impl Keep {
    fn asked_by(context: &JobContext) -> Self {
        if context.job().settings.result_expiration_time.is_zero() { Self::Nothing } else { Self::Result }
    }
}

fn output<R: TaskValue>(returned: impl HandlerResult<R>, keep: Keep) -> HandlerOutput {
    let result = returned.into_result()?;
    Ok(match keep {
        Keep::Result => Some(Payload::live(result)),
        Keep::Nothing => None,
    })
}
