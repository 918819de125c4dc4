//! Which arguments a handler takes: the payload first, absent when it is `()`, then up to eight extractors.

use super::erased::HandlerFailure;
use super::extract::FromJob;
use crate::payload::{Payload, TaskValue};
use crate::scheduler::JobContext;

/// The arguments of a handler, a tuple, for a task with payload `P` in a program with state `S`.
///
/// Implemented for every tuple that fits; nothing to implement by hand. `M` is [`WithPayload`] or [`WithoutPayload`].
#[diagnostic::on_unimplemented(
    message = "this function is not a handler of a task with payload `{P}`: its arguments are `{Self}`",
    label = "expected the payload `{P}` as the first argument, then at most eight extractors",
    note = "only a task with payload `()` has a handler without a payload argument"
)]
pub trait Arguments<S, P, M>: Sized {
    /// Reads the payload and asks each extractor, in the order of the arguments.
    ///
    /// # Errors
    /// [`HandlerFailure::Payload`] when the payload cannot be read as a `P`; [`HandlerFailure::Job`] when an extractor
    /// fails.
    fn read(payload: Payload, context: &JobContext, state: &S) -> Result<Self, HandlerFailure>;
}

/// Marks arguments that begin with the payload.
#[derive(Clone, Copy, Debug)]
pub enum WithPayload {}

/// Marks arguments that are all extractors: the task's payload is `()`.
#[derive(Clone, Copy, Debug)]
pub enum WithoutPayload {}

macro_rules! arguments {
    ($($Type:ident),*) => {
        #[expect(clippy::allow_attributes, reason = "some arities have no extractor, others have")]
        impl<S, P, $($Type),*> Arguments<S, P, WithPayload> for (P, $($Type,)*)
        where
            P: TaskValue,
            $($Type: FromJob<S>,)*
        {
            #[allow(unused_variables, reason = "without an extractor the state is not asked")]
            fn read(payload: Payload, context: &JobContext, state: &S) -> Result<Self, HandlerFailure> {
                let payload = payload.into_value(context.serializers())?;
                Ok((payload, $($Type::from_job(context, state)?,)*))
            }
        }

        #[expect(clippy::allow_attributes, reason = "some arities have no extractor, others have")]
        impl<S, $($Type),*> Arguments<S, (), WithoutPayload> for ($($Type,)*)
        where
            $($Type: FromJob<S>,)*
        {
            #[allow(unused_variables, reason = "without an extractor the state is not asked")]
            fn read(payload: Payload, context: &JobContext, state: &S) -> Result<Self, HandlerFailure> {
                payload.into_value::<()>(context.serializers())?;
                Ok(($($Type::from_job(context, state)?,)*))
            }
        }
    };
}

arguments!();
arguments!(A);
arguments!(A, B);
arguments!(A, B, C);
arguments!(A, B, C, D);
arguments!(A, B, C, D, E);
arguments!(A, B, C, D, E, F);
arguments!(A, B, C, D, E, F, G);
arguments!(A, B, C, D, E, F, G, H);
