//! Which schedules are left to others, as columns: the rule is that of [`apsched_core::store::Strangers`].

use apsched_core::store::Strangers;
use apsched_core::trigger::AnyTrigger;

use crate::value::Value;

/// The names of a trigger's custom ones; none if there are none.
pub(crate) fn names_column(trigger: &AnyTrigger) -> Value {
    Value::Text(Strangers::names_of(trigger))
}

/// What is not to be given out to this process, for a set of rows that is never empty.
pub(crate) fn rows(strangers: &Strangers) -> Vec<[Value; 1]> {
    // No schedule has an empty list of names.
    std::iter::once(String::new()).chain(strangers.met()).map(|names| [Value::Text(Some(names))]).collect()
}

/// Leaves schedules with this trigger to others from now on.
pub(crate) fn meet(strangers: &Strangers, trigger: &AnyTrigger) {
    if let Some(names) = strangers.meet(trigger) {
        tracing::warn!(
            names,
            "custom triggers are not registered here; schedules with them are left to who knows them"
        );
    }
}
