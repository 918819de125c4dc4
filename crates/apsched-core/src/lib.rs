//! Placeholder.

pub mod trigger;
