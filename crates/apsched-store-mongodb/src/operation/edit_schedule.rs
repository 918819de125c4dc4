//! Changes a schedule: the user's last write wins.

use apsched_core::event::{Event, ScheduleUpdated, Wakeup};
use apsched_core::schedule::ScheduleEdit;
use apsched_core::{ScheduleId, StoreError};
use chrono::{DateTime, Utc};
use mongodb::ClientSession;
use mongodb::bson::{RawDocumentBuf, doc};

use crate::connection::Connection;
use crate::document::schedule::ScheduleDocument;
use crate::error::{Outcome, unreadable};
use crate::transaction::{Patience, Work};

pub(crate) async fn edit(
    connection: &Connection,
    id: &ScheduleId,
    edit: &ScheduleEdit,
    now: DateTime<Utc>,
) -> Outcome<Vec<Event>> {
    connection.transaction(Patience::Long, &Edit { connection, id, edit, now }).await
}

struct Edit<'a> {
    connection: &'a Connection,
    id: &'a ScheduleId,
    edit: &'a ScheduleEdit,
    now: DateTime<Utc>,
}

impl Work for Edit<'_> {
    type Done = Vec<Event>;

    async fn run(&self, session: &mut ClientSession) -> Outcome<Vec<Event>> {
        let Self { connection, id, edit, now } = *self;
        let schedules = &connection.collections().schedules;
        let by_id = doc! {"_id": id.as_str()};
        let found: Option<RawDocumentBuf> = schedules.find_one(by_id.clone()).session(&mut *session).await?;
        let raw = found.ok_or_else(|| StoreError::ScheduleNotFound { schedule_id: id.clone() })?;
        let schedule = ScheduleDocument::read(&raw, &connection.registry())
            .map_err(|reason| unreadable("schedule", id, &reason))?;
        let edited = edit
            .clone()
            .applied_to(&schedule, now)
            .map_err(|source| StoreError::Trigger { schedule_id: id.clone(), source })?;
        let document = ScheduleDocument::of(&edited)?;
        schedules.clone_with_type().replace_one(by_id, document).session(&mut *session).await?;
        let event = ScheduleUpdated::new(id.clone(), edited.task_id.clone(), edited.next_fire_time);
        let wakeup = edited.claimable_at().map(|at| Wakeup::schedules(at).into());
        Ok(std::iter::once(event.into()).chain(wakeup).collect())
    }
}
