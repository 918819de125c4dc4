//! A job as a row of the queue: narrow, as it is written anew with every claim.
//!
//! What claims look at has columns of its own; the rest of the settings is JSON, and absent as long as it is the default.
//! A payload over [`LARGEST_PAYLOAD_IN_ROW`] stands in a table apart, which claims do not touch.

use std::sync::Arc;
use std::time::Duration;

use apsched_core::{
    CancelRequest, ExecutorName, Job, JobId, JobSettings, Lease, LeaseToken, Metadata, Payload, Retry,
};
use serde::{Deserialize, Serialize};

use super::{json, payload_columns};
use crate::value::{Json, Kind, Row, StoredPayload, Unreadable, Value};

/// Bytes of a payload that stay in the row.
pub(crate) const LARGEST_PAYLOAD_IN_ROW: usize = 1024;

/// In the order in which [`decode`] takes them.
pub(crate) const COLUMNS: &str = "id, task_id, job_executor, priority, run_at, schedule_id, fire_time, created_at, start_deadline, \
    attempt, token, lease_holder, lease_until, cancel_requested, settings, progress, payload_serializer, payload";

/// In the order in which [`decode_ended`] takes them.
pub(crate) const ENDED_COLUMNS: &str = "id, task_id, job_executor, priority, schedule_id, fire_time, attempt, cancel_requested, settings, \
    CASE WHEN payload_serializer IS NOT NULL AND payload IS NULL THEN 1 ELSE 0 END";

/// The kinds of [`COLUMNS`].
pub(crate) const KINDS: &[Kind] = &[
    Kind::Id,
    Kind::Text,
    Kind::Text,
    Kind::Int,
    Kind::Int,
    Kind::Text,
    Kind::Int,
    Kind::Int,
    Kind::Int,
    Kind::Int,
    Kind::Int,
    Kind::Text,
    Kind::Int,
    Kind::Int,
    Kind::Json,
    Kind::Json,
    Kind::Text,
    Kind::Bytes,
];

/// The kinds of [`ENDED_COLUMNS`], and whether the task has no limit.
pub(crate) const ENDED_KINDS: &[Kind] = &[
    Kind::Id,
    Kind::Text,
    Kind::Text,
    Kind::Int,
    Kind::Text,
    Kind::Int,
    Kind::Int,
    Kind::Int,
    Kind::Json,
    Kind::Int,
    Kind::Int,
];

/// What of the settings has no column of its own.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct OtherSettings {
    #[serde(skip_serializing_if = "is_default")]
    retry: Retry,
    #[serde(skip_serializing_if = "is_default")]
    timeout: Option<Duration>,
    #[serde(skip_serializing_if = "is_default")]
    result_expiration_time: Duration,
    #[serde(skip_serializing_if = "Metadata::is_empty")]
    metadata: Metadata,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Default for OtherSettings {
    fn default() -> Self {
        Self {
            retry: Retry::none(),
            timeout: None,
            result_expiration_time: Duration::ZERO,
            metadata: Metadata::empty(),
        }
    }
}

impl OtherSettings {
    fn of(settings: &JobSettings) -> Self {
        Self {
            retry: settings.retry,
            timeout: settings.timeout,
            result_expiration_time: settings.result_expiration_time,
            metadata: settings.metadata.clone(),
        }
    }

    fn with(self, job_executor: ExecutorName, priority: i32) -> JobSettings {
        JobSettings {
            job_executor,
            retry: self.retry,
            timeout: self.timeout,
            priority,
            result_expiration_time: self.result_expiration_time,
            metadata: self.metadata,
        }
    }
}

/// The settings column of jobs; siblings share their settings and so what is written of them.
#[derive(Debug, Default)]
pub(crate) struct SettingsColumn {
    last: Option<(Arc<JobSettings>, Option<String>)>,
}

impl SettingsColumn {
    pub(crate) fn of(&mut self, settings: &Arc<JobSettings>) -> Json {
        if let Some((known, text)) = &self.last
            && Arc::ptr_eq(known, settings)
        {
            return Json(text.clone());
        }
        let other = OtherSettings::of(settings);
        let text = (other != OtherSettings::default()).then(|| json(&other));
        self.last = Some((settings.clone(), text.clone()));
        Json(text)
    }
}

/// A job with a payload that may have to be fetched.
#[derive(Debug)]
pub(crate) struct StoredJob {
    pub(crate) job: Job,
    /// The serializer's name, when the payload stands apart.
    pub(crate) payload_apart: Option<String>,
}

/// A row that cannot be decoded, but for its id.
#[derive(Debug)]
pub(crate) struct UnreadableJob {
    pub(crate) id: JobId,
    pub(crate) reason: Unreadable,
}

/// Decodes rows; settings that many have in common are decoded once.
#[derive(Debug, Default)]
pub(crate) struct JobDecoder {
    last_settings: Option<(SettingsKey, Arc<JobSettings>)>,
}

#[derive(Debug, PartialEq, Eq)]
struct SettingsKey {
    job_executor: String,
    priority: i64,
    other: Option<String>,
}

impl JobDecoder {
    /// Decodes [`COLUMNS`]. The outer error: not even the id can be read.
    pub(crate) fn decode(&mut self, mut row: Row) -> Result<Result<StoredJob, UnreadableJob>, Unreadable> {
        let id = row.job_id("id")?;
        Ok(self.decode_rest(id, row).map_err(|reason| UnreadableJob { id, reason }))
    }

    fn decode_rest(&mut self, id: JobId, mut row: Row) -> Result<StoredJob, Unreadable> {
        let task_id = row.word("task_id")?;
        let job_executor = row.text("job_executor")?;
        let priority = row.int("priority")?;
        let run_at = row.instant("run_at")?;
        let schedule_id = row.opt_word("schedule_id")?;
        let fire_time = row.opt_instant("fire_time")?;
        let created_at = row.instant("created_at")?;
        let start_deadline = row.opt_instant("start_deadline")?;
        let attempt = attempt(&mut row)?;
        let token = LeaseToken::new(row.count("token")?);
        let holder = row.opt_scheduler_id("lease_holder")?;
        let until = row.opt_instant("lease_until")?;
        let cancel = cancel(&mut row)?;
        let other = row.opt_text("settings")?;
        let settings = self.settings(SettingsKey { job_executor, priority, other })?;
        let progress = row.opt_json("progress")?;
        let (payload, payload_apart) = match row.payload()? {
            StoredPayload::Here(payload) => (payload, None),
            StoredPayload::Apart(serializer) => (Payload::unit(), Some(serializer)),
        };
        let job = Job {
            schedule_id,
            fire_time,
            run_at,
            start_deadline,
            attempt,
            progress,
            cancel,
            token,
            lease: holder.zip(until).map(|(holder, until)| Lease { holder, token, until }),
            ..Job::new(id, task_id, payload, settings, created_at)
        };
        Ok(StoredJob { job, payload_apart })
    }

    fn settings(&mut self, key: SettingsKey) -> Result<Arc<JobSettings>, Unreadable> {
        if let Some((known, settings)) = &self.last_settings
            && *known == key
        {
            return Ok(settings.clone());
        }
        let priority = i32::try_from(key.priority)
            .map_err(|_| Unreadable::column("priority", format_args!("{} is out of range", key.priority)))?;
        let executor = ExecutorName::new(&key.job_executor)
            .map_err(|error| Unreadable::column("job_executor", error))?;
        let other = match &key.other {
            None => OtherSettings::default(),
            Some(text) => {
                serde_json::from_str(text).map_err(|error| Unreadable::column("settings", error))?
            }
        };
        let settings = Arc::new(other.with(executor, priority));
        self.last_settings = Some((key, settings.clone()));
        Ok(settings)
    }

    /// Decodes [`ENDED_COLUMNS`]: what is needed of a job that ends. The outer error: not even the id can be read.
    pub(crate) fn decode_ended(
        &mut self,
        mut row: Row,
    ) -> Result<Result<LockedJob, UnreadableJob>, Unreadable> {
        let id = row.job_id("id")?;
        Ok(self.decode_rest_ended(id, row).map_err(|reason| UnreadableJob { id, reason }))
    }

    fn decode_rest_ended(&mut self, id: JobId, mut row: Row) -> Result<LockedJob, Unreadable> {
        let task_id = row.word("task_id")?;
        let job_executor = row.text("job_executor")?;
        let priority = row.int("priority")?;
        let schedule_id = row.opt_word("schedule_id")?;
        let fire_time = row.opt_instant("fire_time")?;
        let attempt = attempt(&mut row)?;
        let cancel = cancel(&mut row)?;
        let other = row.opt_text("settings")?;
        let has_payload_apart = row.int("payload")? != 0;
        let has_limit = row.opt_int("limit")?.is_none_or(|without| without == 0);
        let settings = self.settings(SettingsKey { job_executor, priority, other });
        let settings = settings.unwrap_or_else(|reason| {
            // The job has run; that nothing tells how long to keep its result must not keep it from ending.
            tracing::warn!(job.id = %id, %reason, "the settings of a job that ends cannot be decoded; no result of it is kept");
            Arc::new(OtherSettings::default().with(fallback_executor(), 0))
        });
        let now = chrono::DateTime::UNIX_EPOCH;
        let job = Job {
            schedule_id,
            fire_time,
            attempt,
            cancel,
            ..Job::new(id, task_id, Payload::unit(), settings, now)
        };
        Ok(LockedJob { job, has_payload_apart, has_limit })
    }
}

fn fallback_executor() -> ExecutorName {
    ExecutorName::new(ExecutorName::ASYNC).expect("the name is fixed")
}

/// A job that ends; without its payload and its times.
#[derive(Debug)]
pub(crate) struct LockedJob {
    pub(crate) job: Job,
    pub(crate) has_payload_apart: bool,
    /// Whether its task may have a limit, so that somebody may wait for the slot.
    pub(crate) has_limit: bool,
}

/// Attempts so far. After the last number there is no next one, so it is none that a job can have.
fn attempt(row: &mut Row) -> Result<u32, Unreadable> {
    let attempt = row.count("attempt")?;
    let number = u32::try_from(attempt).ok().filter(|number| *number < u32::MAX);
    number.ok_or_else(|| Unreadable::column("attempt", format_args!("{attempt} is out of range")))
}

fn cancel(row: &mut Row) -> Result<CancelRequest, Unreadable> {
    Ok(if row.int("cancel_requested")? == 0 { CancelRequest::None } else { CancelRequest::Requested })
}

/// A payload as it is written: in the row, or apart.
#[derive(Debug)]
pub(crate) enum PayloadPlace {
    Row(Vec<u8>),
    Apart(Vec<u8>),
}

/// The serializer's name, and where the bytes go.
pub(crate) fn place_payload(job: &Job) -> Result<(Value, PayloadPlace), Unreadable> {
    let (serializer, bytes) = payload_columns(&job.payload)?;
    let is_large = bytes.len() > LARGEST_PAYLOAD_IN_ROW;
    Ok((serializer, if is_large { PayloadPlace::Apart(bytes) } else { PayloadPlace::Row(bytes) }))
}
