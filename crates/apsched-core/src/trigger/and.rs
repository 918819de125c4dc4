//! Fires where several triggers agree.
//!
//! An *agreement* at `e` is: one part fires at `e`, and every other part has its first time at or after `e` no later
//! than `e + threshold`. The agreement fires once, at `e`, the earliest of its times.
//!
//! The search keeps one head per part and looks at the latest of them. No agreement can begin earlier than that head
//! minus the threshold, so every head before this point jumps there at once: the part that fires seldom leads, and one
//! that fires each second costs one question, not one per second.
//!
//! Times that took part in an agreement are used up: from a fire time, each part goes on after its own agreeing time.
//! Otherwise "daily at 10:00" and "daily at 22:00" would, with a threshold of a day, fire twice a day.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::parts::Parts;
use super::resolution::{floor, just_before};
use super::span::Span;
use super::{AnyTrigger, Trigger, TriggerError, TriggerRegistry};

const KIND: &str = "and-trigger";
const DEFAULT_THRESHOLD: Duration = Duration::from_secs(1);
const MAX_THRESHOLD: Duration = Duration::from_secs(400 * 366 * 86_400);
const DEFAULT_MAX_ITERATIONS: u32 = 10_000;
const MAX_MAX_ITERATIONS: u32 = 100_000;

/// Fires where all parts agree on a time within a threshold, at the earliest of the agreeing times; finished when any
/// of them is.
///
/// ```
/// use apsched_core::trigger::{AndTrigger, CronTrigger, TriggerExt};
/// use chrono::{DateTime, Utc};
///
/// let fridays = CronTrigger::builder().day_of_week("fri").build()?;
/// let thirteenths = CronTrigger::builder().day(13).build()?;
/// let trigger = AndTrigger::new([fridays, thirteenths])?;
///
/// let start: DateTime<Utc> = "2026-01-01T00:00:00Z".parse()?;
/// let fire_times: Vec<String> = trigger.preview_after(start, 3)?.iter().map(ToString::to_string).collect();
/// assert_eq!(fire_times, ["2026-02-13 00:00:00 UTC", "2026-03-13 00:00:00 UTC", "2026-11-13 00:00:00 UTC"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Threshold
///
/// Times agree when they are at most the threshold apart, one second by default. The fire time is the *earliest* of
/// them, which surprises where a part fires often: "every second" and "at midnight" already agree at 23:59:59, unless
/// the threshold is zero.
///
/// A time takes part in one agreement only: from a fire time, each part goes on after its own agreeing time. Asked from
/// an instant that is no fire time of its own, it pairs times anew from there; so the threshold had better be less than
/// half the distance at which any part fires.
///
/// # Parts that never agree
///
/// A search that finds no agreement in `max_iterations` ends with [`TriggerError::NoAgreement`]. An iteration moves all
/// parts up to the latest of them, so 10,000 of them reach far. One answer asks 100,000 questions at most, nested
/// combinations included.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Definition", into = "Definition")]
pub struct AndTrigger {
    parts: Parts,
    threshold: Duration,
    max_iterations: u32,
}

/// The stored form.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Definition {
    triggers: Vec<AnyTrigger>,
    #[serde(default = "default_threshold")]
    threshold: Span,
    #[serde(default = "default_max_iterations")]
    max_iterations: u32,
}

fn default_threshold() -> Span {
    Span(DEFAULT_THRESHOLD)
}

fn default_max_iterations() -> u32 {
    DEFAULT_MAX_ITERATIONS
}

impl AndTrigger {
    /// Fires where all of `triggers` agree, with a threshold of one second and at most 10,000 iterations.
    ///
    /// # Errors
    ///
    /// [`TriggerError::InvalidField`] when there is no trigger, when there are more than 256 (nested ones included), or
    /// when they are nested more than 16 levels deep.
    pub fn new<T: Into<AnyTrigger>>(triggers: impl IntoIterator<Item = T>) -> Result<Self, TriggerError> {
        let parts = Parts::new(KIND, triggers.into_iter().map(Into::into))?;
        Ok(Self { parts, threshold: DEFAULT_THRESHOLD, max_iterations: DEFAULT_MAX_ITERATIONS })
    }

    /// Takes triggers of different types one by one, and the threshold.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use apsched_core::trigger::{AndTrigger, CronTrigger, IntervalTrigger};
    ///
    /// let trigger = AndTrigger::builder()
    ///     .trigger(IntervalTrigger::every(Duration::from_secs(7 * 60)))
    ///     .trigger(CronTrigger::from_crontab("*/5 * * * *")?)
    ///     .threshold(Duration::ZERO)
    ///     .build()?;
    /// assert_eq!(trigger.triggers().len(), 2);
    /// # Ok::<(), apsched_core::trigger::TriggerError>(())
    /// ```
    pub fn builder() -> AndTriggerBuilder {
        AndTriggerBuilder::default()
    }

    /// The parts, in the order in which they were given.
    pub fn triggers(&self) -> &[AnyTrigger] {
        self.parts.as_slice()
    }

    /// How far apart times may be to agree.
    pub fn threshold(&self) -> Duration {
        self.threshold
    }

    /// How many iterations a search may take.
    pub fn max_iterations(&self) -> u32 {
        self.max_iterations
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.parts
    }

    pub(crate) fn resolve(&mut self, registry: &TriggerRegistry) -> Result<(), TriggerError> {
        self.parts.resolve(registry)
    }

    pub(crate) fn anchored_at(&self, at: DateTime<Utc>) -> Self {
        Self { parts: self.parts.anchored_at(at), ..self.clone() }
    }

    pub(crate) fn is_same_definition(&self, other: &Self) -> bool {
        self.threshold == other.threshold
            && self.max_iterations == other.max_iterations
            && self.parts.is_same_definition(&other.parts)
    }

    /// [`next_after`](Trigger::next_after) within an effort that nested combinations share.
    pub(crate) fn search(
        &self,
        after: DateTime<Utc>,
        effort: &mut Effort,
    ) -> Result<Option<DateTime<Utc>>, TriggerError> {
        let Some(mut heads) = self.heads_after(floor(after), effort)? else { return Ok(None) };
        let threshold = TimeDelta::from_std(self.threshold).expect("the threshold is capped");
        for _ in 0..self.max_iterations {
            let (earliest, latest) = extremes(&heads);
            if latest - earliest <= threshold {
                return Ok(Some(earliest));
            }
            let begin = just_before(latest.checked_sub_signed(threshold).unwrap_or(DateTime::<Utc>::MIN_UTC));
            for (part, head) in self.triggers().iter().zip(&mut heads) {
                if *head <= begin {
                    let Some(next) = effort.ask(part, begin)? else { return Ok(None) };
                    *head = next;
                }
            }
        }
        Err(TriggerError::NoAgreement { after, iterations: self.max_iterations })
    }

    /// The time of each part from which the search after `after` begins; `None` when a part is finished.
    fn heads_after(
        &self,
        after: DateTime<Utc>,
        effort: &mut Effort,
    ) -> Result<Option<Vec<DateTime<Utc>>>, TriggerError> {
        let Some(mut heads) = self.heads(std::iter::repeat(just_before(after)), effort)? else {
            return Ok(None);
        };
        let (earliest, latest) = extremes(&heads);
        let threshold = TimeDelta::from_std(self.threshold).expect("the threshold is capped");
        if earliest == after && latest - earliest <= threshold {
            return self.heads(heads.iter().copied(), effort);
        }
        for (part, head) in self.triggers().iter().zip(&mut heads) {
            if *head <= after {
                let Some(next) = effort.ask(part, after)? else { return Ok(None) };
                *head = next;
            }
        }
        Ok(Some(heads))
    }

    /// The first time of each part after its own instant.
    fn heads(
        &self,
        afters: impl Iterator<Item = DateTime<Utc>>,
        effort: &mut Effort,
    ) -> Result<Option<Vec<DateTime<Utc>>>, TriggerError> {
        let asked = self.triggers().iter().zip(afters);
        let heads: Vec<_> = asked.map(|(part, after)| effort.ask(part, after)).collect();
        // One finished part finishes all, whatever the others have to say.
        if heads.contains(&Ok(None)) { Ok(None) } else { heads.into_iter().collect() }
    }
}

/// The earliest and the latest of the heads.
fn extremes(heads: &[DateTime<Utc>]) -> (DateTime<Utc>, DateTime<Utc>) {
    heads
        .iter()
        .fold((heads[0], heads[0]), |(earliest, latest), head| (earliest.min(*head), latest.max(*head)))
}

impl Trigger for AndTrigger {
    fn next_after(&self, after: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, TriggerError> {
        self.search(after, &mut Effort::new())
    }
}

/// How much work one answer may still cost, so that nested searches do not multiply without end.
///
/// A question costs 1; one to a trigger that walks its sequence costs 1 for each year it walks besides.
#[derive(Debug)]
pub(crate) struct Effort {
    questions: u32,
}

impl Effort {
    /// Questions that one answer may cost in all: less than a second.
    const MAX_QUESTIONS: u32 = 100_000;

    pub(crate) fn new() -> Self {
        Self { questions: Self::MAX_QUESTIONS }
    }

    /// The first time of `part` after `after`.
    fn ask(
        &mut self,
        part: &AnyTrigger,
        after: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, TriggerError> {
        let left = self.questions.checked_sub(part.cost_of_asking(after));
        self.questions = left.ok_or(TriggerError::NoAgreement { after, iterations: Self::MAX_QUESTIONS })?;
        part.search(after, self)
    }
}

/// `all of (every 1 hour; every 90 minutes) within 1 second`.
impl fmt::Display for AndTrigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "all of {} within {}", self.parts, Span(self.threshold))
    }
}

impl TryFrom<Definition> for AndTrigger {
    type Error = TriggerError;

    fn try_from(definition: Definition) -> Result<Self, TriggerError> {
        let Definition { triggers, threshold, max_iterations } = definition;
        AndTriggerBuilder { triggers, threshold: threshold.0, max_iterations }.build()
    }
}

impl From<AndTrigger> for Definition {
    fn from(trigger: AndTrigger) -> Self {
        Self {
            triggers: trigger.triggers().to_vec(),
            threshold: Span(trigger.threshold),
            max_iterations: trigger.max_iterations,
        }
    }
}

/// Takes the parts of an [`AndTrigger`] one by one; see [`AndTrigger::builder`].
#[derive(Clone, Debug)]
#[must_use = "nothing is made before `build`"]
pub struct AndTriggerBuilder {
    triggers: Vec<AnyTrigger>,
    threshold: Duration,
    max_iterations: u32,
}

impl Default for AndTriggerBuilder {
    fn default() -> Self {
        Self { triggers: Vec::new(), threshold: DEFAULT_THRESHOLD, max_iterations: DEFAULT_MAX_ITERATIONS }
    }
}

impl AndTriggerBuilder {
    /// Adds a part.
    pub fn trigger(mut self, trigger: impl Into<AnyTrigger>) -> Self {
        self.triggers.push(trigger.into());
        self
    }

    /// How far apart times may be to agree. Default: one second. Zero: only equal times agree. Parts of a microsecond
    /// are dropped.
    pub fn threshold(mut self, threshold: Duration) -> Self {
        self.threshold = threshold;
        self
    }

    /// How many iterations a search for the next agreement may take. Default: 10,000.
    pub fn max_iterations(mut self, max_iterations: u32) -> Self {
        self.max_iterations = max_iterations;
        self
    }

    /// Makes the trigger.
    ///
    /// # Errors
    ///
    /// [`TriggerError::InvalidField`]: those of [`AndTrigger::new`], a threshold of more than 400 years, or iterations
    /// that are not between 1 and 100,000.
    pub fn build(self) -> Result<AndTrigger, TriggerError> {
        if self.threshold > MAX_THRESHOLD {
            let found = format!("{:?}", self.threshold);
            return Err(TriggerError::invalid(KIND, "threshold", "at most 400 years", found));
        }
        if !(1..=MAX_MAX_ITERATIONS).contains(&self.max_iterations) {
            let found = self.max_iterations.to_string();
            return Err(TriggerError::invalid(KIND, "max_iterations", "1 to 100,000", found));
        }
        let threshold = Duration::new(self.threshold.as_secs(), self.threshold.subsec_micros() * 1_000);
        Ok(AndTrigger { threshold, max_iterations: self.max_iterations, ..AndTrigger::new(self.triggers)? })
    }
}
