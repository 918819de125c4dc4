//! A schedule as a row.

use std::sync::Arc;

use apsched_core::schedule::Revision;
use apsched_core::trigger::{AnyTrigger, TriggerRegistry};
use apsched_core::{Lease, LeaseToken, Schedule, ScheduleId, ScheduleState};

use super::{json, payload_columns};
use crate::strangers::names_column;
use crate::value::{Json, Kind, Params, Row, StoredPayload, Unreadable, Value};

/// In the order in which [`decode`] takes them.
pub(crate) const COLUMNS: &str = "id, task_id, trigger_definition, settings, payload_serializer, payload, created_at, state, \
    state_reason, next_fire_time, last_fire_time, fires, revision, token, lease_holder, lease_until";

/// The kinds of [`COLUMNS`].
pub(crate) const KINDS: &[Kind] = &[
    Kind::Text,
    Kind::Text,
    Kind::Json,
    Kind::Json,
    Kind::Text,
    Kind::Bytes,
    Kind::Int,
    Kind::Text,
    Kind::Json,
    Kind::Int,
    Kind::Int,
    Kind::Int,
    Kind::Int,
    Kind::Int,
    Kind::Text,
    Kind::Int,
];

/// A row, or what is known of one that cannot be decoded.
#[derive(Debug)]
pub(crate) struct UnreadableSchedule {
    /// By which the row is found.
    pub(crate) key: Value,
    /// `None`: it is no text.
    pub(crate) id: Option<String>,
    pub(crate) reason: Unreadable,
}

pub(crate) fn decode(mut row: Row, registry: &TriggerRegistry) -> Result<Schedule, UnreadableSchedule> {
    let id = row.key("id").map_err(|(key, reason)| UnreadableSchedule { key, id: None, reason })?;
    decode_rest(&id, row, registry).map_err(|reason| UnreadableSchedule {
        key: Value::from(&*id),
        id: Some(id),
        reason,
    })
}

fn decode_rest(id: &str, mut row: Row, registry: &TriggerRegistry) -> Result<Schedule, Unreadable> {
    let id = ScheduleId::new(id).map_err(|error| Unreadable::column("id", error))?;
    let task_id = row.word("task_id")?;
    let mut trigger: AnyTrigger = row.json("trigger_definition")?;
    // One that is not registered here stays unresolved: it is left to those who know it.
    let _ = trigger.resolve(registry);
    let settings = Arc::new(row.json("settings")?);
    let payload = match row.payload()? {
        StoredPayload::Here(payload) => payload,
        StoredPayload::Apart(_) => return Err(Unreadable::column("payload", "expected bytes, found none")),
    };
    let created_at = row.instant("created_at")?;
    let state = row.text("state")?;
    let reason = row.opt_text("state_reason")?;
    let state = decode_state(&state, reason)?;
    let next_fire_time = row.opt_instant("next_fire_time")?;
    let last_fire_time = row.opt_instant("last_fire_time")?;
    let fires = row.count("fires")?;
    let revision = Revision::new(row.count("revision")?);
    let token = LeaseToken::new(row.count("token")?);
    let holder = row.opt_scheduler_id("lease_holder")?;
    let until = row.opt_instant("lease_until")?;
    let lease = holder.zip(until).map(|(holder, until)| Box::new(Lease { holder, token, until }));
    Ok(Schedule {
        id,
        task_id,
        trigger,
        payload,
        settings,
        created_at,
        state,
        next_fire_time,
        last_fire_time,
        fires,
        revision,
        token,
        lease,
    })
}

fn decode_state(word: &str, reason: Option<String>) -> Result<ScheduleState, Unreadable> {
    let quarantined = ScheduleState::Quarantined(reason.unwrap_or_default().into());
    let states = [ScheduleState::Active, ScheduleState::Paused, ScheduleState::Finished, quarantined];
    let found = states.into_iter().find(|state| state.as_str() == word);
    found.ok_or_else(|| Unreadable::column("state", format_args!("expected a state, found {word:?}")))
}

/// Why a schedule is quarantined, for its column.
pub(crate) fn state_reason(state: &ScheduleState) -> Json {
    match state {
        ScheduleState::Quarantined(reason) => super::reason_column(reason),
        _ => Json(None),
    }
}

/// All columns, as parameters.
pub(crate) fn params(schedule: &Schedule) -> Result<Params, Unreadable> {
    let (serializer, bytes) = payload_columns(&schedule.payload)?;
    let lease = schedule.lease.as_deref();
    Ok(Params::new()
        .with("id", &schedule.id)
        .with("task_id", &schedule.task_id)
        .with("trigger", Json(Some(json(&schedule.trigger))))
        .with("custom_triggers", names_column(&schedule.trigger))
        .with("settings", Json(Some(json(&*schedule.settings))))
        .with("payload_serializer", serializer)
        .with("payload", Value::Bytes(Some(bytes)))
        .with("created_at", schedule.created_at)
        .with("state", schedule.state.as_str())
        .with("state_reason", state_reason(&schedule.state))
        .with("next_fire_time", schedule.next_fire_time)
        .with("last_fire_time", schedule.last_fire_time)
        .with("fires", schedule.fires)
        .with("revision", schedule.revision.number())
        .with("token", schedule.token.number())
        .with("lease_holder", Value::Text(lease.map(|lease| lease.holder.to_string())))
        .with("lease_until", lease.map(|lease| lease.until)))
}
