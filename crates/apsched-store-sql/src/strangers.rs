//! Which schedules this process cannot plan, since they use custom triggers that it has not registered: they are left to others.
//!
//! A row names the custom triggers of its schedule. What cannot be planned is learned when such a row is met for the first
//! time, and not asked for again: there are few names, whatever the number of schedules.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

use apsched_core::trigger::{AnyTrigger, TriggerRegistry};

use crate::row::json;
use crate::value::Value;

/// The custom triggers that a process knows, and those that it has met and does not know.
#[derive(Debug, Default)]
pub(crate) struct Strangers {
    registry: RwLock<Arc<TriggerRegistry>>,
    met: RwLock<BTreeSet<String>>,
}

/// The names of a trigger's custom ones as a column: in order, and none if there are none.
pub(crate) fn names_column(trigger: &AnyTrigger) -> Option<String> {
    let names = trigger.custom_names();
    (!names.is_empty()).then(|| json(&names))
}

impl Strangers {
    /// Gets to know triggers beside those that it knows: a store may be shared by several schedulers.
    pub(crate) fn register(&self, registry: &TriggerRegistry) {
        let mut known = self.registry.write().unwrap_or_else(PoisonError::into_inner);
        let mut both = TriggerRegistry::clone(&known);
        both.extend(registry);
        *known = Arc::new(both);
        self.met.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub(crate) fn registry(&self) -> Arc<TriggerRegistry> {
        self.registry.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What is not to be given out to this process, for a set of rows that is never empty.
    pub(crate) fn rows(&self) -> Vec<[Value; 1]> {
        let met = self.met.read().unwrap_or_else(PoisonError::into_inner);
        // No schedule has an empty list of names.
        std::iter::once("").chain(met.iter().map(String::as_str)).map(|names| [names.into()]).collect()
    }

    /// Remembers the names of a trigger that cannot be planned here.
    pub(crate) fn meet(&self, trigger: &AnyTrigger) {
        let Some(names) = names_column(trigger) else { return };
        if self.met.write().unwrap_or_else(PoisonError::into_inner).insert(names.clone()) {
            tracing::warn!(
                names,
                "custom triggers are not registered here; schedules with them are left to who knows them"
            );
        }
    }
}
