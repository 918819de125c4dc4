//! The executor `threadpool`: blocking handlers on a bounded number of threads.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::{JobExecutor, JobRun};

/// Runs handlers on at most so many threads at once; more wait for a free one.
#[derive(Clone, Debug)]
pub struct ThreadPoolExecutor {
    threads: Arc<Semaphore>,
}

impl ThreadPoolExecutor {
    /// Threads of the executor that every scheduler has.
    pub const DEFAULT_THREADS: usize = 20;

    /// An executor of `threads` threads; zero counts as 1.
    #[must_use]
    pub fn new(threads: usize) -> Self {
        Self { threads: Arc::new(Semaphore::new(threads.clamp(1, Semaphore::MAX_PERMITS))) }
    }
}

impl Default for ThreadPoolExecutor {
    fn default() -> Self {
        Self::new(Self::DEFAULT_THREADS)
    }
}

impl JobExecutor for ThreadPoolExecutor {
    fn start(&self, runs: Vec<JobRun>) {
        for run in runs {
            tokio::spawn(run_on_thread(run, self.threads.clone()));
        }
    }
}

async fn run_on_thread(run: JobRun, threads: Arc<Semaphore>) {
    // A job that is stopped while it waits is reported by its run; it needs no thread for that.
    let thread = tokio::select! {
        biased;
        thread = threads.acquire_owned() => thread.ok(),
        _ = run.context().cancelled() => None,
    };
    run.run_on_thread().await;
    drop(thread);
}
