//! What if a task is declared? Pure; stores call it where they write.

use super::TaskDefinition;
use crate::event::{Event, TaskAdded, TaskUpdated};

impl TaskDefinition {
    /// What is told when this definition takes the place of what was known. `None`: it is the same, and nothing is to be written.
    ///
    /// Whoever writes anything ends with a wake-up: a limit may have been raised.
    #[must_use]
    pub fn declared_over(&self, known: Option<&Self>) -> Option<Event> {
        match known {
            Some(known) if known == self => None,
            Some(_) => Some(TaskUpdated::new(self.id.clone()).into()),
            None => Some(TaskAdded::new(self.id.clone()).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{ExecutorName, TaskId};
    use crate::task::{TaskDefaults, TaskSettings};

    #[test]
    fn a_task_is_added_once_and_updated_when_it_differs() {
        let (id, executor) = (TaskId::new("send").unwrap(), ExecutorName::new("async").unwrap());
        let task = TaskDefinition::decide(id, TaskSettings::new(), &TaskDefaults::default(), executor);
        let other = TaskDefinition { max_running_jobs: Some(7), ..task.clone() };
        assert!(matches!(task.declared_over(None), Some(Event::TaskAdded(_))));
        assert!(matches!(task.declared_over(Some(&other)), Some(Event::TaskUpdated(_))));
        assert_eq!(task.declared_over(Some(&task)), None);
    }
}
