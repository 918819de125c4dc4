//! What a task is given and what it returns: a live value in memory, bytes elsewhere.
//!
//! A store that stays in one process keeps the value itself, shared, and hands each run a clone (or the value, when
//! nobody else holds it). Other stores keep bytes with the name of their serializer.

use std::any::{Any, TypeId};
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::serializer::{self, SerializerError, Serializers};

/// What can be a task's payload or result: an owned value that serde writes and reads.
///
/// Implemented for every type that fits; nothing to implement by hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a task's payload or result",
    label = "needs `Serialize + DeserializeOwned + Clone + Send + Sync + 'static`",
    note = "derive `serde::Serialize`, `serde::Deserialize` and `Clone` for it",
    note = "an extractor that is the first argument of a `#[task]` is marked: `#[extract] argument: {Self}`"
)]
pub trait TaskValue: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {}

impl<T: Serialize + DeserializeOwned + Clone + Send + Sync + 'static> TaskValue for T {}

trait LiveValue: Any + Send + Sync {
    fn as_serialize(&self) -> &dyn erased_serde::Serialize;
    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
    fn type_name(&self) -> &'static str;
}

impl<T: TaskValue> LiveValue for T {
    fn as_serialize(&self) -> &dyn erased_serde::Serialize {
        serializer::erased(self)
    }

    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }

    fn type_name(&self) -> &'static str {
        std::any::type_name::<T>()
    }
}

/// A value in the form in which its store keeps it.
#[derive(Clone, Default)]
pub struct Payload(Form);

#[derive(Clone, Default)]
enum Form {
    #[default]
    Unit,
    Live(Arc<dyn LiveValue>),
    /// Behind a pointer: idle schedules are many, and each holds a payload.
    Encoded(Arc<EncodedPayload>),
}

/// The form of payloads that a store keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadForm {
    /// Values as they are: the store never leaves this process.
    Live,
    /// Bytes, written by the scheduler's serializer.
    Encoded,
}

/// Bytes, and who can read them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncodedPayload {
    /// Name of the serializer that wrote the bytes.
    pub serializer: Arc<str>,
    /// The written value.
    pub bytes: Arc<[u8]>,
}

/// Why a payload could not be turned into the value that was asked for.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PayloadError {
    /// The live value is of another type.
    #[error("a payload of type {expected}: found {found}")]
    WrongType {
        /// Type that was asked for.
        expected: &'static str,
        /// Type of the value.
        found: &'static str,
    },
    /// The bytes could not be written or read.
    #[error(transparent)]
    Serializer(#[from] SerializerError),
}

impl Payload {
    /// Keeps the value itself.
    ///
    /// ```
    /// use apsched_core::{Payload, serializer::Serializers};
    ///
    /// let payload = Payload::live("Ada".to_owned());
    /// assert_eq!(payload.into_value::<String>(&Serializers::default())?, "Ada");
    /// # Ok::<(), apsched_core::PayloadError>(())
    /// ```
    #[must_use]
    pub fn live<T: TaskValue>(value: T) -> Self {
        if TypeId::of::<T>() == TypeId::of::<()>() {
            return Self(Form::Unit);
        }
        Self(Form::Live(Arc::new(value)))
    }

    /// The value `()`, for tasks without a payload; takes no memory.
    #[must_use]
    pub const fn unit() -> Self {
        Self(Form::Unit)
    }

    /// A value in the form that a store keeps.
    ///
    /// # Errors
    /// [`PayloadError::Serializer`] when the value cannot be written or is too large.
    pub fn new<T: TaskValue>(
        value: T,
        form: PayloadForm,
        serializers: &Serializers,
    ) -> Result<Self, PayloadError> {
        match form {
            PayloadForm::Live => Ok(Self::live(value)),
            PayloadForm::Encoded => Self::live(value).into_encoded(serializers).map(Self::from),
        }
    }

    /// Writes a live value; leaves an encoded one as it is.
    ///
    /// # Errors
    /// [`PayloadError::Serializer`] when the value cannot be written or is too large.
    pub fn into_encoded(self, serializers: &Serializers) -> Result<EncodedPayload, PayloadError> {
        let (name, bytes) = match &self.0 {
            Form::Encoded(encoded) => return Ok(EncodedPayload::clone(encoded)),
            Form::Unit => serializers.write(&())?,
            Form::Live(value) => serializers.write(value.as_serialize())?,
        };
        Ok(EncodedPayload { serializer: Arc::from(name), bytes: Arc::from(bytes) })
    }

    /// The value, as the type the task declares.
    ///
    /// A live value that nobody else holds is moved out, another is cloned.
    ///
    /// # Errors
    /// [`PayloadError::WrongType`] when a live value is of another type, [`PayloadError::Serializer`] when bytes
    /// cannot be read as a `T`.
    pub fn into_value<T: TaskValue>(self, serializers: &Serializers) -> Result<T, PayloadError> {
        match self.0 {
            Form::Unit => (&() as &dyn Any)
                .downcast_ref::<T>()
                .cloned()
                .ok_or_else(|| PayloadError::WrongType { expected: std::any::type_name::<T>(), found: "()" }),
            Form::Live(value) => {
                let found = value.type_name();
                let value = value
                    .into_any()
                    .downcast::<T>()
                    .map_err(|_| PayloadError::WrongType { expected: std::any::type_name::<T>(), found })?;
                Ok(Arc::unwrap_or_clone(value))
            }
            Form::Encoded(encoded) => Ok(serializers.read(&encoded.serializer, &encoded.bytes)?),
        }
    }

    /// Whether both stand for one value: the same bytes, or live values that are written alike.
    #[must_use]
    pub fn is_same_value(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Form::Unit, Form::Unit) => true,
            (Form::Live(a), Form::Live(b)) => {
                Arc::ptr_eq(a, b) || serializer::is_written_alike(a.as_serialize(), b.as_serialize())
            }
            (Form::Encoded(a), Form::Encoded(b)) => a == b,
            _ => false,
        }
    }
}

impl From<EncodedPayload> for Payload {
    fn from(encoded: EncodedPayload) -> Self {
        Self(Form::Encoded(Arc::new(encoded)))
    }
}

impl fmt::Debug for Payload {
    /// Names the form and the type, never the value: payloads may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Form::Unit => f.write_str("Payload(())"),
            Form::Live(value) => write!(f, "Payload(live {})", value.type_name()),
            Form::Encoded(encoded) => {
                write!(f, "Payload({} bytes of {})", encoded.bytes.len(), encoded.serializer)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_live_value_of_another_type_is_refused_by_name() {
        let error = Payload::live(7_u8).into_value::<String>(&Serializers::default()).unwrap_err();
        assert_eq!(error.to_string(), "a payload of type alloc::string::String: found u8");
    }

    #[test]
    fn bytes_of_an_unknown_serializer_are_refused_by_name() {
        let encoded = EncodedPayload { serializer: Arc::from("yaml"), bytes: Arc::from(&b"1"[..]) };
        let error = Payload::from(encoded).into_value::<u8>(&Serializers::default()).unwrap_err();
        assert_eq!(error.to_string(), r#"read a value from "yaml": no such serializer here, only json"#);
    }

    #[test]
    fn payloads_are_compared_by_value() {
        let (a, b) = (Payload::live(vec![1, 2]), Payload::live(vec![1, 2]));
        assert!(a.is_same_value(&b));
        assert!(!a.is_same_value(&Payload::live(vec![1])));
        assert!(!a.is_same_value(&Payload::unit()));
    }

    #[test]
    fn a_value_over_the_limit_is_refused() {
        let serializers = Serializers::default().max_bytes(8);
        let error = Payload::new("much too long".to_owned(), PayloadForm::Encoded, &serializers).unwrap_err();
        assert_eq!(error.to_string(), "a value of 15 bytes: expected at most 8");
    }

    #[test]
    fn debug_shows_no_value() {
        assert_eq!(
            format!("{:?}", Payload::live("secret".to_owned())),
            "Payload(live alloc::string::String)"
        );
    }
}
