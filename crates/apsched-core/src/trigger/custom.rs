//! Triggers of the user: how they are stored, and bound to their code again.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::bounds::{Bounds, rfc3339};
use super::resolution::{ceil, floor};
use super::{Trigger, TriggerError, TriggerRegistry, checked_next};

/// A trigger of your own that can be stored, nested and combined like the built-in ones.
///
/// It is stored under [`NAME`](Self::NAME) with what `Serialize` writes, and read back where the same type is
/// registered (see [`TriggerRegistry`]). What `Display` writes is shown to people. An error or a panic of it concerns
/// its own schedule alone.
///
/// ```
/// use std::fmt;
///
/// use apsched_core::trigger::{AnyTrigger, CustomTrigger, Trigger, TriggerError, TriggerRegistry};
/// use chrono::{DateTime, Utc};
/// use serde::{Deserialize, Serialize};
///
/// /// Fires when the seconds since 1970 are a power of two.
/// #[derive(Debug, Serialize, Deserialize)]
/// struct PowersOfTwo;
///
/// impl Trigger for PowersOfTwo {
///     fn next_after(&self, after: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, TriggerError> {
///         let next = (after.timestamp().max(0) as u64 + 1).next_power_of_two();
///         Ok(DateTime::from_timestamp(next as i64, 0))
///     }
/// }
///
/// impl fmt::Display for PowersOfTwo {
///     fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
///         f.write_str("at powers of two")
///     }
/// }
///
/// impl CustomTrigger for PowersOfTwo {
///     const NAME: &'static str = "powers_of_two";
/// }
///
/// let stored = serde_json::to_string(&AnyTrigger::from(PowersOfTwo))?;
/// assert_eq!(stored, r#"{"type":"custom","name":"powers_of_two","definition":null}"#);
///
/// // What was read knows its fire times only once it is bound to the code.
/// let mut read: AnyTrigger = serde_json::from_str(&stored)?;
/// let after: DateTime<Utc> = "2026-01-01T00:00:00Z".parse()?;
/// assert!(matches!(read.next_after(after), Err(TriggerError::NotRegistered { .. })));
///
/// let mut registry = TriggerRegistry::new();
/// registry.register::<PowersOfTwo>()?;
/// read.resolve(&registry)?;
/// assert_eq!(read.next_after(after)?, Some("2038-01-19T03:14:08Z".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Without a start of its own it fires at nothing before the moment at which it is added.
pub trait CustomTrigger: Trigger + Serialize + DeserializeOwned + 'static {
    /// The name under which triggers of this type are stored. It must never change while stored ones exist.
    const NAME: &'static str;
}

/// A custom trigger as a value: its name, its definition, and the code behind them once it is bound.
///
/// Made from a [`CustomTrigger`] by `AnyTrigger::from`. One that was read from a store is unbound, and cannot tell
/// its fire times before [`AnyTrigger::resolve`](super::AnyTrigger::resolve); it is written back unchanged all the same.
#[derive(Clone)]
pub struct NamedTrigger {
    name: Arc<str>,
    definition: Arc<Result<Value, TriggerError>>,
    bound: Option<Arc<dyn Trigger>>,
    anchored_at: Option<DateTime<Utc>>,
}

impl NamedTrigger {
    pub(crate) fn new<T: CustomTrigger>(trigger: T) -> Self {
        let definition = serde_json::to_value(&trigger).map_err(|error| TriggerError::Definition {
            name: T::NAME.into(),
            message: TriggerError::excerpt(&error.to_string()),
        });
        Self {
            name: T::NAME.into(),
            definition: Arc::new(definition.and_then(|value| checked_size(T::NAME, value))),
            bound: Some(Arc::new(trigger)),
            anchored_at: None,
        }
    }

    /// The name under which its type is registered.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its `Serialize` wrote.
    ///
    /// # Errors
    ///
    /// [`TriggerError::Definition`] when it could not be written.
    pub fn definition(&self) -> Result<&Value, TriggerError> {
        self.definition.as_ref().as_ref().map_err(Clone::clone)
    }

    /// Whether the code behind the name is known, so that it can tell its fire times.
    pub fn is_bound(&self) -> bool {
        self.bound.is_some()
    }

    pub(crate) fn resolve(&mut self, registry: &TriggerRegistry) -> Result<(), TriggerError> {
        if self.bound.is_none() {
            self.bound = Some(registry.read(&self.name, self.definition()?)?);
        }
        Ok(())
    }

    pub(crate) fn anchored_at(&self, at: DateTime<Utc>) -> Self {
        Self { anchored_at: Some(floor(at)), ..self.clone() }
    }

    pub(crate) fn is_same_definition(&self, other: &Self) -> bool {
        self.name == other.name && self.definition == other.definition
    }

    fn bounds(&self) -> Bounds {
        Bounds { anchored_at: self.anchored_at, ..Bounds::default() }
    }
}

/// Asks the code behind the name. Fire times are rounded up to whole microseconds; a panic is an error.
impl Trigger for NamedTrigger {
    fn next_after(&self, after: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, TriggerError> {
        self.definition()?;
        let Some(trigger) = &self.bound else {
            return Err(TriggerError::NotRegistered { name: TriggerError::excerpt(&self.name) });
        };
        let after = self.bounds().clamp_after(floor(after));
        // What the user's code holds is only read, and its answer dropped when it panics.
        match catch_unwind(AssertUnwindSafe(|| checked_next(trigger, after))) {
            Ok(answer) => Ok(answer?.and_then(ceil)),
            Err(panic) => {
                Err(TriggerError::Panicked { name: self.name.as_ref().into(), message: text_of(&*panic) })
            }
        }
    }
}

/// The text of a panic.
fn text_of(panic: &(dyn Any + Send)) -> Box<str> {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    TriggerError::excerpt(text.unwrap_or("without a text"))
}

/// Equal when name, definition and anchor are; whether they are bound does not matter.
impl PartialEq for NamedTrigger {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
            && self.definition == other.definition
            && self.anchored_at == other.anchored_at
    }
}

impl fmt::Debug for NamedTrigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NamedTrigger")
            .field("name", &self.name)
            .field("definition", &self.definition)
            .field("is_bound", &self.is_bound())
            .field("anchored_at", &self.anchored_at)
            .finish()
    }
}

impl fmt::Display for NamedTrigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.bound, self.anchored_at) {
            (Some(trigger), None) => trigger.fmt(f),
            (Some(trigger), Some(start)) => write!(f, "{trigger} from {}", rfc3339(start)),
            (None, _) => {
                write!(f, "custom trigger {:?} (not registered here)", TriggerError::excerpt(&self.name))
            }
        }
    }
}

/// The stored form.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Definition {
    name: String,
    definition: Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    anchored_at: Option<DateTime<Utc>>,
}

impl Serialize for NamedTrigger {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let definition = self.definition().map_err(serde::ser::Error::custom)?.clone();
        Definition { name: self.name.to_string(), definition, anchored_at: self.anchored_at }
            .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for NamedTrigger {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Definition { name, definition, anchored_at } = Definition::deserialize(deserializer)?;
        let definition = checked_size(&name, definition).map_err(serde::de::Error::custom)?;
        Ok(Self {
            name: name.into(),
            definition: Arc::new(Ok(definition)),
            bound: None,
            anchored_at: anchored_at.map(floor),
        })
    }
}

/// Most values (numbers, texts, lists, objects) in the definition of a custom trigger.
const MAX_VALUES: usize = 10_000;

/// Deepest nesting of a definition, so that it still reads back from within nested combinations.
const MAX_DEPTH: usize = 32;

/// Refuses a definition that could not be read back, or that would crowd the store.
fn checked_size(name: &str, definition: Value) -> Result<Value, TriggerError> {
    let refuse = |message: String| {
        Err(TriggerError::Definition { name: TriggerError::excerpt(name), message: message.into() })
    };
    let mut values = 0;
    let mut pending = vec![(&definition, 1)];
    while let Some((value, depth)) = pending.pop() {
        values += 1;
        if depth > MAX_DEPTH {
            return refuse(format!("expected at most {MAX_DEPTH} levels, found more"));
        }
        if values > MAX_VALUES {
            return refuse(format!("expected at most {MAX_VALUES} values, found more"));
        }
        match value {
            Value::Array(items) => pending.extend(items.iter().map(|item| (item, depth + 1))),
            Value::Object(items) => pending.extend(items.values().map(|item| (item, depth + 1))),
            _ => {}
        }
    }
    Ok(definition)
}
