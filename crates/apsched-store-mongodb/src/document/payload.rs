//! A payload as it stands in a document: the bytes, and the name of the serializer that wrote them.

use std::sync::Arc;

use apsched_core::serializer::Serializers;
use apsched_core::{EncodedPayload, Payload, PayloadError};
use mongodb::bson::Binary;
use mongodb::bson::spec::BinarySubtype;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PayloadDocument {
    serializer: Arc<str>,
    bytes: Binary,
}

impl PayloadDocument {
    /// Payloads arrive encoded, as the store asks for; a value that is not is written as JSON.
    pub(crate) fn of(payload: &Payload) -> Result<Self, PayloadError> {
        let encoded = payload.clone().into_encoded(&Serializers::default())?;
        let bytes = Binary { subtype: BinarySubtype::Generic, bytes: encoded.bytes.to_vec() };
        Ok(Self { serializer: encoded.serializer, bytes })
    }

    /// The payload of a document; where there is none, it was not asked for.
    pub(crate) fn read(payload: Option<Self>) -> Payload {
        payload.map_or_else(Payload::unit, |Self { serializer, bytes }| {
            EncodedPayload { serializer, bytes: Arc::from(bytes.bytes) }.into()
        })
    }
}
