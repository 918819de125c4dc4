//! Which schedules a process cannot plan, since they use custom triggers that it has not registered: they are left to others.
//!
//! A store that is shared keeps, beside each schedule, one text that names its custom triggers. It tells [`Strangers`] of a schedule
//! that it finds and cannot plan, and from then on gives out, and wakes for, those alone whose text is not among the ones that
//! were met. There are few texts, whatever the number of schedules.
//!
//! Not here: how a store leaves rows out, which is a condition of its queries.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

use crate::trigger::{AnyTrigger, TriggerRegistry};

/// The custom triggers that the process of a store knows, and those that the store has met and the process does not know.
///
/// For those who write a store; clones of a handle share one.
///
/// ```
/// use apsched_core::store::Strangers;
/// use apsched_core::trigger::{AnyTrigger, TriggerRegistry};
///
/// let strangers = Strangers::default();
/// strangers.register(&TriggerRegistry::new());
///
/// let read: AnyTrigger = serde_json::from_str(r#"{"type":"custom","name":"full_moon","definition":null}"#)?;
/// assert_eq!(strangers.meet(&read).as_deref(), Some(r#"["full_moon"]"#)); // told once, for the log
/// assert_eq!(strangers.meet(&read), None);
/// assert_eq!(strangers.met(), [r#"["full_moon"]"#]);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Strangers(RwLock<Acquaintance>);

#[derive(Debug, Default)]
struct Acquaintance {
    registry: Arc<TriggerRegistry>,
    /// Names of custom triggers, as [`Strangers::names_of`] gives them.
    met: BTreeSet<String>,
}

impl Strangers {
    /// What a store keeps beside a schedule: the names of its custom triggers, in order, as a JSON list. `None`: it has none.
    ///
    /// Never an empty text.
    #[must_use]
    pub fn names_of(trigger: &AnyTrigger) -> Option<String> {
        let names = trigger.custom_names();
        (!names.is_empty()).then(|| serde_json::to_string(&names).expect("a list of names is JSON"))
    }

    /// Gets to know triggers beside those that are known: a store may be shared by several schedulers.
    ///
    /// Forgets whom it has met, as they may be among them.
    pub fn register(&self, registry: &TriggerRegistry) {
        let mut acquaintance = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let mut both = TriggerRegistry::clone(&acquaintance.registry);
        both.extend(registry);
        *acquaintance = Acquaintance { registry: Arc::new(both), met: BTreeSet::new() };
    }

    /// Remembers the names of a trigger that cannot be planned here. They are given to who meets them first, to say so once.
    ///
    /// A trigger that has been registered since it was read is no stranger.
    pub fn meet(&self, trigger: &AnyTrigger) -> Option<String> {
        let names = Self::names_of(trigger)?;
        let mut acquaintance = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let is_new = !trigger.is_known_to(&acquaintance.registry) && acquaintance.met.insert(names.clone());
        is_new.then_some(names)
    }

    /// What is registered: by this, triggers that are read are bound.
    #[must_use]
    pub fn registry(&self) -> Arc<TriggerRegistry> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).registry.clone()
    }

    /// The names that were met, as they stand beside the schedules that are not to be given out here.
    #[must_use]
    pub fn met(&self) -> Vec<String> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).met.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use chrono::{DateTime, Utc};

    use super::*;
    use crate::trigger::{CustomTrigger, DateTrigger, OrTrigger, Trigger, TriggerError};

    fn unbound(name: &str) -> AnyTrigger {
        let stored = serde_json::json!({"type": "custom", "name": name, "definition": null});
        serde_json::from_value(stored).expect("a trigger that somebody knows")
    }

    #[test]
    fn a_schedule_is_marked_by_all_its_custom_triggers_in_order() {
        let date = AnyTrigger::from(DateTrigger::at(DateTime::UNIX_EPOCH));
        let both = OrTrigger::new([unbound("b"), date.clone(), unbound("a")]).expect("parts");

        assert_eq!(Strangers::names_of(&date), None);
        assert_eq!(Strangers::names_of(&both.into()).as_deref(), Some(r#"["a","b"]"#));
    }

    #[test]
    fn a_trigger_that_was_registered_after_it_was_read_is_no_stranger() {
        let strangers = Strangers::default();
        assert!(strangers.meet(&unbound(Never::NAME)).is_some(), "it is one before");

        strangers.register(&knowing());

        assert_eq!(strangers.meet(&unbound(Never::NAME)), None);
        assert_eq!(strangers.met(), Vec::<String>::new());
    }

    #[test]
    fn what_was_registered_stays_registered() {
        let strangers = Strangers::default();
        strangers.register(&knowing());
        strangers.register(&TriggerRegistry::new());

        assert!(strangers.registry().knows(Never::NAME));
        assert_eq!(strangers.meet(&unbound("other")).as_deref(), Some(r#"["other"]"#));
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
        const NAME: &'static str = "never";
    }
}
