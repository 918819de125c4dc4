//! CBOR (RFC 8949): what JSON can say, smaller, with bytes that stay bytes.
//!
//! Bytes are parsed into data items first, in a bounded depth, and handed on from there; a length that the bytes only
//! claim to have allocates nothing.

mod item;

use apsched_core::serializer::{ReadValue, Serializer, SerializerError};
use ciborium::Value;

use item::Item;

/// Deepest nesting that is read, as in `Json`.
const MAX_DEPTH: usize = 128;

/// CBOR by `ciborium`.
///
/// ```
/// use apsched_core::Serializer;
/// use apsched_core::serializer::{self, Serializers};
/// use apsched_serializers::Cbor;
///
/// let bytes = Cbor.serialize(&("Ada", 36))?;
/// assert_eq!(bytes.len(), 7); // `["Ada",36]` has 10
/// assert_eq!(serializer::read::<(String, u8)>(&Cbor, &bytes)?, ("Ada".to_owned(), 36));
///
/// // What is more than one value is refused, and so is half of one.
/// assert!(serializer::read::<(String, u8)>(&Cbor, &[&bytes[..], &[0]].concat()).is_err());
/// assert!(serializer::read::<(String, u8)>(&Cbor, &bytes[..6]).is_err());
///
/// // A scheduler that writes CBOR still reads what was stored as JSON.
/// let serializers = Serializers::new(Cbor);
/// assert_eq!(serializers.read::<u8>("json", b"36")?, 36);
/// # Ok::<(), apsched_core::SerializerError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cbor;

impl Cbor {
    const NAME: &'static str = "cbor";

    fn unreadable(reason: impl ToString) -> SerializerError {
        SerializerError::Read { serializer: Self::NAME, reason: reason.to_string() }
    }
}

impl Serializer for Cbor {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn serialize(&self, value: &dyn erased_serde::Serialize) -> Result<Vec<u8>, SerializerError> {
        let mut bytes = Vec::new();
        ciborium::into_writer(value, &mut bytes)
            .map_err(|error| SerializerError::Write { serializer: Self::NAME, reason: error.to_string() })?;
        Ok(bytes)
    }

    fn deserialize(&self, bytes: &[u8], read: &mut ReadValue<'_>) -> Result<(), SerializerError> {
        let mut rest = bytes;
        let value: Value =
            ciborium::de::from_reader_with_recursion_limit(&mut rest, MAX_DEPTH).map_err(Self::unreadable)?;
        if !rest.is_empty() {
            let position = bytes.len() - rest.len();
            return Err(Self::unreadable(format!(
                "expected the end after {position} bytes, found {} more",
                rest.len()
            )));
        }
        read(&mut <dyn erased_serde::Deserializer<'_>>::erase(Item(value))).map_err(Self::unreadable)
    }
}
