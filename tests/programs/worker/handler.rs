//! What the jobs do: they write down that they began, work for so long, and write down that they came to their end, if they do.

use std::sync::Arc;

use apsched::prelude::*;
use apsched_tests::{Claim, Entry, HandlerEnd, Ledger, Load, TaskOptions};

use crate::trap::die;

pub(crate) fn tasks(options: &[TaskOptions], ledger: &Arc<Ledger>) -> Tasks<()> {
    options.iter().fold(Tasks::new(), |tasks, options| {
        let ledger = ledger.clone();
        let end = options.end;
        let handler = move |load: Load, job: JobContext| run(load, end, job, ledger.clone());
        tasks.task_with(Load::task(&options.name), handler, |settings| {
            let retry = Retry::fixed(options.attempts, Duration::ZERO);
            settings.max_running_jobs(options.limit).retry(retry)
        })
    })
}

async fn run(load: Load, end: HandlerEnd, job: JobContext, ledger: Arc<Ledger>) -> Claim {
    let run = Run::start(&load, &job, ledger);
    if load.millis > 0 {
        // Deaf, so that whoever stops it has to take it away.
        let _ = tokio::time::timeout(load.time(), std::future::pending::<()>()).await;
    }
    match end {
        HandlerEnd::Returns => run.finish(),
        // As a panic does, but that nobody is told on standard error.
        HandlerEnd::Panics => std::panic::resume_unwind(Box::new("as it was told")),
        HandlerEnd::Dies => die(),
    }
    let lease = job.job().lease.as_ref();
    Claim {
        scheduler: lease.map_or_else(String::new, |lease| lease.holder.to_string()),
        token: job.job().token.number(),
    }
}

/// A handler that has begun and not come to its end.
struct Run {
    job: JobId,
    token: u64,
    ledger: Arc<Ledger>,
    is_finished: bool,
}

impl Run {
    fn start(load: &Load, context: &JobContext, ledger: Arc<Ledger>) -> Self {
        let job = context.job();
        let run = Self { job: job.id, token: job.token.number(), ledger, is_finished: false };
        run.ledger.write(Entry::Started {
            job: run.job,
            token: run.token,
            task: job.task_id.to_string(),
            attempt: job.attempt,
            fired: job.schedule_id.clone().zip(job.fire_time),
            number: load.number,
        });
        run
    }

    fn finish(mut self) {
        self.is_finished = true;
        self.ledger.write(Entry::Finished(self.job, self.token));
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if !self.is_finished {
            self.ledger.write(Entry::Dropped(self.job, self.token));
        }
    }
}
