//! A kept result as a row.

use apsched_core::JobResult;

use super::{json, payload_columns};
use crate::value::{Json, Row, Unreadable, Value};

/// The columns of a result, in the order in which `add_results` names them.
pub(crate) fn cells(result: &JobResult) -> Result<[Value; 12], Unreadable> {
    let (serializer, bytes) = match &result.value {
        Some(value) => {
            let (serializer, bytes) = payload_columns(value)?;
            (serializer, Some(bytes))
        }
        None => (Value::Text(None), None),
    };
    Ok([
        result.job_id.into(),
        (&result.task_id).into(),
        Value::Text(result.schedule_id.as_ref().map(ToString::to_string)),
        result.fire_time.into(),
        result.outcome.as_str().into(),
        serializer,
        Value::Bytes(bytes),
        Json(result.error.as_ref().map(json)).into(),
        result.attempt.into(),
        result.started_at.into(),
        result.finished_at.into(),
        result.expires_at.into(),
    ])
}

pub(crate) fn decode(mut row: Row) -> Result<JobResult, Unreadable> {
    Ok(JobResult {
        job_id: row.job_id("job_id")?,
        task_id: row.word("task_id")?,
        schedule_id: row.opt_word("schedule_id")?,
        fire_time: row.opt_instant("fire_time")?,
        outcome: row.word("outcome")?,
        value: {
            let serializer = row.opt_text("payload_serializer")?;
            let bytes = row.opt_bytes("payload")?;
            serializer.zip(bytes).map(|(serializer, bytes)| super::encoded(serializer, bytes))
        },
        error: row.opt_json("error")?,
        attempt: {
            let attempt = row.count("attempt")?;
            u32::try_from(attempt).map_err(|_| Unreadable::column("attempt", "it is out of range"))?
        },
        started_at: row.opt_instant("started_at")?,
        finished_at: row.instant("finished_at")?,
        expires_at: row.instant("expires_at")?,
    })
}
