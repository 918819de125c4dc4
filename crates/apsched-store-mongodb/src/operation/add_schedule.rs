//! Adds a schedule, by the user's policy should its id be taken.

use apsched_core::event::{Event, ScheduleAdded, ScheduleUpdated, Wakeup};
use apsched_core::lease::LeaseToken;
use apsched_core::schedule::{AddDecision, decide_add, decide_add_over_unreadable};
use apsched_core::{ConflictPolicy, Schedule, StoreError};
use mongodb::ClientSession;
use mongodb::bson::{RawDocument, RawDocumentBuf, doc};

use crate::connection::Connection;
use crate::document::number;
use crate::document::schedule::ScheduleDocument;
use crate::error::Outcome;
use crate::schema::REMOVED_SCHEDULES;
use crate::transaction::{Patience, Work};

/// How often is begun anew when somebody else adds the same id at the same moment.
const ATTEMPTS: u32 = 5;

pub(crate) async fn add(
    connection: &Connection,
    schedule: &Schedule,
    policy: ConflictPolicy,
) -> Outcome<Vec<Event>> {
    let add = Add { connection, schedule, policy };
    for _ in 1..ATTEMPTS {
        match connection.transaction(Patience::Long, &add).await {
            Err(problem) if problem.is_duplicate() => {}
            answer => return answer,
        }
    }
    connection.transaction(Patience::Long, &add).await
}

struct Add<'a> {
    connection: &'a Connection,
    schedule: &'a Schedule,
    policy: ConflictPolicy,
}

impl Work for Add<'_> {
    type Done = Vec<Event>;

    async fn run(&self, session: &mut ClientSession) -> Outcome<Vec<Event>> {
        within(self.connection, session, self.schedule.clone(), self.policy).await
    }
}

/// Adds it within a transaction.
pub(crate) async fn within(
    connection: &Connection,
    session: &mut ClientSession,
    schedule: Schedule,
    policy: ConflictPolicy,
) -> Outcome<Vec<Event>> {
    let schedules = &connection.collections().schedules;
    let (id, task) = (schedule.id.clone(), schedule.task_id.clone());
    let by_id = doc! {"_id": id.as_str()};
    let found: Option<RawDocumentBuf> = schedules.find_one(by_id.clone()).session(&mut *session).await?;
    let decision = match &found {
        None => decide_add(None, schedule, policy),
        Some(raw) => match ScheduleDocument::read(raw, &connection.registry()) {
            Ok(existing) => decide_add(Some(&existing), schedule, policy),
            Err(_) => decide_add_over_unreadable(token_of(raw), schedule, policy),
        },
    };
    let (event, wakeup) = match decision {
        AddDecision::Refuse => return Err(StoreError::ScheduleExists { schedule_id: id }.into()),
        AddDecision::Keep => return Ok(Vec::new()),
        AddDecision::Insert(mut schedule) => {
            schedule.token = schedule.token.max(removed_token(connection, session).await?);
            let document = ScheduleDocument::of(&schedule)?;
            schedules.clone_with_type().insert_one(document).session(&mut *session).await?;
            let next = schedule.next_fire_time;
            (ScheduleAdded::new(id, task, next).into(), schedule.claimable_at())
        }
        AddDecision::Overwrite(schedule) => {
            let document = ScheduleDocument::of(&schedule)?;
            schedules.clone_with_type().replace_one(by_id, document).session(&mut *session).await?;
            let next = schedule.next_fire_time;
            (ScheduleUpdated::new(id, task, next).into(), schedule.claimable_at())
        }
    };
    Ok(std::iter::once(event).chain(wakeup.map(|at| Wakeup::schedules(at).into())).collect())
}

/// The greatest token that was given out, as a document says; 0 where it does not.
fn token_of(raw: &RawDocument) -> LeaseToken {
    let token = number(raw, "token").and_then(|token| u64::try_from(token).ok());
    LeaseToken::new(token.unwrap_or(0))
}

/// The greatest token of a schedule that was removed: a new one goes on after it, so that no claim on the old one fits.
async fn removed_token(connection: &Connection, session: &mut ClientSession) -> Outcome<LeaseToken> {
    let meta = &connection.collections().meta;
    let found: Option<RawDocumentBuf> =
        meta.find_one(doc! {"_id": REMOVED_SCHEDULES}).session(&mut *session).await?;
    Ok(found.map_or_else(LeaseToken::default, |raw| token_of(&raw)))
}

/// Remembers the token of schedules that are removed.
pub(crate) async fn remember_removed(
    connection: &Connection,
    token: i64,
    session: &mut ClientSession,
) -> Outcome<()> {
    let raise = doc! {"$max": {"token": token}};
    let meta = &connection.collections().meta;
    meta.update_one(doc! {"_id": REMOVED_SCHEDULES}, raise).upsert(true).session(&mut *session).await?;
    Ok(())
}
