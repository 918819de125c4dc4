//! All that the workers of a test have written, and waits for what they write.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use apsched::id::{JobId, SchedulerId};
use apsched_tests::{Entry, Line, Moment};
use tokio::sync::watch;

/// What all workers wrote; grows while they run.
#[derive(Debug)]
pub(crate) struct Record(watch::Sender<Story>);

/// What is known by now.
#[derive(Debug, Default)]
pub(crate) struct Story {
    /// One for each start of a worker.
    pub(crate) runs: Vec<Run>,
    /// How many lines all of them wrote.
    pub(crate) lines: usize,
    /// How many handlers began.
    pub(crate) started: usize,
    /// How often people were told of some of the lines.
    tellings: AtomicUsize,
}

/// People are told of so many breaches; to pick the lines for each of ten thousand would take hours.
const MOST_TELLINGS: usize = 20;

/// What one worker wrote between its start and its end.
#[derive(Debug)]
pub(crate) struct Run {
    /// The worker's name; the same after a restart.
    pub(crate) worker: String,
    /// Life of its leases.
    pub(crate) lease: Duration,
    pub(crate) lines: Vec<Line>,
    /// When it was found dead.
    pub(crate) ended: Option<Moment>,
}

/// A run of a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct RunId(usize);

impl RunId {
    /// That of a worker that was not started yet.
    pub(crate) const NONE: Self = Self(usize::MAX);
}

impl Record {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(Story::default()))
    }

    /// A worker is started.
    pub(crate) fn begin(&self, worker: &str, lease: Duration) -> RunId {
        let mut id = RunId(0);
        self.0.send_modify(|story| {
            id = RunId(story.runs.len());
            story.runs.push(Run { worker: worker.to_owned(), lease, lines: Vec::new(), ended: None });
        });
        id
    }

    /// A worker has written a line.
    pub(crate) fn push(&self, id: RunId, line: Line) {
        self.0.send_modify(|story| {
            story.lines += 1;
            if let Entry::Started { .. } = line.1 {
                story.started += 1;
            }
            story.runs[id.0].lines.push(line);
        });
    }

    /// A worker is dead, and all it wrote has been read.
    pub(crate) fn end(&self, id: RunId) {
        self.0.send_modify(|story| story.runs[id.0].ended = Some(Moment::now()));
    }

    /// Takes all that was written, when nobody writes any more.
    pub(crate) fn take(&self) -> Story {
        self.0.send_replace(Story::default())
    }

    /// What is known by now. Nothing is written down while somebody reads.
    pub(crate) fn story(&self) -> watch::Ref<'_, Story> {
        self.0.borrow()
    }

    /// Waits until the story is as `condition` wants it, but no longer than `most`. Gives whether it is.
    pub(crate) async fn wait(&self, most: Duration, mut condition: impl FnMut(&Story) -> bool) -> bool {
        let mut story = self.0.subscribe();
        let waited = tokio::time::timeout(most, story.wait_for(|story| condition(story))).await;
        waited.is_ok_and(|seen| seen.is_ok())
    }

    /// Waits until the story is as `condition` wants it.
    ///
    /// # Panics
    /// When that takes longer than a minute, with the last lines.
    pub(crate) async fn until(&self, what: &str, condition: impl FnMut(&Story) -> bool) {
        if !self.wait(PATIENCE, condition).await {
            panic!("waited {PATIENCE:?} until {what}; the last lines are\n{}", self.story().tail());
        }
    }
}

/// Longest wait for something that must happen: much longer than it ever takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

impl Story {
    pub(crate) fn run(&self, id: RunId) -> &Run {
        &self.runs[id.0]
    }

    /// How many jobs a run has added.
    pub(crate) fn added_by(&self, id: RunId) -> u64 {
        let lines = self.runs.get(id.0).into_iter().flat_map(Run::entries);
        lines.map(|entry| if let Entry::Added(jobs) = entry { jobs.len() as u64 } else { 0 }).sum()
    }

    /// All lines with the run that wrote them, in order of time.
    pub(crate) fn all_lines(&self) -> Vec<(RunId, &Line)> {
        let runs = self.runs.iter().enumerate();
        let mut lines: Vec<_> =
            runs.flat_map(|(index, run)| run.lines.iter().map(move |line| (RunId(index), line))).collect();
        lines.sort_by_key(|(_, line)| line.0);
        lines
    }

    /// The lines that `is_meant` picks, for people: the first times that it is asked.
    pub(crate) fn told(&self, is_meant: impl Fn(&Entry) -> bool) -> String {
        if self.tellings.fetch_add(1, Ordering::Relaxed) >= MOST_TELLINGS {
            return "  what was written of it is in the ledgers\n".to_owned();
        }
        self.picked(is_meant)
    }

    fn picked(&self, is_meant: impl Fn(&Entry) -> bool) -> String {
        let lines = self.all_lines().into_iter().filter(|(_, line)| is_meant(&line.1));
        lines.map(|line| self.telling(line)).collect()
    }

    /// Everything about a job, for people.
    pub(crate) fn told_of(&self, id: JobId) -> String {
        self.told(|entry| entry.job() == Some(id))
    }

    /// Writes all lines to a file, for people who look for the reason of a failure; gives its name.
    pub(crate) fn save(&self) -> String {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let name = directory.join(format!("ledger-{}-{}.txt", std::process::id(), Moment::now()));
        let saved = fs::write(&name, self.picked(|_| true));
        saved.map_or_else(|error| error.to_string(), |()| name.display().to_string())
    }

    fn tail(&self) -> String {
        let lines = self.all_lines();
        lines[lines.len().saturating_sub(40)..].iter().map(|line| self.telling(*line)).collect()
    }

    fn telling(&self, (run, Line(at, entry)): (RunId, &Line)) -> String {
        format!("  {at} {}#{} {entry:?}\n", self.run(run).worker, run.0)
    }
}

impl Run {
    pub(crate) fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.lines.iter().map(|line| &line.1)
    }

    /// The name of its scheduler. `None`: it has not started yet.
    pub(crate) fn scheduler_id(&self) -> Option<&SchedulerId> {
        self.entries().find_map(|entry| if let Entry::Up(id) = entry { Some(id) } else { None })
    }

    /// Whether its scheduler runs.
    pub(crate) fn is_up(&self) -> bool {
        self.ended.is_none() && self.scheduler_id().is_some()
    }
}
