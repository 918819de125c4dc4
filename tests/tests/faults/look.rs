//! Whether a look at the store finds what is due: counted, not timed.
//!
//! A worker that looks after a job was added is told of the job, and acquires it at once if nobody else does. So between the
//! moment at which the store has the job and the request that gets it, each worker looks once at most; one that looked twice
//! has passed the job over. A look that a worker makes while it waits for jobs proves nothing: what it is told must wait for
//! that answer.

use apsched::id::JobId;
use apsched_tests::{Entry, Line, Moment};

use super::record::{Run, Story};

/// A job, and when the store is known to have it.
pub(crate) type Added = (JobId, Moment);

/// The jobs that some worker passed over, for people.
pub(crate) fn passed_over(story: &Story, added: &[Added]) -> Vec<String> {
    let looks: Vec<Vec<Look>> = story.runs.iter().map(looks).collect();
    let mut passed = Vec::new();
    for (job, added_at) in added {
        let Some(acquired_at) = acquired_at(story, *job) else {
            passed.push(format!("{job} was added at {added_at} and never acquired"));
            continue;
        };
        for (run, looks) in story.runs.iter().zip(&looks) {
            let between = |look: &&Look| look.from > *added_at && look.to < acquired_at;
            let count = looks.iter().filter(between).count();
            if count > 1 {
                passed.push(format!(
                    "{} looked {count} times between {added_at} and {acquired_at}, and got {job} not\n{}",
                    run.worker,
                    story.told_of(*job)
                ));
            }
        }
    }
    passed
}

/// A look that was answered, and by which nothing else was waited for.
struct Look {
    from: Moment,
    to: Moment,
}

fn looks(run: &Run) -> Vec<Look> {
    let (mut looks, mut asked_at, mut is_acquiring) = (Vec::new(), None, false);
    for Line(at, entry) in &run.lines {
        match entry {
            Entry::Call(operation) if operation == "acquire_jobs" => is_acquiring = true,
            Entry::Answer(operation, _) if operation == "acquire_jobs" => is_acquiring = false,
            Entry::Call(operation) if operation == "next_wakeup" => asked_at = (!is_acquiring).then_some(*at),
            Entry::Answer(operation, None) if operation == "next_wakeup" => {
                looks.extend(asked_at.take().map(|from| Look { from, to: *at }));
            }
            _ => {}
        }
    }
    looks
}

/// When the first request was made that got the job.
fn acquired_at(story: &Story, job: JobId) -> Option<Moment> {
    let lines = story.runs.iter().flat_map(|run| &run.lines);
    lines.filter(|line| matches!(line.1, Entry::Acquired(id, _) if id == job)).map(|line| line.0).min()
}
