//! Which jobs are leased until when.
//!
//! All jobs of one claim share their end, so the index has one entry a claim, not one a job.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::id::JobId;

#[derive(Debug, Default)]
pub(super) struct LeaseIndex {
    claims: BTreeMap<DateTime<Utc>, Claim>,
}

/// The jobs whose lease was given until one instant. Those that have left stay listed until the last one has.
#[derive(Debug, Default)]
struct Claim {
    jobs: Vec<JobId>,
    live: usize,
}

impl LeaseIndex {
    pub(super) fn insert(&mut self, until: DateTime<Utc>, job: JobId) {
        let claim = self.claims.entry(until).or_default();
        claim.jobs.push(job);
        claim.live += 1;
    }

    /// Forgets one job leased until `until`.
    pub(super) fn remove(&mut self, until: DateTime<Utc>) {
        if let Some(claim) = self.claims.get_mut(&until) {
            claim.live -= 1;
            if claim.live == 0 {
                self.claims.remove(&until);
            }
        }
    }

    /// The earliest end of a lease.
    pub(super) fn first_end(&self) -> Option<DateTime<Utc>> {
        self.claims.keys().next().copied()
    }

    /// Jobs that are or were leased, earliest end first; the caller checks which still are.
    pub(super) fn jobs(&self) -> impl Iterator<Item = (DateTime<Utc>, JobId)> {
        self.claims.iter().flat_map(|(until, claim)| claim.jobs.iter().map(|job| (*until, *job)))
    }
}
