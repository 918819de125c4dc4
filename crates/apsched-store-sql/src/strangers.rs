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

    /// Remembers the names of a trigger that cannot be planned here, unless it has been registered since it was read.
    pub(crate) fn meet(&self, trigger: &AnyTrigger) {
        let Some(names) = names_column(trigger) else { return };
        // Held to the end, as by who registers: else a name would be met after it was forgotten, and stay strange for ever.
        let registry = self.registry.read().unwrap_or_else(PoisonError::into_inner);
        if trigger.is_known_to(&registry) {
            return;
        }
        if self.met.write().unwrap_or_else(PoisonError::into_inner).insert(names.clone()) {
            tracing::warn!(
                names,
                "custom triggers are not registered here; schedules with them are left to who knows them"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use apsched_core::trigger::{CustomTrigger, Trigger, TriggerError};
    use chrono::{DateTime, Utc};

    use super::*;

    fn unbound() -> AnyTrigger {
        let stored = r#"{"type":"custom","name":"testkit_never","definition":null}"#;
        serde_json::from_str(stored).expect("a trigger that somebody knows")
    }

    #[test]
    fn a_trigger_that_was_registered_after_its_row_was_read_is_no_stranger() {
        let strangers = Strangers::default();
        strangers.meet(&unbound());
        assert_eq!(strangers.rows().len(), 2, "it is one before");

        strangers.register(&knowing());
        strangers.meet(&unbound());

        assert_eq!(strangers.rows().len(), 1);
    }

    fn knowing() -> TriggerRegistry {
        let mut registry = TriggerRegistry::new();
        registry.register::<Never>().expect("the name is free");
        registry
    }

    #[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
    struct Never;

    impl Trigger for Never {
        fn next_after(&self, _after: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, TriggerError> {
            Ok(None)
        }
    }

    impl fmt::Display for Never {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("never")
        }
    }

    impl CustomTrigger for Never {
        const NAME: &'static str = "testkit_never";
    }
}
