//! One run of a handler, from the last look at its deadline to its report.
//!
//! ```text
//!   stopped or late? ──yes──▶ reported, never ran
//!        │ no
//!        ▼                          timeout ──────────▶ dropped at once: timed out
//!   handler runs ─────────────────▶ lease lost ───────▶ dropped at once: reported to nobody
//!        │                          cancelled, stop ──▶ told; dropped after the grace period
//!        ▼
//!   value, error or panic ─▶ report
//! ```
//!
//! A thread cannot be dropped: a blocking handler is told, and awaited.

use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use tokio::sync::Notify;

use crate::engine::StopReason;
use crate::instant;
use crate::job::{AttemptEnd, ErrorChain, JobReport};
use crate::payload::{Payload, PayloadForm};
use crate::scheduler::context::{JobContext, in_job, in_job_blocking};
use crate::scheduler::handler::{ErasedHandler, HandlerFailure, HandlerFuture, HandlerOutput, JobError};
use crate::store::HeldJob;

/// Reports of attempts that ended, on their way to the driver.
#[derive(Debug, Default)]
pub(crate) struct Reports {
    ended: Mutex<Vec<(HeldJob, JobReport)>>,
    arrived: Notify,
}

impl Reports {
    fn push(&self, claim: HeldJob, report: JobReport) {
        let mut ended = self.ended();
        ended.push((claim, report));
        // The driver takes all there is; one call wakes it for all that arrive until then.
        if ended.len() == 1 {
            self.arrived.notify_one();
        }
    }

    /// Ends when there is a report.
    pub(crate) async fn arrived(&self) {
        self.arrived.notified().await;
    }

    /// All reports there are.
    pub(crate) fn take(&self) -> Vec<(HeldJob, JobReport)> {
        std::mem::take(&mut *self.ended())
    }

    fn ended(&self) -> MutexGuard<'_, Vec<(HeldJob, JobReport)>> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A job that is to be run: handed to a [`JobExecutor`](super::JobExecutor), which calls one of its methods.
#[derive(Debug)]
pub struct JobRun {
    context: JobContext,
    handler: ErasedHandler,
    reported: Reported,
}

#[derive(Debug, PartialEq, Eq)]
enum Reported {
    No,
    Yes,
}

/// A caught panic, or what the handler gave.
type Caught = Result<HandlerOutput, Box<dyn std::any::Any + Send>>;

impl JobRun {
    pub(crate) const fn new(context: JobContext, handler: ErasedHandler) -> Self {
        Self { context, handler, reported: Reported::No }
    }

    /// The job, the time, and whether it is to stop.
    #[must_use]
    pub const fn context(&self) -> &JobContext {
        &self.context
    }

    /// The job's handler.
    #[must_use]
    pub const fn handler(&self) -> &ErasedHandler {
        &self.handler
    }

    /// Runs the handler: an async one in this future, a blocking one on tokio's blocking threads.
    ///
    /// # Cancel safety
    /// Dropping the future drops the handler and reports the job as interrupted.
    pub async fn run(mut self) {
        let report = match &self.handler {
            ErasedHandler::Async(handler) => self.attempt(handler).await,
            ErasedHandler::Blocking(_) => self.attempt_on_thread().await,
        };
        self.report(report);
    }

    /// Runs the handler on one of tokio's blocking threads, an async one too.
    ///
    /// # Cancel safety
    /// Dropping the future reports the job as interrupted; a thread that runs already goes on unheard.
    pub async fn run_on_thread(mut self) {
        let report = self.attempt_on_thread().await;
        self.report(report);
    }

    /// Runs the handler on the calling thread and returns when it is done. The timeout is not watched here.
    ///
    /// # Panics
    /// An async handler needs a tokio runtime: then panics outside of one, or on one of its worker threads.
    pub fn run_blocking(mut self) {
        let started_at = self.context.now();
        let report = self.refusal(started_at).unwrap_or_else(|| {
            let caught = call_blocking(&self.handler, &self.context);
            self.judge(caught, started_at)
        });
        self.report(report);
    }

    async fn attempt(
        &self,
        handler: &Arc<dyn Fn(Payload, JobContext) -> HandlerFuture + Send + Sync>,
    ) -> JobReport {
        let started_at = self.context.now();
        if let Some(refusal) = self.refusal(started_at) {
            return refusal;
        }
        let payload = self.context.job().payload.clone();
        let context = self.context.clone();
        let work = in_job(self.context.clone(), async move { handler(payload, context).await });
        let mut work = std::pin::pin!(AssertUnwindSafe(work).catch_unwind());
        // Most handlers that do nothing but compute are done here, before a timer or a waiter is made for them.
        if let Poll::Ready(caught) = poll_fn(|cx| Poll::Ready(work.as_mut().poll(cx))).await {
            return self.judge(caught, started_at);
        }
        let reason = tokio::select! {
            biased;
            caught = &mut work => return self.judge(caught, started_at),
            reason = self.context.cancelled() => reason,
            () = self.timeout(started_at) => StopReason::TimedOut,
        };
        self.context.stop_signal().raise(reason);
        if matches!(reason, StopReason::Cancelled | StopReason::Shutdown) {
            let grace_ends =
                instant::after(self.context.now(), self.context.scheduler().cancel_grace_period());
            tokio::select! {
                biased;
                caught = &mut work => return self.judge(caught, started_at),
                () = self.until(grace_ends) => {}
            }
        }
        self.stopped(reason, Some(started_at))
    }

    async fn attempt_on_thread(&self) -> JobReport {
        let asked_at = self.context.now();
        if let Some(refusal) = self.refusal(asked_at) {
            return refusal;
        }
        let (handler, context) = (self.handler().clone(), self.context.clone());
        let mut work = tokio::task::spawn_blocking(move || {
            // The thread may have been waited for: what was asked before is asked again.
            let started_at = context.now();
            let may_start = !context.is_cancelled() && !context.job().has_missed_start_deadline(started_at);
            may_start.then(|| (started_at, call_blocking(&handler, &context)))
        });
        let joined = tokio::select! {
            biased;
            joined = &mut work => joined,
            () = self.timeout(asked_at) => {
                self.context.stop_signal().raise(StopReason::TimedOut);
                work.await
            }
        };
        match joined {
            Ok(Some((started_at, caught))) => self.judge(caught, started_at),
            Ok(None) => {
                let refusal = self.refusal(self.context.now());
                refusal.unwrap_or_else(|| self.stopped(StopReason::Shutdown, None))
            }
            // The runtime shuts down and did not start the thread any more.
            Err(_) => self.stopped(StopReason::Shutdown, None),
        }
    }

    /// Ends when the attempt has taken as long as it may.
    async fn timeout(&self, started_at: DateTime<Utc>) {
        match self.context.job().settings.timeout {
            Some(timeout) => self.until(instant::after(started_at, timeout)).await,
            None => std::future::pending().await,
        }
    }

    async fn until(&self, at: DateTime<Utc>) {
        let clock = self.context.scheduler().clock();
        while clock.now() < at {
            clock.sleep_until(at).await;
        }
    }

    /// Why the handler is not called at all.
    fn refusal(&self, now: DateTime<Utc>) -> Option<JobReport> {
        if let Some(reason) = self.context.stop_reason() {
            return Some(self.stopped(reason, None));
        }
        self.context.job().has_missed_start_deadline(now).then(|| JobReport {
            end: AttemptEnd::MissedStartDeadline,
            value: None,
            error: None,
            started_at: None,
            finished_at: now,
        })
    }

    fn stopped(&self, reason: StopReason, started_at: Option<DateTime<Utc>>) -> JobReport {
        let (end, message) = match reason {
            StopReason::Cancelled => (AttemptEnd::Cancelled, "the job was cancelled"),
            StopReason::Shutdown => (AttemptEnd::Interrupted, "the scheduler was stopped"),
            StopReason::LeaseLost => (AttemptEnd::Interrupted, "another scheduler has taken the job"),
            StopReason::TimedOut => (AttemptEnd::TimedOut, "the job took longer than its timeout"),
        };
        let error = Some(ErrorChain::new([message.to_owned()]));
        JobReport { end, value: None, error, started_at, finished_at: self.context.now() }
    }

    /// What a handler's return means. After a cancel or a timeout it means nothing any more.
    fn judge(&self, caught: Caught, started_at: DateTime<Utc>) -> JobReport {
        if let Some(reason @ (StopReason::Cancelled | StopReason::TimedOut)) = self.context.stop_reason() {
            return self.stopped(reason, Some(started_at));
        }
        let finished_at = self.context.now();
        let failed = |end, error| JobReport {
            end,
            value: None,
            error: Some(error),
            started_at: Some(started_at),
            finished_at,
        };
        let failure = match caught.map(|output| output.and_then(|value| self.stored_form(value))) {
            Ok(Ok(value)) => {
                let end = AttemptEnd::Succeeded;
                return JobReport { end, value, error: None, started_at: Some(started_at), finished_at };
            }
            Ok(Err(failure)) => failure,
            Err(panic) => HandlerFailure::Job(JobError::panicked(panic)),
        };
        match failure {
            // The handler was not called.
            HandlerFailure::Payload(error) => {
                let report = failed(AttemptEnd::DeserializationFailed, ErrorChain::of(&error));
                JobReport { started_at: None, ..report }
            }
            HandlerFailure::Job(error) => {
                let (error, advice) = error.into_parts();
                failed(AttemptEnd::Failed(advice), error)
            }
        }
    }

    /// The value as the store keeps it.
    fn stored_form(&self, value: Option<Payload>) -> HandlerOutput {
        match (value, self.context.scheduler().payload_form()) {
            (Some(value), PayloadForm::Encoded) => {
                let encoded = value.into_encoded(self.context.serializers());
                encoded
                    .map(|encoded| Some(encoded.into()))
                    .map_err(|error| JobError::of(error).fatal().into())
            }
            (value, _) => Ok(value),
        }
    }

    fn report(&mut self, report: JobReport) {
        self.reported = Reported::Yes;
        let job = self.context.job();
        self.context.scheduler().reports().push(HeldJob::new(job.id, job.token), report);
    }
}

impl Drop for JobRun {
    /// A run that nobody ran to its end is interrupted; without a report the job would be held for ever.
    fn drop(&mut self) {
        if self.reported == Reported::No {
            let reason = self.context.stop_reason().unwrap_or(StopReason::Shutdown);
            let report = self.stopped(reason, None);
            self.report(report);
        }
    }
}

/// Calls a handler on this thread, an async one by waiting for it.
fn call_blocking(handler: &ErasedHandler, context: &JobContext) -> Caught {
    let payload = context.job().payload.clone();
    let call = || match handler {
        ErasedHandler::Blocking(handler) => handler(payload, context.clone()),
        ErasedHandler::Async(handler) => tokio::runtime::Handle::current()
            .block_on(in_job(context.clone(), async { handler(payload, context.clone()).await })),
    };
    std::panic::catch_unwind(AssertUnwindSafe(|| in_job_blocking(context.clone(), call)))
}
