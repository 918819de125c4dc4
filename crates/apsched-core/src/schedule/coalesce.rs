//! What becomes of fire times that piled up while nobody looked.

use serde::{Deserialize, Serialize};

/// How several due fire times of one schedule become jobs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Coalesce {
    /// One job, at the latest due fire time. The default.
    #[default]
    Latest,
    /// One job, at the earliest due fire time.
    Earliest,
    /// One job for each, oldest first, at most [`ScheduleSettings::max_catch_up`](super::ScheduleSettings::max_catch_up).
    All,
}
