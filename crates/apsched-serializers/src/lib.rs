//! Serializers for apsched: how payloads and results become bytes in a data store.
//!
//! | serializer | choose it for |
//! |---|---|
//! | `Json`, in `apsched-core` (the default) | values that people read in the database |
//! | [`Cbor`], feature `cbor` (on by default) | smaller values; bytes that are not text |
//!
//! Stored bytes carry the name of their serializer, so a store that was written by both reads back. Reading builds data
//! and nothing else: no format here can name code to run.

#[cfg(feature = "cbor")]
mod cbor;

#[cfg(feature = "cbor")]
pub use cbor::Cbor;
