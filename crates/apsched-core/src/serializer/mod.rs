//! How values become bytes: the [`Serializer`] contract, and which serializer reads what a store holds.
//!
//! Stored bytes stand beside the name of the serializer that wrote them, so a store that was written by JSON and CBOR
//! schedulers at once reads back. Only data is read: no format here can name code to run.

mod json;

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, de::DeserializeOwned};

pub use json::Json;

/// Largest encoded payload or result by default, in bytes.
pub const DEFAULT_MAX_PAYLOAD_BYTES: usize = 4 * 1024 * 1024;

/// Why a value did not become bytes, or bytes no value.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SerializerError {
    /// The value cannot be expressed in the format.
    #[error("write a value as {serializer}: {reason}")]
    Write {
        /// Name of the serializer.
        serializer: &'static str,
        /// What it said.
        reason: String,
    },
    /// The bytes are not a value of the type that was asked for.
    #[error("read a value from {serializer}: {reason}")]
    Read {
        /// Name of the serializer.
        serializer: &'static str,
        /// What it said.
        reason: String,
    },
    /// The bytes were written by a serializer that this scheduler does not have.
    #[error("read a value from {name:?}: no such serializer here, only {known}")]
    Unknown {
        /// The serializer's name as stored.
        name: String,
        /// The names that are known.
        known: String,
    },
    /// The encoded value is larger than the limit.
    #[error("a value of {bytes} bytes: expected at most {limit}")]
    TooLarge {
        /// Size of the encoded value.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
}

/// Reads one value from the deserializer it is handed; used by [`Serializer::deserialize`].
pub type ReadValue<'a> =
    dyn FnMut(&mut dyn erased_serde::Deserializer<'_>) -> Result<(), erased_serde::Error> + 'a;

/// A format for payloads, results and triggers.
///
/// The format must be self-describing (as JSON, CBOR and MessagePack are): triggers are read by their tag.
pub trait Serializer: fmt::Debug + Send + Sync + 'static {
    /// Name that is stored beside the bytes; never change it once bytes are stored.
    fn name(&self) -> &'static str;

    /// Turns a value into bytes.
    ///
    /// # Errors
    /// [`SerializerError::Write`] when the format cannot express the value.
    fn serialize(&self, value: &dyn erased_serde::Serialize) -> Result<Vec<u8>, SerializerError>;

    /// Hands a deserializer over `bytes` to `read`, then checks that nothing is left.
    ///
    /// # Errors
    /// [`SerializerError::Read`] when the bytes are malformed, do not fit what `read` expects, or go on after the value.
    fn deserialize(&self, bytes: &[u8], read: &mut ReadValue<'_>) -> Result<(), SerializerError>;
}

/// Reads a `T` from bytes.
///
/// ```
/// use apsched_core::serializer::{self, Json, Serializer};
///
/// let bytes = Json.serialize(&("Ada", 36))?;
/// assert_eq!(serializer::read::<(String, u8)>(&Json, &bytes)?, ("Ada".to_owned(), 36));
/// assert!(serializer::read::<u8>(&Json, b"36 and more").is_err());
/// # Ok::<(), apsched_core::SerializerError>(())
/// ```
///
/// # Errors
/// [`SerializerError::Read`] when the bytes are not a `T`.
pub fn read<T: DeserializeOwned>(serializer: &dyn Serializer, bytes: &[u8]) -> Result<T, SerializerError> {
    let mut value = None;
    serializer.deserialize(bytes, &mut |deserializer| {
        value = Some(erased_serde::deserialize(deserializer)?);
        Ok(())
    })?;
    value.ok_or_else(|| SerializerError::Read {
        serializer: serializer.name(),
        reason: "the serializer did not read a value".to_owned(),
    })
}

/// The serializers of a scheduler: the one it writes with, and all it can read.
#[derive(Clone, Debug)]
pub struct Serializers {
    own: Arc<dyn Serializer>,
    known: Vec<Arc<dyn Serializer>>,
    max_bytes: usize,
}

impl Default for Serializers {
    fn default() -> Self {
        Self::new(Json)
    }
}

impl Serializers {
    /// Writes with `own`; reads what `own` and [`Json`] wrote.
    #[must_use]
    pub fn new(own: impl Serializer) -> Self {
        let own: Arc<dyn Serializer> = Arc::new(own);
        Self { known: vec![own.clone(), Arc::new(Json)], own, max_bytes: DEFAULT_MAX_PAYLOAD_BYTES }
    }

    /// Reads also what `serializer` wrote.
    #[must_use]
    pub fn reading(mut self, serializer: impl Serializer) -> Self {
        self.known.push(Arc::new(serializer));
        self
    }

    /// Refuses values whose encoded form is larger. Default [`DEFAULT_MAX_PAYLOAD_BYTES`].
    #[must_use]
    pub const fn max_bytes(mut self, limit: usize) -> Self {
        self.max_bytes = limit;
        self
    }

    /// Name of the serializer that writes.
    #[must_use]
    pub fn own_name(&self) -> &'static str {
        self.own.name()
    }

    /// Writes a value; gives the serializer's name and the bytes.
    ///
    /// # Errors
    /// [`SerializerError::Write`] when the format cannot express the value, [`SerializerError::TooLarge`] when the
    /// bytes are over the limit.
    pub fn write(
        &self,
        value: &dyn erased_serde::Serialize,
    ) -> Result<(&'static str, Vec<u8>), SerializerError> {
        let bytes = self.own.serialize(value)?;
        self.check_size(&bytes)?;
        Ok((self.own.name(), bytes))
    }

    /// Reads a value that the serializer called `name` wrote.
    ///
    /// # Errors
    /// [`SerializerError::Unknown`] when there is no such serializer here, [`SerializerError::TooLarge`] when the bytes
    /// are over the limit, [`SerializerError::Read`] when they are not a `T`.
    pub fn read<T: DeserializeOwned>(&self, name: &str, bytes: &[u8]) -> Result<T, SerializerError> {
        self.check_size(bytes)?;
        let serializer = self.known.iter().find(|known| known.name() == name).ok_or_else(|| {
            let mut known: Vec<_> = self.known.iter().map(|known| known.name()).collect();
            known.dedup();
            SerializerError::Unknown { name: name.to_owned(), known: known.join(", ") }
        })?;
        read(&**serializer, bytes)
    }

    fn check_size(&self, bytes: &[u8]) -> Result<(), SerializerError> {
        if bytes.len() > self.max_bytes {
            return Err(SerializerError::TooLarge { bytes: bytes.len(), limit: self.max_bytes });
        }
        Ok(())
    }
}

/// Whether two values are written alike; how live payloads are compared.
pub(crate) fn is_written_alike(a: &dyn erased_serde::Serialize, b: &dyn erased_serde::Serialize) -> bool {
    matches!((Json.serialize(a), Json.serialize(b)), (Ok(a), Ok(b)) if a == b)
}

/// Compile-time check that a value can be handed to a [`Serializer`].
pub(crate) const fn erased<T: Serialize>(value: &T) -> &dyn erased_serde::Serialize {
    value
}
