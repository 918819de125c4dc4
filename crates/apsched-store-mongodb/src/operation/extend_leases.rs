//! Prolongs leases on jobs, and tells which are lost.

use std::collections::HashMap;

use apsched_core::store::{ExtendLeases, LeaseReport};
use apsched_core::{JobId, LeaseToken, instant};
use mongodb::ClientSession;
use mongodb::bson::{Uuid, doc};
use serde::Deserialize;

use crate::connection::Connection;
use crate::document::lease::LeaseDocument;
use crate::document::schedule::uncount;
use crate::document::{self, job_id_of, uuids};
use crate::error::Outcome;
use crate::statement;
use crate::transaction::{Patience, Work};

/// What a claim is seen by.
#[derive(Deserialize)]
struct ClaimDocument {
    #[serde(rename = "_id")]
    id: Uuid,
    token: i64,
    lease: LeaseDocument,
    cancel_requested: Option<bool>,
}

pub(crate) async fn extend(connection: &Connection, request: &ExtendLeases) -> Outcome<LeaseReport> {
    if request.jobs.is_empty() {
        return Ok(LeaseReport::default());
    }
    connection.transaction(Patience::Long, &Extend { connection, request }).await
}

struct Extend<'a> {
    connection: &'a Connection,
    request: &'a ExtendLeases,
}

impl Work for Extend<'_> {
    type Done = LeaseReport;

    async fn run(&self, session: &mut ClientSession) -> Outcome<LeaseReport> {
        let Self { connection, request } = *self;
        let claims = claims(connection, session, request).await?;
        let mut report = LeaseReport::default();
        let mut held = Vec::with_capacity(request.jobs.len());
        for job in &request.jobs {
            match claims.get(&job.job_id) {
                Some((token, cancel)) if *token == job.token => {
                    held.push(job.job_id);
                    report.cancelled.extend(cancel.then_some(job.job_id));
                }
                _ => report.lost.push(job.job_id),
            }
        }
        if !held.is_empty() {
            let until = instant::after(request.now, request.lease).timestamp_micros();
            let prolonged = doc! {"$set": {"lease.until": until}};
            let write =
                connection.collections().jobs.update_many(doc! {"_id": {"$in": uuids(held)}}, prolonged);
            write.session(&mut *session).await?;
        }
        Ok(report)
    }
}

/// The tokens of the caller's claims, and whether the job is to stop.
async fn claims(
    connection: &Connection,
    session: &mut ClientSession,
    request: &ExtendLeases,
) -> Outcome<HashMap<JobId, (LeaseToken, bool)>> {
    let ids = uuids(request.jobs.iter().map(|job| job.job_id));
    let fields = doc! {"token": 1, "lease": 1, "cancel_requested": 1};
    let held = doc! {"_id": {"$in": ids}, "lease.holder": request.scheduler_id.to_string()};
    let found = connection.collections().jobs.find(held).projection(fields).session(&mut *session).await?;
    let mut claims = HashMap::new();
    for raw in statement::all(found, session).await? {
        let Ok(claim) = document::read::<ClaimDocument>(&raw) else { continue };
        let Ok(token) = uncount("token", claim.token).map(LeaseToken::new) else { continue };
        if claim.lease.with_token(token).is_held_by(&request.scheduler_id, token) {
            claims.insert(job_id_of(claim.id), (token, claim.cancel_requested == Some(true)));
        }
    }
    Ok(claims)
}
