//! What answers and failures of the store lead to: pauses that grow, and their end.
//!
//! Each kind of request has pauses of its own, up to 30 s, since it may fail for a reason of its own. When one is answered
//! that had failed before, an outage is over: whatever waits after failures is asked at once, and its pauses begin anew. A
//! request that had not failed proves nothing by its answer, so what fails alone keeps its growing pauses, however often
//! the others are answered.
//!
//! Not here: how long a pause is (`operation.rs`), and for what users wait (`store/retrying/`).

use std::sync::Arc;

use super::operation::Operation;
use super::{Engine, StoreRequest};

impl Engine {
    /// The store did what it was asked.
    pub(super) fn answered(&mut self, request: StoreRequest) {
        let operation = self.operation(request);
        let is_end_of_outage = operation.has_failed();
        operation.succeed();
        if is_end_of_outage {
            self.ask_at_once();
        }
    }

    /// The store did not do what it was asked.
    pub(super) fn failed(&mut self, request: StoreRequest) {
        let (now, random) = (self.now, self.random.f64());
        self.operation(request).fail(now, random);
        match request {
            StoreRequest::ReleaseSchedules => {
                let plans = self.schedules_in_writing.take().map(Arc::unwrap_or_clone);
                self.unwritten_schedules.extend(plans.into_iter().flatten());
            }
            StoreRequest::ReleaseJobs => self.held.not_written(),
            StoreRequest::ExtendLeases => self.held.renew_soon(now, self.config.lease_duration),
            StoreRequest::QueryCancelRequests
            | StoreRequest::Recover
            | StoreRequest::AcquireSchedules
            | StoreRequest::AcquireJobs
            | StoreRequest::QueryWakeups
            | StoreRequest::Cleanup => {}
        }
    }

    /// Ends every pause after failures.
    fn ask_at_once(&mut self) {
        if self.renewal.has_failed() {
            self.held.renew_at_once(self.now);
        }
        for request in StoreRequest::ALL {
            self.operation(request).end_pause();
        }
    }

    const fn operation(&mut self, request: StoreRequest) -> &mut Operation {
        match request {
            StoreRequest::ExtendLeases => &mut self.renewal,
            StoreRequest::ReleaseJobs => &mut self.writing_jobs,
            // Plans are written before more is acquired, so both are one.
            StoreRequest::ReleaseSchedules | StoreRequest::AcquireSchedules => &mut self.schedules,
            StoreRequest::QueryCancelRequests => &mut self.cancel_requests,
            StoreRequest::Recover => &mut self.recovery,
            StoreRequest::AcquireJobs => &mut self.jobs,
            StoreRequest::QueryWakeups => &mut self.wakeups,
            StoreRequest::Cleanup => &mut self.cleanup,
        }
    }
}
