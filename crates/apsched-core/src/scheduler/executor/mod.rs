//! Job executors: where a handler runs.
//!
//! An executor gets [`JobRun`]s and sees to it that they are run: on the runtime, on a pool of threads, on the main
//! thread of a window. What a run is (deadline, timeout, cancel, panic) is decided by the run itself, alike for all.

mod run;
mod runtime;
mod thread_pool;

use std::fmt;

pub use run::JobRun;
pub(crate) use run::Reports;
pub use runtime::AsyncExecutor;
pub use thread_pool::ThreadPoolExecutor;

/// Runs handlers somewhere.
///
/// ```
/// use apsched_core::scheduler::{JobExecutor, JobRun};
///
/// /// Runs each job on a thread of its own.
/// #[derive(Debug)]
/// struct ThreadEach;
///
/// impl JobExecutor for ThreadEach {
///     fn start(&self, runs: Vec<JobRun>) {
///         for run in runs {
///             std::thread::spawn(|| run.run_blocking());
///         }
///     }
/// }
/// ```
pub trait JobExecutor: fmt::Debug + Send + Sync + 'static {
    /// Takes runs, each to be run soon by one of its methods; returns at once.
    ///
    /// Called on the scheduler's runtime. A run that is dropped is reported as interrupted.
    fn start(&self, runs: Vec<JobRun>);
}
