//! Keeps what a running job says about itself.

use apsched_core::event::{Event, JobProgressed};
use apsched_core::store::HeldJob;
use apsched_core::{Progress, SchedulerId, StoreError};
use mongodb::bson::doc;

use crate::connection::Connection;
use crate::document::schedule::count;
use crate::document::uuid;
use crate::error::Outcome;
use crate::statement;

/// One document, so one statement whose condition is the claim. Somebody who has locked it is waited for, two seconds at most.
pub(crate) async fn set(
    connection: &Connection,
    job: HeldJob,
    holder: &SchedulerId,
    progress: &Progress,
) -> Outcome<Vec<Event>> {
    let held = doc! {
        "_id": uuid(job.job_id),
        "token": count(job.token.number()),
        "lease.holder": holder.to_string(),
    };
    let progress = doc! {"fraction": f64::from(progress.fraction), "message": &progress.message};
    let collections = connection.collections();
    let write = vec![(held, doc! {"$set": {"progress": progress}})];
    if statement::update_singly(collections, &collections.jobs, write).await? == 0 {
        return Err(StoreError::LeaseLost { job_id: job.job_id, holder: holder.clone() }.into());
    }
    Ok(vec![JobProgressed::new(job.job_id).into()])
}
