//! Rows that cannot be decoded: which they are, and which of them nobody has heard of yet.

use std::collections::BTreeMap;
use std::fmt::Display;

use apsched_core::StoreError;
use apsched_core::store::StoreResult;

/// What is told of every such row.
pub(crate) const REASON: &str = "spoiled";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Report {
    Due,
    Made,
}

/// The spoiled rows of one table.
#[derive(Debug)]
pub(crate) struct Spoiled<Id> {
    what: &'static str,
    rows: BTreeMap<Id, Report>,
}

impl<Id: Clone + Ord + Display> Spoiled<Id> {
    /// None yet; `what` is what a row of the table is called.
    pub(crate) const fn none(what: &'static str) -> Self {
        Self { what, rows: BTreeMap::new() }
    }

    pub(crate) fn insert(&mut self, id: Id) {
        self.rows.insert(id, Report::Due);
    }

    /// The row is whole again, or gone.
    pub(crate) fn remove(&mut self, id: &Id) {
        self.rows.remove(id);
    }

    /// Those to be reported now; they are not reported again.
    pub(crate) fn unreported(&mut self) -> Vec<Id> {
        let due = self.rows.iter_mut().filter(|(_, report)| **report == Report::Due);
        due.map(|(id, report)| {
            *report = Report::Made;
            id.clone()
        })
        .collect()
    }

    /// All of them are to be reported, however often they were.
    pub(crate) fn forget_reports(&mut self) {
        self.rows.values_mut().for_each(|report| *report = Report::Due);
    }

    pub(crate) fn contains(&self, id: &Id) -> bool {
        self.rows.contains_key(id)
    }

    /// The answer to who asks for a row.
    pub(crate) fn readable(&self, id: &Id) -> StoreResult<()> {
        if self.contains(id) {
            return Err(StoreError::Unreadable {
                what: self.what,
                id: id.to_string(),
                reason: REASON.to_owned(),
            });
        }
        Ok(())
    }
}
