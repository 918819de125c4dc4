//! The stored form of a cron trigger: what the user wrote, never what was made of it.
//!
//! ```json
//! {"day_of_week": "mon-fri", "hour": "9", "timezone": "Europe/Berlin"}
//! {"crontab": "0 9 * * mon-fri", "timezone": "UTC", "dst": {"gap": "skip", "fold": "both"}}
//! ```
//!
//! Reading it checks as much as building it: unknown names, unreadable texts and dates that never come are
//! errors.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::CronTrigger;
use super::definition::{Definition, FieldTexts};
use super::field::Field;
use crate::trigger::DstPolicy;

type Text<'a> = Option<Cow<'a, str>>;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    crontab: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    year: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    month: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    day: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    week: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    day_of_week: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hour: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    minute: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    second: Text<'a>,
    #[serde(default)]
    timezone: Tz,
    #[serde(skip_serializing_if = "Option::is_none")]
    dst: Option<DstPolicy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_time: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    anchored_at: Option<DateTime<Utc>>,
}

impl Serialize for CronTrigger {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (crontab, texts) = match &self.definition {
            Definition::Crontab(line) => (Some(Cow::Borrowed(&**line)), None),
            Definition::Fields(texts) => (None, Some(texts)),
        };
        let text = |field| texts.and_then(|texts| texts.get(field)).map(Cow::Borrowed);
        let stored = Stored {
            crontab,
            year: text(Field::Year),
            month: text(Field::Month),
            day: text(Field::Day),
            week: text(Field::Week),
            day_of_week: text(Field::DayOfWeek),
            hour: text(Field::Hour),
            minute: text(Field::Minute),
            second: text(Field::Second),
            timezone: self.timezone,
            dst: self.dst,
            start_time: self.start_time,
            end_time: self.end_time,
            anchored_at: self.anchored_at,
        };
        stored.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for CronTrigger {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = Stored::deserialize(deserializer)?;
        let texts = [
            stored.year.as_deref(),
            stored.month.as_deref(),
            stored.day.as_deref(),
            stored.week.as_deref(),
            stored.day_of_week.as_deref(),
            stored.hour.as_deref(),
            stored.minute.as_deref(),
            stored.second.as_deref(),
        ];
        let definition = match stored.crontab {
            None => Definition::Fields(FieldTexts::new(texts).map_err(de::Error::custom)?),
            Some(line) if texts.iter().all(Option::is_none) => Definition::Crontab(line.into()),
            Some(_) => {
                return Err(de::Error::custom("expected either a crontab line or cron fields, found both"));
            }
        };
        let mut trigger = Self::new(definition, stored.timezone, stored.dst).map_err(de::Error::custom)?;
        trigger.start_time = stored.start_time;
        trigger.end_time = stored.end_time;
        trigger.anchored_at = stored.anchored_at;
        Ok(trigger)
    }
}
