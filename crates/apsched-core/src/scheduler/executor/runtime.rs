//! The executor `async`: handlers as tasks of the scheduler's runtime.

use super::{JobExecutor, JobRun};

/// Runs async handlers as tokio tasks; blocking ones, should a setting send one here, on tokio's blocking threads.
#[derive(Clone, Copy, Debug, Default)]
pub struct AsyncExecutor;

impl JobExecutor for AsyncExecutor {
    fn start(&self, run: JobRun) {
        tokio::spawn(run.run());
    }
}
