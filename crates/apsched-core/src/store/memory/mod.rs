//! m
use super::*;
#[derive(Debug)] pub struct MemoryStore;
