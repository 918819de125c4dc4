//! The cases of the serializer contract, a file for each concept.

pub(crate) mod model;
pub(crate) mod refusal;
pub(crate) mod value;
