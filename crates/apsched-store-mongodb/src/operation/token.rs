//! Jobs that are still as they were read: each claim on a job makes its token grow, so they are if their tokens are.

use std::collections::BTreeMap;

use apsched_core::JobId;
use apsched_core::lease::LeaseToken;
use mongodb::bson::{Document, doc};

use crate::document::schedule::count;
use crate::document::uuids;

/// A job and the token that it has as far as is known.
pub(crate) type Target = (LeaseToken, JobId);

/// Finds those of the jobs that have their tokens still, and of which the condition holds: one filter for each token.
pub(crate) fn held(targets: &[Target], condition: &Document) -> Vec<Document> {
    let mut by_token: BTreeMap<LeaseToken, Vec<JobId>> = BTreeMap::new();
    for (token, id) in targets {
        by_token.entry(*token).or_default().push(*id);
    }
    let filter = |(token, ids): (LeaseToken, Vec<JobId>)| {
        let mut filter = doc! {"_id": {"$in": uuids(ids)}, "token": count(token.number())};
        filter.extend(condition.clone());
        filter
    };
    by_token.into_iter().map(filter).collect()
}
