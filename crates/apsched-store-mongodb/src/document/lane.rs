//! Where a queued job waits: behind the others of its task, executor and priority.
//!
//! Each job of a lane can be run by whoever can run one of them, and has a slot when one of them has. So who acquires looks at
//! the first jobs of some lanes, and neither a saturated task nor a far future costs anything.

use apsched_core::{ExecutorName, Job, TaskId};

/// As text: task, executor and priority with line breaks between, which ids cannot hold. The priority is written as eight
/// hexadecimal digits, the highest as the smallest, so that the lanes of an executor sort as they are taken from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Lane {
    pub(crate) task_id: TaskId,
    pub(crate) job_executor: ExecutorName,
    pub(crate) priority: i32,
}

const SEPARATOR: char = '\n';

impl Lane {
    pub(crate) fn of(job: &Job) -> Self {
        Self {
            task_id: job.task_id.clone(),
            job_executor: job.settings.job_executor.clone(),
            priority: job.settings.priority,
        }
    }

    /// `None`: no lane of ours.
    pub(crate) fn parse(key: &str) -> Option<Self> {
        let mut parts = key.split(SEPARATOR);
        let (task_id, job_executor) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let inverted = u32::from_str_radix(parts.next()?, 16).ok()?;
        let priority = (u32::MAX - inverted).wrapping_add(i32::MIN.cast_unsigned()).cast_signed();
        let lane = Self { task_id, job_executor, priority };
        (lane.key() == key).then_some(lane)
    }

    /// As it stands in a document.
    pub(crate) fn key(&self) -> String {
        let inverted = u32::MAX - self.priority.cast_unsigned().wrapping_sub(i32::MIN.cast_unsigned());
        format!("{}{SEPARATOR}{}{SEPARATOR}{inverted:08x}", self.task_id, self.job_executor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(priority: i32) -> Lane {
        Lane { task_id: "a/b c".parse().unwrap(), job_executor: "async".parse().unwrap(), priority }
    }

    #[test]
    fn a_lane_reads_back() {
        for priority in [i32::MIN, -1, 0, 1, i32::MAX] {
            assert_eq!(Lane::parse(&lane(priority).key()), Some(lane(priority)));
        }
        for other in
            ["", "send", "send\nasync", "\nasync\n00000000", "send\nasync\n7fffffff\n", "send\nasync\n1"]
        {
            assert_eq!(Lane::parse(other), None, "{other:?}");
        }
    }

    #[test]
    fn the_highest_priority_sorts_first() {
        let sorted = [i32::MAX, 7, 0, -7, i32::MIN].map(|priority| lane(priority).key());
        assert!(sorted.is_sorted(), "{sorted:?}");
    }
}
