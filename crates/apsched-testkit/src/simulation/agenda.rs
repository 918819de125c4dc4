//! What happens when: a queue by virtual time. Events of one instant happen in the order in which they were added.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

/// What is still to happen.
#[derive(Debug)]
pub(super) struct Agenda<E> {
    events: BTreeMap<(DateTime<Utc>, u64), E>,
    added: u64,
}

impl<E> Agenda<E> {
    pub(super) const fn new() -> Self {
        Self { events: BTreeMap::new(), added: 0 }
    }

    pub(super) fn add(&mut self, at: DateTime<Utc>, event: E) {
        self.events.insert((at, self.added), event);
        self.added += 1;
    }

    pub(super) fn next(&mut self) -> Option<(DateTime<Utc>, E)> {
        self.events.pop_first().map(|((at, _), event)| (at, event))
    }
}
