//! What requests for jobs and schedules have in common: settings of a run, and the first thing that was wrong.

use std::time::Duration;

use super::error::Error;
use crate::id::ExecutorName;
use crate::job::Retry;
use crate::metadata::Metadata;
use crate::task::{RunSettings, Setting};

/// Settings of a run as they are collected by a request.
///
/// A setter cannot fail; what is wrong is reported when the request is sent.
#[derive(Debug, Default)]
pub(super) struct RunRequest {
    pub(super) settings: RunSettings,
    problem: Option<Error>,
}

impl RunRequest {
    pub(super) fn job_executor(&mut self, name: &str) {
        if let Some(name) = self.check(ExecutorName::new(name)) {
            self.settings.job_executor = Setting::Set(name);
        }
    }

    pub(super) fn metadata(&mut self, value: serde_json::Value) {
        if let Some(metadata) = self.check(Metadata::try_from(value)) {
            self.settings.metadata = metadata.merged_over(&self.settings.metadata);
        }
    }

    pub(super) const fn retry(&mut self, retry: Retry) {
        self.settings.retry = Setting::Set(retry);
    }

    pub(super) const fn timeout(&mut self, timeout: Option<Duration>) {
        self.settings.timeout = Setting::Set(timeout);
    }

    pub(super) const fn priority(&mut self, priority: i32) {
        self.settings.priority = Setting::Set(priority);
    }

    /// The value, or keeps the first problem.
    pub(super) fn check<T>(&mut self, value: Result<T, impl Into<Error>>) -> Option<T> {
        match value {
            Ok(value) => Some(value),
            Err(problem) => {
                self.problem.get_or_insert_with(|| problem.into());
                None
            }
        }
    }

    /// The settings, unless something was wrong.
    pub(super) fn finish(self) -> Result<RunSettings, Error> {
        match self.problem {
            Some(problem) => Err(problem),
            None => Ok(self.settings),
        }
    }
}

/// The setters that every request for a run has; takes the path to its [`RunRequest`].
macro_rules! run_request_setters {
    ($($run:ident).+) => {
        /// Executor that runs the job. Default: as the level below says, in the end `async` or `threadpool`.
        pub fn job_executor(mut self, name: impl AsRef<str>) -> Self {
            self.$($run).+.job_executor(name.as_ref());
            self
        }

        /// Whether and when a failed job is tried again. Default: as the level below says, in the end one attempt.
        pub fn retry(mut self, retry: $crate::Retry) -> Self {
            self.$($run).+.retry(retry);
            self
        }

        /// Longest time one attempt may take; `None`: no limit. Default: as the level below says, in the end no limit.
        pub fn timeout(mut self, timeout: impl Into<Option<std::time::Duration>>) -> Self {
            self.$($run).+.timeout(timeout.into());
            self
        }

        /// Higher is started first. Default: as the level below says, in the end 0.
        pub fn priority(mut self, priority: i32) -> Self {
            self.$($run).+.priority(priority);
            self
        }

        /// A JSON object whose keys are merged over those of the level below.
        pub fn metadata(mut self, object: serde_json::Value) -> Self {
            self.$($run).+.metadata(object);
            self
        }
    };
}

/// Makes a request a future: `request.await` sends it.
macro_rules! sent_by_await {
    ($request:ident $(<$($generic:ident : $bound:path),*>)? => $output:ty) => {
        impl $(<$($generic: $bound),*>)? IntoFuture for $request $(<$($generic),*>)? {
            type Output = $crate::scheduler::Result<$output>;
            type IntoFuture = std::pin::Pin<Box<dyn Future<Output = Self::Output> + Send>>;

            fn into_future(self) -> Self::IntoFuture {
                Box::pin(self.send())
            }
        }
    };
}

pub(super) use {run_request_setters, sent_by_await};
