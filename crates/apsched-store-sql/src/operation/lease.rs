//! Leases on jobs: prolonging them, and what their holders may do.

use std::collections::HashMap;

use apsched_core::event::{Event, JobProgressed};
use apsched_core::store::{ExtendLeases, HeldJob, LeaseReport};
use apsched_core::{JobId, Progress, SchedulerId, StoreError, instant};

use crate::dialect::Dialect;
use crate::error::SqlResult;
use crate::row::json;
use crate::session::Session;
use crate::statement::{Statement, statement};
use crate::value::{Json, Params, Value};

const EXTEND_LEASES: Statement = statement!("extend_leases");
const EXTEND_LEASES_POSTGRES: Statement = statement!("extend_leases.postgres");
const EXTEND_LEASES_MYSQL: Statement = statement!("extend_leases.mysql");
const CLAIMS_MYSQL: Statement = statement!("claims.mysql");
const CANCEL_REQUESTS: Statement = statement!("cancel_requests");
const SET_PROGRESS: Statement = statement!("set_progress");

pub(crate) async fn extend(session: &mut Session<'_>, request: &ExtendLeases) -> SqlResult<LeaseReport> {
    let claims = claims(request.jobs.iter().copied());
    let holder = Params::new().with("holder", &request.scheduler_id);
    let until = holder.clone().with("until", instant::after(request.now, request.lease));
    let rows = match session.dialect() {
        Dialect::Sqlite => session.fetch_rows(EXTEND_LEASES, until, "held", claims).await?,
        Dialect::Postgres => session.fetch_rows(EXTEND_LEASES_POSTGRES, until, "held", claims).await?,
        Dialect::MySql => {
            let rows = session.fetch_rows(CLAIMS_MYSQL, holder, "held", claims.clone()).await?;
            session.execute_rows(EXTEND_LEASES_MYSQL, until, "held", claims).await?;
            rows
        }
    };
    let mut held = HashMap::new();
    for mut row in rows {
        held.insert(row.job_id("id")?, row.int("cancel_requested")? != 0);
    }
    let mut report = LeaseReport::default();
    for claim in &request.jobs {
        match held.get(&claim.job_id) {
            None => report.lost.push(claim.job_id),
            Some(true) => report.cancelled.push(claim.job_id),
            Some(false) => {}
        }
    }
    Ok(report)
}

/// Claims as statements are given them: in order of id. By this order they are locked, so that two who lock some of the same
/// wait for each other only one way.
pub(crate) fn claims(claims: impl Iterator<Item = HeldJob>) -> Vec<[Value; 2]> {
    let mut claims: Vec<_> = claims.collect();
    claims.sort_unstable_by_key(|claim| claim.job_id);
    claims.into_iter().map(|claim| [claim.job_id.into(), claim.token.number().into()]).collect()
}

/// The jobs in the hands of a scheduler that are to stop.
pub(crate) async fn cancel_requests(
    session: &mut Session<'_>,
    holder: &SchedulerId,
) -> SqlResult<Vec<JobId>> {
    let rows = session.fetch(CANCEL_REQUESTS, &Params::new().with("holder", holder)).await?;
    Ok(rows.into_iter().map(|mut row| row.job_id("id")).collect::<Result<_, _>>()?)
}

pub(crate) async fn set_progress(
    session: &mut Session<'_>,
    job: HeldJob,
    holder: &SchedulerId,
    progress: &Progress,
) -> SqlResult<Vec<Event>> {
    let params = Params::new()
        .with("id", job.job_id)
        .with("token", job.token.number())
        .with("holder", holder)
        .with("progress", Json(Some(json(progress))));
    if session.execute(SET_PROGRESS, &params).await? == 0 {
        return Err(StoreError::LeaseLost { job_id: job.job_id, holder: holder.clone() }.into());
    }
    Ok(vec![JobProgressed::new(job.job_id).into()])
}
