//! The executor `async`: handlers on the threads of the scheduler's runtime.
//!
//! Jobs that are started together are a batch, worked off by a few tasks: each takes the next run and polls it once.
//! Most short handlers are done by then, and no task was made for them; the others become tasks of their own.
//!
//! A handler that holds up its thread holds up no other run. As many tasks work as the runtime has threads, so every
//! free thread finds one; and each has a successor in the runtime's queue before it polls anything, so that a thread
//! that the runtime starts in place of a blocked one (`block_in_place`) finds one too.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::vec;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::{JobExecutor, JobRun};

/// Runs async handlers on the runtime's threads; blocking ones, should a setting send one here, on tokio's blocking
/// threads.
#[derive(Clone, Copy, Debug, Default)]
pub struct AsyncExecutor;

/// Runs that one task polls before it lets others have the thread.
const RUNS_IN_A_ROW: usize = 32;

impl JobExecutor for AsyncExecutor {
    fn start(&self, runs: Vec<JobRun>) {
        let threads = tokio::runtime::Handle::current().metrics().num_workers();
        let tasks = threads.min(runs.len());
        let batch = Batch(Arc::new(Mutex::new(runs.into_iter())));
        for _ in 0..tasks {
            tokio::spawn(batch.clone().work_off());
        }
    }
}

/// Runs that nobody has taken yet.
#[derive(Clone, Debug)]
struct Batch(Arc<Mutex<vec::IntoIter<JobRun>>>);

impl Batch {
    /// The next run, and how many are left.
    fn take(&self) -> Option<(JobRun, usize)> {
        let mut runs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let run = runs.next()?;
        Some((run, runs.len()))
    }

    fn work_off(self) -> BoxFuture<'static, ()> {
        let mut polled = 0;
        async move {
            while let Some((run, left)) = self.take() {
                if polled == 0 && left > 0 {
                    tokio::spawn(self.clone().work_off());
                }
                let mut run = Box::pin(run.run());
                if poll_fn(|context| Poll::Ready(run.as_mut().poll(context))).await.is_pending() {
                    tokio::spawn(run);
                }
                polled += 1;
                if polled % RUNS_IN_A_ROW == 0 {
                    tokio::task::yield_now().await;
                }
            }
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;
    use crate::scheduler::{Result, Scheduler, Tasks};
    use crate::task::Task;

    const MEET: Task = Task::new("meet");

    /// Adds jobs at once whose handlers each wait for all others, and for all of their ends.
    async fn meet(jobs: usize, handler: impl Fn() + Clone + Send + Sync + 'static) -> Result<()> {
        let tasks = Tasks::<()>::new().task_with(
            MEET,
            move || {
                let handler = handler.clone();
                async move { handler() }
            },
            |settings| settings.max_running_jobs(None),
        );
        let scheduler = Scheduler::builder().tasks(tasks).build()?;
        scheduler.add_jobs(MEET, std::iter::repeat_n((), jobs)).await?;
        scheduler.start_in_background().await?;
        scheduler.wait_until_idle().await;
        assert!(scheduler.jobs().await?.is_empty());
        scheduler.shutdown(std::time::Duration::ZERO).await;
        Ok(())
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_handler_that_holds_up_its_thread_holds_up_no_other_run() {
        let all_there = Arc::new(Barrier::new(2));

        meet(2, move || {
            all_there.wait();
        })
        .await
        .unwrap();
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn handlers_that_say_that_they_block_all_run_at_once() {
        let all_there = Arc::new(Barrier::new(20));

        meet(20, move || {
            tokio::task::block_in_place(|| all_there.wait());
        })
        .await
        .unwrap();
    }
}
