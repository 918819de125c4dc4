//! JSON, the default: readable in every database, at home in every language.

use super::{ReadValue, Serializer, SerializerError};

/// JSON by `serde_json`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Json;

impl Json {
    fn unreadable(reason: impl ToString) -> SerializerError {
        SerializerError::Read { serializer: "json", reason: reason.to_string() }
    }
}

impl Serializer for Json {
    fn name(&self) -> &'static str {
        "json"
    }

    fn serialize(&self, value: &dyn erased_serde::Serialize) -> Result<Vec<u8>, SerializerError> {
        serde_json::to_vec(value)
            .map_err(|error| SerializerError::Write { serializer: "json", reason: error.to_string() })
    }

    fn deserialize(&self, bytes: &[u8], read: &mut ReadValue<'_>) -> Result<(), SerializerError> {
        let mut deserializer = serde_json::Deserializer::from_slice(bytes);
        read(&mut <dyn erased_serde::Deserializer<'_>>::erase(&mut deserializer))
            .map_err(Self::unreadable)?;
        deserializer.end().map_err(Self::unreadable)
    }
}
