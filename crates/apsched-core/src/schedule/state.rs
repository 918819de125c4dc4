//! Whether a schedule fires, and why not.
//!
//! ```text
//!              pause                 last fire
//!   active ◀──────────▶ paused    active ───────▶ finished ──(cleanup, once its jobs are gone)──▶ removed
//!     │        unpause                ▲               │
//!     │ trigger error,                └──── edit ─────┘
//!     ▼ unreadable row                        │
//!   quarantined ──────────────────────────────┘
//! ```

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Whether a schedule fires.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleState {
    /// It fires at its next fire time.
    #[default]
    Active,
    /// A user paused it; the next fire time stands still.
    Paused,
    /// Its trigger is exhausted or `max_fires` is reached. Cleanup removes it once no job of it is left.
    Finished,
    /// It cannot be planned; the reason says why. Others are not affected. An edit of the trigger revives it.
    Quarantined(Arc<str>),
}

impl ScheduleState {
    /// State of a schedule that is to fire next at `next_fire_time`.
    #[must_use]
    pub const fn after_fire(next_fire_time: Option<DateTime<Utc>>) -> Self {
        if next_fire_time.is_some() { Self::Active } else { Self::Finished }
    }

    /// The state's word in logs and stores.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Finished => "finished",
            Self::Quarantined(_) => "quarantined",
        }
    }
}

impl fmt::Display for ScheduleState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quarantined(reason) => write!(f, "quarantined: {reason}"),
            other => f.write_str(other.as_str()),
        }
    }
}
