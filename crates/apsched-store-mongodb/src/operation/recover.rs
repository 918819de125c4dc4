//! Takes back what vanished schedulers hold, and ends queued jobs that can no longer start in time.

use apsched_core::event::{Event, EventInterest, Wakeup};
use apsched_core::job::{FinishedAttempt, JobOutcome};
use apsched_core::lease::Lease;
use apsched_core::store::{Recover, RecoverScope};
use apsched_core::{Job, LeaseToken};
use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;
use mongodb::ClientSession;
use mongodb::bson::{Document, RawDocument, RawDocumentBuf, doc};
use mongodb::options::ReadConcern;

use super::parts::next_part;
use super::release_jobs::running_jobs;
use crate::connection::Connection;
use crate::crowd::Crowd;
use crate::divide::DivisibleWork;
use crate::document::job::{JobDocument, without_payload};
use crate::document::lease::Holder;
use crate::document::{DocumentId, number, text};
use crate::error::Outcome;
use crate::job_changes::JobChanges;
use crate::statement;
use crate::transaction::{Patience, Work};

pub(crate) async fn recover(connection: &Connection, request: &Recover) -> Outcome<Vec<Event>> {
    let events = recover_jobs(connection, request).await?;
    let events = next_part(events, end_missed(connection, request)).await?;
    match request.scope {
        RecoverScope::ExpiredAndPredecessors => {
            next_part(events, drop_schedule_leases(connection, request)).await
        }
        RecoverScope::Expired => Ok(events),
    }
}

async fn recover_jobs(connection: &Connection, request: &Recover) -> Outcome<Vec<Event>> {
    let orphans = orphans(connection, request).await?;
    if orphans.is_empty() {
        return Ok(Vec::new());
    }
    let mut events = Vec::new();
    let mut wakeup = None;
    for (caused, at) in
        connection.divided(&orphans, &Crowd::default(), &TakeBack { connection, request }).await?.done
    {
        events.extend(caused);
        wakeup = wakeup.into_iter().chain(at).min();
    }
    events.extend(wakeup.map(|at: DateTime<Utc>| Wakeup::jobs(at).into()));
    Ok(events)
}

/// The ids of jobs that lost their worker, earliest end of the lease first. A lease that cannot be read is nobody's, and its job one
/// of them: else it kept its slot for good.
async fn orphans(connection: &Connection, request: &Recover) -> Outcome<Vec<DocumentId>> {
    let limit = i64::try_from(request.limit).unwrap_or(i64::MAX);
    if limit == 0 {
        return Ok(Vec::new());
    }
    let mut until = doc! {"$exists": true};
    if request.scope == RecoverScope::Expired {
        // Whatever is no number is not greater than one.
        until.insert("$not", doc! {"$gt": request.now.timestamp_micros()});
    }
    let leased = doc! {"task_id": {"$gte": ""}, "lease.until": until};
    let mut found = connection.collections().jobs.find(leased).sort(doc! {"lease.until": 1, "_id": 1});
    if request.scope == RecoverScope::Expired {
        found = found.limit(limit);
    }
    let found = found.projection(doc! {"lease": 1}).read_concern(ReadConcern::local()).allow_disk_use(true);
    let mut found = found.await?;
    let mut orphans = Vec::new();
    while let Some(raw) = found.try_next().await? {
        let is_covered = lease(&raw).is_none_or(|lease| is_covered(&lease, request));
        orphans.extend(DocumentId::of(&raw).filter(|_| is_covered));
        if orphans.len() >= request.limit {
            break;
        }
    }
    Ok(orphans)
}

fn is_covered(lease: &Lease, request: &Recover) -> bool {
    request.scope.covers(lease, &request.scheduler_id, request.now)
}

/// Holder and end of a lease, if it can be read; its token does not matter here.
fn lease(raw: &RawDocument) -> Option<Lease> {
    let lease = raw.get_document("lease").ok()?;
    let until = DateTime::from_timestamp_micros(number(lease, "until")?)?;
    let holder = Holder::parse(text(lease, "holder")?)?;
    Some(Lease { holder: holder.0, token: LeaseToken::default(), until })
}

/// Releases jobs that are still orphans, and puts those aside that cannot be read.
struct TakeBack<'a> {
    connection: &'a Connection,
    request: &'a Recover,
}

impl DivisibleWork for TakeBack<'_> {
    type Item = DocumentId;
    /// What it caused, and when there is something to acquire.
    type Done = (Vec<Event>, Option<DateTime<Utc>>);

    async fn run_for(&self, ids: &[DocumentId], session: &mut ClientSession) -> Outcome<Self::Done> {
        let Self { connection, request } = *self;
        let mut changes = JobChanges::new(EventInterest::ALL);
        let mut jobs = running_jobs(connection, session, DocumentId::all(ids), &mut changes).await?;
        let mut random = fastrand::Rng::with_seed(request.seed);
        // The slot of one that is put aside is free as well.
        let mut wakeup = (!changes.is_empty()).then_some(request.now);
        for id in ids {
            let job = id.job_id().and_then(|id| jobs.remove(&id));
            let still_orphaned =
                |job: &Job| job.lease.as_ref().is_some_and(|lease| is_covered(lease, request));
            let Some(mut job) = job.filter(still_orphaned) else { continue };
            let release = job.recover(request.now, random.f64());
            // Its slot is free at once, and somebody may wait for it.
            let waits_from = changes.end_claim(job, release, request.now);
            wakeup =
                wakeup.into_iter().chain([waits_from.map_or(request.now, |at| at.min(request.now))]).min();
        }
        let events = changes.write(connection.collections(), session).await?;
        Ok((events, wakeup))
    }
}

/// Ends queued jobs whose start deadline has passed, by the index `deadlines`.
async fn end_missed(connection: &Connection, request: &Recover) -> Outcome<Vec<Event>> {
    let limit = i64::try_from(request.limit).unwrap_or(i64::MAX);
    if limit == 0 {
        return Ok(Vec::new());
    }
    let found =
        connection.collections().jobs.find(missed(request.now)).sort(doc! {"start_deadline": 1}).limit(limit);
    let found = found.projection(doc! {"_id": 1}).read_concern(ReadConcern::local()).await?;
    let found: Vec<RawDocumentBuf> = found.try_collect().await?;
    let ids: Vec<DocumentId> = found.iter().filter_map(|raw| DocumentId::of(raw)).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    Ok(connection
        .divided(&ids, &Crowd::default(), &EndMissed { connection, now: request.now })
        .await?
        .done
        .into_iter()
        .flatten()
        .collect())
}

fn missed(now: DateTime<Utc>) -> Document {
    doc! {"start_deadline": {"$lt": now.timestamp_micros()}, "lane": {"$gte": ""}}
}

struct EndMissed<'a> {
    connection: &'a Connection,
    now: DateTime<Utc>,
}

impl DivisibleWork for EndMissed<'_> {
    type Item = DocumentId;
    type Done = Vec<Event>;

    async fn run_for(&self, ids: &[DocumentId], session: &mut ClientSession) -> Outcome<Vec<Event>> {
        let Self { connection, now } = *self;
        let mut still_missed = missed(now);
        still_missed.insert("_id", doc! {"$in": DocumentId::all(ids)});
        let found = connection
            .collections()
            .jobs
            .find(still_missed)
            .hint(statement::by_id())
            .projection(without_payload());
        let found = statement::all(found.session(&mut *session).await?, session).await?;
        let mut changes = JobChanges::new(EventInterest::ALL);
        for raw in &found {
            match (JobDocument::read(raw), DocumentId::of(raw)) {
                (Ok(job), _) if job.is_to_end_as_missed(now) => {
                    changes.finish(&job, FinishedAttempt::without_run(JobOutcome::MissedStartDeadline, now));
                }
                (Err(reason), Some(id)) => changes.quarantine(id, &reason),
                _ => {}
            }
        }
        changes.write(connection.collections(), session).await
    }
}

/// Drops the claims of earlier runs on schedules; expired ones need no recovery, as they can be acquired.
async fn drop_schedule_leases(connection: &Connection, request: &Recover) -> Outcome<Vec<Event>> {
    let dropped = connection.transaction(Patience::Long, &DropLeases { connection, request }).await?;
    // They were due when they were acquired.
    Ok((dropped > 0).then(|| Wakeup::schedules(request.now).into()).into_iter().collect())
}

struct DropLeases<'a> {
    connection: &'a Connection,
    request: &'a Recover,
}

impl Work for DropLeases<'_> {
    /// How many there were.
    type Done = usize;

    async fn run(&self, session: &mut ClientSession) -> Outcome<usize> {
        let schedules = &self.connection.collections().schedules;
        let leased = doc! {"lease.until": {"$gte": i64::MIN}};
        let found = schedules.find(leased).projection(doc! {"lease": 1}).session(&mut *session).await?;
        let found = statement::all(found, session).await?;
        let is_mine = |raw: &&RawDocumentBuf| {
            lease(raw).is_some_and(|lease| self.request.scheduler_id.is_other_run_of(&lease.holder))
        };
        let ids: Vec<&str> = found.iter().filter(is_mine).filter_map(|raw| text(raw, "_id")).collect();
        let count = ids.len();
        if count > 0 {
            let dropped = doc! {"$unset": {"lease": ""}, "$inc": {"token": 1_i64}};
            schedules.update_many(doc! {"_id": {"$in": ids}}, dropped).session(&mut *session).await?;
        }
        Ok(count)
    }
}
