//! The parts of a combination: how many there may be, and how deeply they may be nested.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{AnyTrigger, TriggerError, TriggerRegistry};

/// Deepest nesting: a combination of simple triggers has depth 2.
pub(crate) const MAX_DEPTH: usize = 16;

/// Most simple triggers in one combination, at all depths together.
pub(crate) const MAX_PARTS: usize = 256;

/// The triggers that are combined: at least one, in the order in which they were given.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Parts(Arc<[AnyTrigger]>);

impl Parts {
    /// Parts of a trigger of the given kind, if they are neither none nor too many nor too deep.
    pub(crate) fn new(
        kind: &'static str,
        parts: impl IntoIterator<Item = AnyTrigger>,
    ) -> Result<Self, TriggerError> {
        // One more than allowed is enough to see that there are too many.
        let parts: Arc<[AnyTrigger]> = parts.into_iter().take(MAX_PARTS + 1).collect();
        let parts = Self(parts);
        if parts.0.is_empty() {
            return Err(TriggerError::invalid(kind, "triggers", "at least one trigger", "none"));
        }
        if parts.count() > MAX_PARTS {
            let expected = format!("at most {MAX_PARTS} triggers, nested ones included");
            return Err(TriggerError::invalid(kind, "triggers", expected, "more"));
        }
        if parts.depth() >= MAX_DEPTH {
            let expected = format!("combinations of at most {MAX_DEPTH} levels");
            return Err(TriggerError::invalid(kind, "triggers", expected, "more"));
        }
        Ok(parts)
    }

    pub(crate) fn as_slice(&self) -> &[AnyTrigger] {
        &self.0
    }

    /// How many simple triggers there are, nested ones included.
    pub(crate) fn count(&self) -> usize {
        self.0.iter().map(|part| part.parts().map_or(1, Self::count)).sum()
    }

    /// How many levels there are below the combination itself.
    fn depth(&self) -> usize {
        self.0.iter().map(|part| 1 + part.parts().map_or(0, Self::depth)).max().unwrap_or(0)
    }

    pub(crate) fn resolve(&mut self, registry: &TriggerRegistry) -> Result<(), TriggerError> {
        Arc::make_mut(&mut self.0).iter_mut().try_for_each(|part| part.resolve(registry))
    }

    pub(crate) fn anchored_at(&self, at: DateTime<Utc>) -> Self {
        Self(self.0.iter().map(|part| part.anchored_at(at)).collect())
    }

    pub(crate) fn is_same_definition(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.0.iter().zip(&*other.0).all(|(a, b)| a.is_same_definition(b))
    }
}

/// `(a; b; c)`.
impl fmt::Display for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.0.iter().enumerate() {
            f.write_str(if index == 0 { "(" } else { "; " })?;
            part.fmt(f)?;
        }
        f.write_str(")")
    }
}
