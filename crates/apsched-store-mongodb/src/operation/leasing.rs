//! Writes one lease to many jobs: within a transaction, or each for itself, around those that somebody has locked.
//!
//! Outside of a transaction a statement that meets a locked document waits for it, with all that come after it in the order of
//! tokens and ids. When it has waited for two seconds, what it has written is read, the job at which it stood is passed over, and it
//! goes on behind it. A lock that lives for so long is most likely that of a process that was killed, so orphans are looked for at
//! once.

use std::collections::HashSet;

use apsched_core::lease::LeaseToken;
use apsched_core::{JobId, SchedulerId};
use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;
use mongodb::ClientSession;
use mongodb::bson::{Document, RawDocumentBuf, doc};
use mongodb::options::ReadConcern;

use super::token::{self, Target};
use crate::connection::Connection;
use crate::document::schedule::count;
use crate::document::{job_id, number, uuids};
use crate::error::Outcome;
use crate::statement;

/// How often is tried; each time but the last costs two seconds and passes over one job.
const TRIES: usize = 3;

/// A lease, and what it is to be written to.
pub(crate) struct Leasing<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) holder: &'a SchedulerId,
    pub(crate) until: DateTime<Utc>,
    /// By how much the token of a job grows with it.
    pub(crate) growth: Growth,
    /// What is asked of a job beside its id and token.
    pub(crate) condition: Document,
    /// What is done to a job.
    pub(crate) update: Document,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Growth {
    /// A new claim.
    One,
    /// The claim that there is goes on.
    None,
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Leased {
    /// The jobs that have the lease, by a majority of the nodes.
    pub(crate) jobs: HashSet<JobId>,
    /// Whether somebody had locked some: those and perhaps others were passed over.
    pub(crate) was_locked: bool,
}

/// What came of one try.
enum Tried {
    /// These have the lease; others were faster with the rest.
    Done(HashSet<JobId>),
    /// These have it; it stood at a job that is locked, and these are behind it.
    Stopped(HashSet<JobId>, Vec<Target>),
}

impl Leasing<'_> {
    pub(crate) async fn write(&self, mut targets: Vec<Target>) -> Outcome<Leased> {
        targets.sort_unstable();
        let mut leased = Leased::default();
        for _ in 0..TRIES {
            if targets.is_empty() {
                break;
            }
            match self.write_once(targets).await {
                Ok(Tried::Done(jobs)) => {
                    leased.jobs.extend(jobs);
                    break;
                }
                Ok(Tried::Stopped(jobs, behind)) => {
                    leased.jobs.extend(jobs);
                    leased.was_locked = true;
                    targets = behind;
                }
                Err(problem) if leased.jobs.is_empty() => return Err(problem),
                // What has been leased must be told: nobody else gets it before the lease ends.
                Err(problem) => {
                    tracing::warn!(?problem, "jobs behind one that is locked were not leased");
                    break;
                }
            }
        }
        Ok(leased)
    }

    /// The same in a transaction, which fails where it meets a lock. The jobs that have the lease.
    pub(crate) async fn write_within(
        &self,
        targets: &[Target],
        session: &mut ClientSession,
    ) -> Outcome<HashSet<JobId>> {
        let collections = self.connection.collections();
        let written = self.statements(targets);
        let written = statement::update_each(collections, &collections.jobs, written, session).await?;
        if written == targets.len() {
            return Ok(targets.iter().map(|(_, id)| *id).collect());
        }
        let found = collections.jobs.find(self.leased(targets)).projection(doc! {"token": 1});
        let found = found.hint(statement::by_id()).session(&mut *session).await?;
        Ok(self.have_it(targets, &statement::all(found, session).await?))
    }

    async fn write_once(&self, mut targets: Vec<Target>) -> Outcome<Tried> {
        let collections = self.connection.collections();
        match statement::update_singly(collections, &collections.jobs, self.statements(&targets)).await {
            Ok(written) if written == targets.len() => {
                Ok(Tried::Done(targets.into_iter().map(|(_, id)| id).collect()))
            }
            Ok(_) => self.written(&targets).await.map(Tried::Done),
            // A majority that is late has them in the end; leases that nobody knows of would cost each of these jobs an attempt.
            Err(problem) if problem.is_unconfirmed() => {
                let written = self.written(&targets).await?;
                self.connection.confirm().await?;
                Ok(Tried::Done(written))
            }
            Err(problem) if problem.is_time_limit() => {
                self.connection.end_orphans().await;
                let written = self.written(&targets).await?;
                // What was written before the time was over may be known to the primary alone.
                self.connection.confirm().await?;
                let stood_at = targets.iter().position(|(_, id)| !written.contains(id));
                let behind = targets.split_off(stood_at.map_or(targets.len(), |index| index + 1));
                Ok(Tried::Stopped(written, behind))
            }
            Err(problem) => Err(problem),
        }
    }

    fn statements(&self, targets: &[Target]) -> Vec<(Document, Document)> {
        let jobs = token::held(targets, &self.condition).into_iter();
        jobs.map(|jobs| (jobs, self.update.clone())).collect()
    }

    /// Those of the jobs that have the lease.
    async fn written(&self, targets: &[Target]) -> Outcome<HashSet<JobId>> {
        let found =
            self.connection.collections().jobs.find(self.leased(targets)).projection(doc! {"token": 1});
        let found = found.hint(statement::by_id()).read_concern(ReadConcern::local());
        let found: Vec<RawDocumentBuf> = found.await?.try_collect().await?;
        Ok(self.have_it(targets, &found))
    }

    /// Finds those of the jobs that have such a lease, by whichever claim.
    fn leased(&self, targets: &[Target]) -> Document {
        doc! {
            "_id": {"$in": uuids(targets.iter().map(|(_, id)| *id))},
            "lease.holder": self.holder.to_string(),
            "lease.until": self.until.timestamp_micros(),
        }
    }

    /// Those of the jobs that are found with the token that they have by this lease.
    fn have_it(&self, targets: &[Target], found: &[RawDocumentBuf]) -> HashSet<JobId> {
        let found: HashSet<(JobId, i64)> =
            found.iter().filter_map(|raw| Some((job_id(raw)?, number(raw, "token")?))).collect();
        let after = |token: LeaseToken| match self.growth {
            Growth::One => token.next(),
            Growth::None => token,
        };
        let is_ours = |(token, id): &&Target| found.contains(&(*id, count(after(*token).number())));
        targets.iter().filter(is_ours).map(|(_, id)| *id).collect()
    }
}
