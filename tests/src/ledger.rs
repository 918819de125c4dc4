//! What a worker writes down, and a test reads.
//!
//! A line is one write to a pipe, before the worker goes on: whatever happens to the worker then, the line is there. A pipe
//! nobody reads any more ends the worker, so none outlives its test.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::{Mutex, PoisonError};

use apsched::chrono::{DateTime, Utc};
use apsched::id::{JobId, ScheduleId, SchedulerId};
use serde::{Deserialize, Serialize};

use crate::moment::Moment;

/// A line: when, and what.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Line(pub Moment, pub Entry);

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Entry {
    /// The scheduler runs, under this name.
    Up(SchedulerId),
    /// A call to the store begins, by the name of its method.
    Call(String),
    /// It was answered; what it failed with.
    Answer(String, Option<String>),
    /// A schedule's job is about to be written.
    Planned {
        /// The schedule.
        schedule: ScheduleId,
        /// The number in the load of the definition it was planned from.
        number: u64,
        /// The fire time.
        fire_time: DateTime<Utc>,
        /// The job.
        job: JobId,
    },
    /// The store has refused to advance the schedule: the claim on it did not hold.
    RefusedSchedule(ScheduleId),
    /// The store has refused the end of a job: the claim on it did not hold.
    RefusedJob(JobId),
    /// A claim on a job was got; the moment is that of the request.
    Acquired(JobId, u64),
    /// The lease of a claim was prolonged; the moment is that of the request.
    Extended(JobId, u64),
    /// The store has said that a claim does not hold any more.
    Lost(JobId, u64),
    /// The row of this job or schedule cannot be read, and was put aside.
    Quarantined(String),
    /// The handler of a job began.
    Started {
        /// The job.
        job: JobId,
        /// The token of its claim.
        token: u64,
        /// Its task.
        task: String,
        /// Number of the attempt.
        attempt: u32,
        /// The schedule that made it, and the fire time.
        fired: Option<(ScheduleId, DateTime<Utc>)>,
        /// The number in its load.
        number: u64,
    },
    /// The handler of a job came to its end, under the claim of this token.
    Finished(JobId, u64),
    /// The handler of a job was stopped before its end, under the claim of this token.
    Dropped(JobId, u64),
    /// The store has said that jobs were added.
    Added(Vec<JobId>),
    /// All jobs were added.
    Produced,
    /// The store answers, or why it does not.
    Health(Option<String>),
    /// The worker stands still until somebody lets it go on.
    Freezing,
    /// The scheduler has stopped.
    Stopped,
}

/// Where a worker writes.
#[derive(Debug)]
pub struct Ledger(Mutex<File>);

impl Ledger {
    /// The pipe behind the standard output.
    ///
    /// # Errors
    /// When there is none.
    pub fn on_stdout() -> io::Result<Self> {
        Ok(Self(Mutex::new(File::from(io::stdout().as_fd().try_clone_to_owned()?))))
    }

    /// Writes that something happens now.
    pub fn write(&self, entry: Entry) {
        self.write_all([Line(Moment::now(), entry)]);
    }

    /// Writes lines, one after the other.
    ///
    /// Ends the process when nobody reads them.
    pub fn write_all(&self, lines: impl IntoIterator<Item = Line>) {
        let mut text = Vec::new();
        for line in lines {
            serde_json::to_writer(&mut text, &line).expect("a line has no part that JSON cannot write");
            text.push(b'\n');
        }
        let mut pipe = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if pipe.write_all(&text).is_err() {
            std::process::exit(1);
        }
    }
}

impl Entry {
    /// The job that it is about. `None`: none, or many.
    #[must_use]
    pub const fn job(&self) -> Option<JobId> {
        match self {
            Self::Planned { job, .. }
            | Self::Started { job, .. }
            | Self::RefusedJob(job)
            | Self::Acquired(job, _)
            | Self::Extended(job, _)
            | Self::Lost(job, _)
            | Self::Finished(job, _)
            | Self::Dropped(job, _) => Some(*job),
            _ => None,
        }
    }
}

impl Line {
    /// Reads a line back. `None`: it was cut off by a kill in the middle of it.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}
