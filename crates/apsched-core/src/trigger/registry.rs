//! Which code stands behind the name of a stored custom trigger.
//!
//! The registry is explicit: a scheduler knows the types that were registered with it, and no others.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use super::{CustomTrigger, Trigger, TriggerError};

type Read = fn(&Value) -> Result<Arc<dyn Trigger>, TriggerError>;

/// The custom triggers that a scheduler can read back from its store, by name.
///
/// ```
/// # use apsched_core::trigger::{CustomTrigger, Trigger, TriggerError};
/// # use chrono::{DateTime, Utc};
/// # #[derive(Debug, serde::Serialize, serde::Deserialize)]
/// # struct FullMoon;
/// # impl Trigger for FullMoon {
/// #     fn next_after(&self, _: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, TriggerError> { Ok(None) }
/// # }
/// # impl std::fmt::Display for FullMoon {
/// #     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str("at full moon") }
/// # }
/// # impl CustomTrigger for FullMoon { const NAME: &'static str = "full_moon"; }
/// use apsched_core::trigger::TriggerRegistry;
///
/// let mut registry = TriggerRegistry::new();
/// registry.register::<FullMoon>()?;
/// assert_eq!(registry.names().collect::<Vec<_>>(), ["full_moon"]);
///
/// // A name stands for one type.
/// let error = registry.register::<FullMoon>().unwrap_err();
/// assert_eq!(error.to_string(), "a custom trigger named \"full_moon\" is already registered");
/// # Ok::<(), TriggerError>(())
/// ```
#[derive(Clone, Default)]
pub struct TriggerRegistry {
    readers: BTreeMap<&'static str, Read>,
}

impl TriggerRegistry {
    /// A registry of no custom triggers; the built-in ones need none.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets triggers of the type `T` be read back under the name [`T::NAME`](CustomTrigger::NAME).
    ///
    /// # Errors
    ///
    /// [`TriggerError::AlreadyRegistered`] when the name is taken, [`TriggerError::InvalidField`] when it is empty.
    pub fn register<T: CustomTrigger>(&mut self) -> Result<(), TriggerError> {
        if T::NAME.is_empty() {
            let expected = "a name that is not empty".to_owned();
            return Err(TriggerError::invalid("custom trigger", "NAME", expected, "an empty one".to_owned()));
        }
        if self.readers.contains_key(T::NAME) {
            return Err(TriggerError::AlreadyRegistered { name: T::NAME.into() });
        }
        self.readers.insert(T::NAME, read::<T>);
        Ok(())
    }

    /// Registers what another registry has registered. A name that both know stands for the type of the other.
    pub fn extend(&mut self, other: &Self) {
        self.readers.extend(&other.readers);
    }

    /// Whether a type is registered under the name.
    pub fn knows(&self, name: &str) -> bool {
        self.readers.contains_key(name)
    }

    /// The registered names, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.readers.keys().copied()
    }

    /// The trigger that `definition` describes.
    pub(crate) fn read(&self, name: &str, definition: &Value) -> Result<Arc<dyn Trigger>, TriggerError> {
        match self.readers.get(name) {
            Some(read) => read(definition),
            None => Err(TriggerError::NotRegistered { name: TriggerError::excerpt(name) }),
        }
    }
}

impl fmt::Debug for TriggerRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

fn read<T: CustomTrigger>(definition: &Value) -> Result<Arc<dyn Trigger>, TriggerError> {
    match T::deserialize(definition) {
        Ok(trigger) => Ok(Arc::new(trigger)),
        Err(error) => Err(TriggerError::Definition {
            name: T::NAME.into(),
            message: TriggerError::excerpt(&error.to_string()),
        }),
    }
}
