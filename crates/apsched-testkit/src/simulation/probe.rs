//! Asks a store without a runtime: its future must be ready at the first poll.

use std::future::Future;

use apsched_core::StoreError;
use apsched_core::store::StoreResult;
use futures_util::FutureExt;

use super::breach::{Check, Checked, Violation};

/// What the store answered.
pub(super) fn ask<T>(future: impl Future<Output = StoreResult<T>>) -> Checked<StoreResult<T>> {
    future.now_or_never().ok_or_else(|| {
        Violation::new(
            Check::StoreAnswers,
            "the store was not ready at the first poll of its future; the simulation has no runtime to wait with",
        )
    })
}

/// What the store answered to a question that has to succeed.
pub(super) fn read<T>(future: impl Future<Output = StoreResult<T>>) -> Checked<T> {
    ask(future)?.map_err(|error| unexpected(&error))
}

/// An error that no fault of the scenario explains.
pub(super) fn unexpected(error: &StoreError) -> Violation {
    let source = std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default();
    Violation::new(Check::StoreAnswers, format!("the store failed: {error}{source}"))
}
