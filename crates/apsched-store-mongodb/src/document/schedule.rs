//! A schedule as a document.

use std::sync::Arc;

use apsched_core::schedule::Revision;
use apsched_core::store::Strangers;
use apsched_core::trigger::{AnyTrigger, TriggerRegistry};
use apsched_core::{LeaseToken, PayloadError, Schedule, ScheduleId, ScheduleSettings, ScheduleState, TaskId};
use mongodb::bson::RawDocument;
use serde::{Deserialize, Serialize};

use super::lease::LeaseDocument;
use super::payload::PayloadDocument;
use super::{Json, Micros, Unreadable};

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ScheduleDocument {
    #[serde(rename = "_id")]
    id: ScheduleId,
    task_id: TaskId,
    trigger: Json<AnyTrigger>,
    /// The names of the custom triggers in it, by which the schedule is left to others by those who do not know them.
    #[serde(skip_serializing_if = "Option::is_none")]
    custom_triggers: Option<String>,
    settings: Json<Arc<ScheduleSettings>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<PayloadDocument>,
    created_at: Micros,
    state: String,
    /// Why it is quarantined.
    #[serde(skip_serializing_if = "Option::is_none")]
    state_reason: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_fire_time: Option<Micros>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_fire_time: Option<Micros>,
    fires: i64,
    revision: i64,
    token: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    lease: Option<LeaseDocument>,
}

impl ScheduleDocument {
    pub(crate) fn of(schedule: &Schedule) -> Result<Self, PayloadError> {
        Ok(Self {
            id: schedule.id.clone(),
            task_id: schedule.task_id.clone(),
            trigger: Json(schedule.trigger.clone()),
            custom_triggers: Strangers::names_of(&schedule.trigger),
            settings: Json(schedule.settings.clone()),
            payload: Some(PayloadDocument::of(&schedule.payload)?),
            created_at: Micros(schedule.created_at),
            state: schedule.state.as_str().to_owned(),
            state_reason: state_reason(&schedule.state),
            next_fire_time: schedule.next_fire_time.map(Micros),
            last_fire_time: schedule.last_fire_time.map(Micros),
            fires: count(schedule.fires),
            revision: count(schedule.revision.number()),
            token: count(schedule.token.number()),
            lease: schedule.lease.as_deref().map(LeaseDocument::of),
        })
    }

    pub(crate) fn read(raw: &RawDocument, registry: &TriggerRegistry) -> Result<Schedule, Unreadable> {
        let document: Self = super::read(raw)?;
        let Json(mut trigger) = document.trigger;
        // A trigger that is not registered here stays unresolved: who plans it says so.
        let _ = trigger.resolve(registry);
        let token = LeaseToken::new(uncount("token", document.token)?);
        Ok(Schedule {
            id: document.id,
            task_id: document.task_id,
            trigger,
            payload: PayloadDocument::read(document.payload),
            settings: document.settings.0,
            created_at: document.created_at.0,
            state: state(&document.state, document.state_reason)?,
            next_fire_time: document.next_fire_time.map(|at| at.0),
            last_fire_time: document.last_fire_time.map(|at| at.0),
            fires: uncount("fires", document.fires)?,
            revision: Revision::new(uncount("revision", document.revision)?),
            token,
            lease: document.lease.map(|lease| Box::new(lease.with_token(token))),
        })
    }
}

/// Why a schedule is quarantined, for its field.
pub(crate) fn state_reason(state: &ScheduleState) -> Option<Arc<str>> {
    match state {
        ScheduleState::Quarantined(reason) => Some(reason.clone()),
        _ => None,
    }
}

fn state(word: &str, reason: Option<Arc<str>>) -> Result<ScheduleState, Unreadable> {
    let quarantined = ScheduleState::Quarantined(reason.unwrap_or_else(|| Arc::from("")));
    let states = [ScheduleState::Active, ScheduleState::Paused, ScheduleState::Finished, quarantined];
    let found = states.into_iter().find(|state| state.as_str() == word);
    found.ok_or_else(|| Unreadable(format!("field state: expected a state, found {word:?}")))
}

/// Numbers above what BSON keeps do not occur: they count claims, fires and edits.
pub(crate) fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(crate) fn uncount(field: &str, number: i64) -> Result<u64, Unreadable> {
    u64::try_from(number)
        .map_err(|_| Unreadable(format!("field {field}: expected 0 or more, found {number}")))
}
