//! Prolongs leases on jobs, and tells which are lost.
//!
//! Each job for itself: nothing connects them, and in a transaction the progress that one of them tells meanwhile would roll back all.

use std::collections::HashSet;

use apsched_core::store::{ExtendLeases, LeaseReport};
use apsched_core::{JobId, instant};
use futures_util::TryStreamExt;
use mongodb::bson::{RawDocumentBuf, doc};
use mongodb::options::ReadConcern;

use super::leasing::{Growth, Leasing};
use crate::connection::Connection;
use crate::document::{job_id, uuids};
use crate::error::{Outcome, unavailable};
use crate::statement;

pub(crate) async fn extend(connection: &Connection, request: &ExtendLeases) -> Outcome<LeaseReport> {
    if request.jobs.is_empty() {
        return Ok(LeaseReport::default());
    }
    let until = instant::after(request.now, request.lease);
    let leasing = Leasing {
        connection,
        holder: &request.scheduler_id,
        until,
        growth: Growth::None,
        condition: doc! {"lease.holder": request.scheduler_id.to_string()},
        update: doc! {"$set": {"lease.until": until.timestamp_micros()}},
    };
    let targets = request.jobs.iter().map(|job| (job.token, job.job_id)).collect();
    let leased = leasing.write(targets).await?;
    let is_held = |id: &JobId| leased.jobs.contains(id);
    if leased.was_locked && !request.jobs.iter().all(|job| is_held(&job.job_id)) {
        // Whether the others are lost cannot be told; asked again, those that are prolonged by now are so once more.
        return Err(unavailable("store.extend_leases", "somebody has locked a job for seconds").into());
    }
    let cancelled = cancelled(connection, &leased.jobs).await?;
    let ids = || request.jobs.iter().map(|job| job.job_id);
    Ok(LeaseReport {
        lost: ids().filter(|id| !is_held(id)).collect(),
        cancelled: ids().filter(|id| cancelled.contains(id)).collect(),
    })
}

/// Those of the jobs that somebody wants to be stopped.
async fn cancelled(connection: &Connection, jobs: &HashSet<JobId>) -> Outcome<HashSet<JobId>> {
    let to_stop = doc! {"_id": {"$in": uuids(jobs.iter().copied())}, "cancel_requested": true};
    let found = connection.collections().jobs.find(to_stop).projection(doc! {"_id": 1});
    let found = found.hint(statement::by_id()).read_concern(ReadConcern::local());
    let found: Vec<RawDocumentBuf> = found.await?.try_collect().await?;
    Ok(found.iter().filter_map(|raw| job_id(raw)).collect())
}
