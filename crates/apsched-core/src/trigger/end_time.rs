//! When does a trigger end at the latest? Jitter must not carry a job past it.

use chrono::{DateTime, Utc};

use super::AnyTrigger;

impl AnyTrigger {
    /// The last instant at which the trigger may fire. `None`: no end was set, or a custom trigger keeps it to itself.
    pub(crate) fn end_time(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Date(_) | Self::Custom(_) => None,
            Self::Interval(trigger) => trigger.end_time(),
            Self::CalendarInterval(trigger) => trigger.end_time(),
            Self::Cron(trigger) => trigger.end_time(),
            // It ends with the first of its parts that does.
            Self::And(trigger) => trigger.triggers().iter().filter_map(Self::end_time).min(),
            // It ends with the last of its parts, if all of them do.
            Self::Or(trigger) => {
                let ends = trigger.triggers().iter().map(Self::end_time).collect::<Option<Vec<_>>>();
                ends.and_then(|ends| ends.into_iter().max())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::trigger::{AndTrigger, IntervalTrigger, OrTrigger};

    #[test]
    fn combinations_end_with_their_first_or_their_last_part() {
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        let until = |seconds| {
            let every = IntervalTrigger::every(Duration::from_secs(1));
            AnyTrigger::from(every.starting_at(at(0)).ending_at(at(seconds)))
        };
        let endless = AnyTrigger::from(IntervalTrigger::every(Duration::from_secs(1)));
        let and = AndTrigger::new([until(5), until(9), endless.clone()]).unwrap();
        assert_eq!(AnyTrigger::from(and).end_time(), Some(at(5)));
        let or = OrTrigger::new([until(5), until(9)]).unwrap();
        assert_eq!(AnyTrigger::from(or).end_time(), Some(at(9)));
        let or = OrTrigger::new([until(5), endless]).unwrap();
        assert_eq!(AnyTrigger::from(or).end_time(), None);
    }
}
