//! What the tests of the SQL store share.

pub(crate) mod database;
pub(crate) mod dropped_start;
pub(crate) mod spoil;
pub(crate) mod suite;
pub(crate) mod transaction;
