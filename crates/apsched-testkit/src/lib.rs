//! x
pub mod conformance;
pub mod sample;
