//! What a simulation can find: the named checks, and how a breach of one is told.

use std::fmt;

use super::Family;

/// Something that must hold in every simulation.
///
/// Most belong to one of the numbered guarantees; see [`Check::guarantee`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Check {
    /// A fire time gives one job or one recorded skip, never two.
    OneJobPerFireTime,
    /// A fire time is passed over only as coalescing, `max_fires` and `max_catch_up` say.
    NoFireTimeLost,
    /// A committed job that somebody can run ends with one recorded outcome.
    CommittedWorkEnds,
    /// A job starts at most as often as it has attempts.
    NoExtraStart,
    /// An outcome is what its last attempt reported, or what followed from its worker's end.
    OutcomeIsTrue,
    /// A write under a claim that no longer holds is refused.
    NoStaleWrite,
    /// What one scheduler holds is given to no other, nor taken back, before its lease has expired.
    LeaseIsExclusive,
    /// A scheduler that lives, and whose store answers, keeps its leases.
    LeaseIsRenewed,
    /// A scheduler stops a job as lost when it has lost it, and only then.
    LostMeansLost,
    /// A job starts while its lease lives.
    StartsWithinLease,
    /// Never more jobs of a task hold a live lease than the task allows.
    LimitHolds,
    /// After everything, as many jobs of a task can run as before.
    SlotComesBack,
    /// A trigger that fails stops its own schedule and nothing else.
    NothingBadSpreads,
    /// What a user wrote stays.
    LastWriteWins,
    /// A job whose end was asked for does not run again.
    CancelHolds,
    /// A saturated task does not delay the jobs of others.
    NoStarvation,
    /// Fire times and jobs start within the poll interval when nothing is in their way.
    StartsInTime,
    /// Nothing starts before its time.
    NeverTooEarly,
    /// A scheduler that stopped holds nothing.
    CleanStop,
    /// With nothing due a scheduler makes one store call per poll interval.
    IdleIsIdle,
    /// A scheduler waits before it looks again.
    NothingSpins,
    /// After the last fault everything comes to its end.
    EverythingSettles,
    /// The store answers what it is asked, at the first poll of its future.
    StoreAnswers,
}

impl Check {
    /// Number of the guarantee that the check belongs to, of those listed in the project's `docs/architecture.md`.
    /// `None`: it is a condition of the others.
    #[must_use]
    pub const fn guarantee(self) -> Option<u8> {
        match self {
            Self::OneJobPerFireTime | Self::NoFireTimeLost => Some(1),
            Self::CommittedWorkEnds | Self::NoExtraStart | Self::OutcomeIsTrue => Some(2),
            Self::NoStaleWrite
            | Self::LeaseIsExclusive
            | Self::LeaseIsRenewed
            | Self::LostMeansLost
            | Self::StartsWithinLease => Some(3),
            Self::LimitHolds | Self::SlotComesBack => Some(4),
            Self::StartsInTime => Some(5),
            Self::NothingBadSpreads => Some(6),
            Self::LastWriteWins | Self::CancelHolds => Some(8),
            Self::NoStarvation => Some(9),
            Self::CleanStop => Some(10),
            Self::IdleIsIdle | Self::NothingSpins => Some(11),
            Self::NeverTooEarly | Self::EverythingSettles | Self::StoreAnswers => None,
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")?;
        self.guarantee().map_or(Ok(()), |number| write!(f, " (guarantee {number})"))
    }
}

/// A check that did not hold, before it is known in which run.
#[derive(Clone, Debug)]
pub(super) struct Violation {
    pub(super) check: Check,
    pub(super) what: String,
}

impl Violation {
    pub(super) fn new(check: Check, what: impl Into<String>) -> Self {
        Self { check, what: what.into() }
    }
}

/// The answer of whatever checks.
pub(super) type Checked<T = ()> = Result<T, Violation>;

/// Fails with `check` unless `holds`; `what` says what was found.
pub(super) fn ensure(holds: bool, check: Check, what: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(Violation::new(check, what())) }
}

/// A check that did not hold, with all that is needed to see it again.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Breach {
    /// The kind of scenario.
    pub family: Family,
    /// The seed, from which everything follows.
    pub seed: u64,
    /// What did not hold.
    pub check: Check,
    /// What was found instead.
    pub what: String,
    /// The last events before it, oldest first. Empty when a second run of the seed did not show it again: then the
    /// store is not deterministic.
    pub trace: Vec<String>,
}

impl std::error::Error for Breach {}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "simulation {}, seed {}: {} does not hold", self.family, self.seed, self.check)?;
        writeln!(f, "  {}", self.what)?;
        if self.trace.is_empty() {
            writeln!(
                f,
                "  a second run of the seed did not show it: the store answers differently each time"
            )?;
        } else {
            writeln!(f, "  the last {} events:", self.trace.len())?;
            for line in &self.trace {
                writeln!(f, "    {line}")?;
            }
        }
        write!(f, "  again: {}", rerun(self.family, self.seed))
    }
}

/// The command that runs this seed alone.
fn rerun(family: Family, seed: u64) -> String {
    let package = std::env::var("CARGO_PKG_NAME").map(|name| format!(" -p {name}")).unwrap_or_default();
    let test = std::env::current_exe().ok();
    let test = test.as_deref().and_then(|path| path.file_stem()?.to_str()?.rsplit_once('-'));
    let test = test.map(|(name, _)| format!(" --test {name}")).unwrap_or_default();
    format!("APSCHED_SEED={seed} cargo test{package}{test} {family}")
}
