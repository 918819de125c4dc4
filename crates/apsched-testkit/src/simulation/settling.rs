//! The end of a run: whether everything has come to its end, and whether it is quiet then.

use std::collections::BTreeMap;
use std::time::Duration;

use apsched_core::{DataStore, Job, instant};

use super::breach::{Check, Checked, ensure};
use super::process::{Process, ProcessState};
use super::world::{Happening, Node, Phase, World};

/// Longest time from the last fault to the end of all work.
const LONGEST_SETTLING: Duration = Duration::from_secs(300);
/// Time until no hint is under way any more, and nothing that was hinted at can become due.
const SILENCE: Duration = Duration::from_secs(12);
/// Time until whatever failed has been tried again: longer than the longest pause after failures.
const SILENCE_AFTER_FAILURES: Duration = Duration::from_secs(35);
/// Poll intervals for which the settled nodes are watched.
const IDLE_INTERVALS: u32 = 6;

/// A hint from before, of a job or schedule that somebody else has taken since, still leads to one claim in vain when its
/// time comes, and to a look at what is next.
const LEFT_FROM_BEFORE: u64 = 3;

impl<S: DataStore> World<S> {
    pub(super) fn look(&mut self) -> Checked {
        let Phase::Quiet { since } = self.phase else { return Ok(()) };
        match self.open() {
            None => {
                let silence =
                    if self.scenario.faults.let_calls_fail() { SILENCE_AFTER_FAILURES } else { SILENCE };
                self.agenda.add(self.now + silence, Happening::IdleBegins);
            }
            Some(open) => {
                let waited = instant::between(since, self.now);
                ensure(waited < LONGEST_SETTLING, Check::EverythingSettles, || {
                    format!("{waited:?} after the last fault this is still open: {open}")
                })?;
                self.agenda.add(self.now + Duration::from_millis(500), Happening::Look);
            }
        }
        Ok(())
    }

    fn open(&self) -> Option<String> {
        let is_settled = |node: &Node| {
            let process = node.process.map(|process| &self.processes[process]);
            process.is_some_and(|process| process.state == ProcessState::Up && !process.is_stopping)
        };
        if let Some(node) = self.nodes.iter().position(|node| !is_settled(node)) {
            return Some(format!("node {node} does not run"));
        }
        self.ledger.open(self.now, |job| self.can_run(job))
    }

    fn can_run(&self, job: &Job) -> bool {
        let is_closed = self.ledger.limits.get(&job.task_id) == Some(&Some(0));
        let knows = |process: &Process| {
            process.abilities.knows_task(&job.task_id)
                && process.abilities.knows_executor(&job.settings.job_executor)
        };
        let up = self.nodes.iter().filter(|node| node.role.works()).filter_map(|node| node.process);
        !is_closed && up.map(|process| &self.processes[process]).any(knows)
    }

    pub(super) fn check_idle(&mut self, before: &BTreeMap<usize, u64>) -> Checked {
        let watched = self.scenario.poll_interval * IDLE_INTERVALS;
        let cleanups = watched.as_millis() / self.scenario.cleanup_interval.as_millis() + 1;
        let polls = u64::from(IDLE_INTERVALS) + 1;
        let allowed = polls + u64::try_from(cleanups).unwrap_or(u64::MAX) + LEFT_FROM_BEFORE;
        for (number, before) in before {
            let process = &self.processes[*number];
            let calls = process.calls - before;
            ensure(calls <= allowed, Check::IdleIsIdle, || {
                format!(
                    "{} made {calls} calls in {watched:?} with nothing to do, allowed are {allowed}",
                    process.id
                )
            })?;
        }
        self.phase = Phase::Over;
        Ok(())
    }

    /// Counts the calls of each process from now on.
    pub(super) fn begin_idle(&mut self) {
        let calls = self.processes.iter().enumerate().map(|(number, process)| (number, process.calls));
        let happening = Happening::IdleEnds { calls: calls.collect() };
        self.agenda.add(self.now + self.scenario.poll_interval * IDLE_INTERVALS, happening);
    }
}
