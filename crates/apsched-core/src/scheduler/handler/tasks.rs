//! The tasks of a program: names, handlers and settings, checked and bound to the program's state.
//!
//! What the compiler cannot see (a bad name, a name given twice) is collected, and reported all at once when the
//! scheduler is built.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use super::erased::ErasedHandler;
use super::problem::TaskProblem;
use super::task_function::TaskFunction;
use super::{BlockingHandler, Handler};
use crate::id::TaskId;
use crate::payload::TaskValue;
use crate::task::{Task, TaskSettings};

/// The tasks of a program, for handlers that ask for parts of its state `S`.
///
/// `Tasks<()>`, for handlers that need no state, can be passed to a scheduler as it is; others after
/// [`with_state`](Self::with_state).
///
/// ```
/// use std::time::Duration;
/// use apsched_core::{Retry, Task};
/// use apsched_core::scheduler::handler::{BoundTasks, Tasks};
///
/// const GREET: Task<String, String> = Task::new("greet");
/// const TIDY: Task = Task::new("");
///
/// let tasks = Tasks::new()
///     .task_with(GREET, async |name: String| format!("hello {name}"), |t| t.retry(Retry::exponential(3)))
///     .blocking(TIDY, || ())
///     .task(GREET, async |name: String| name);
///
/// let problems: Vec<_> = BoundTasks::from(tasks).problems().iter().map(|it| it.to_string()).collect();
/// assert_eq!(problems, [
///     "task id: expected 1 to 255 bytes, found an empty text",
///     r#"task "greet" is declared twice: expected one handler for each name"#,
/// ]);
/// ```
#[must_use = "tasks are known once they are passed to a scheduler"]
pub struct Tasks<S = ()> {
    tasks: Vec<UnboundTask<S>>,
    problems: Vec<TaskProblem>,
}

/// A task whose handler waits for the state.
struct UnboundTask<S> {
    id: TaskId,
    settings: TaskSettings,
    erase: Box<dyn FnOnce(Arc<S>) -> ErasedHandler + Send>,
}

impl<S: Send + Sync + 'static> Tasks<S> {
    /// No tasks yet.
    pub const fn new() -> Self {
        Self { tasks: Vec::new(), problems: Vec::new() }
    }

    /// Adds a task with an async handler; it says nothing about its settings, so all are inherited.
    pub fn task<P, R, M>(self, task: Task<P, R>, handler: impl Handler<S, P, R, M>) -> Self
    where
        P: TaskValue,
        R: TaskValue,
    {
        self.task_with(task, handler, |settings| settings)
    }

    /// Adds a task with an async handler and settings.
    pub fn task_with<P, R, M>(
        self,
        task: Task<P, R>,
        handler: impl Handler<S, P, R, M>,
        settings: impl FnOnce(TaskSettings) -> TaskSettings,
    ) -> Self
    where
        P: TaskValue,
        R: TaskValue,
    {
        self.push(&task, settings(TaskSettings::new()), move |state| handler.erase(state))
    }

    /// Adds a task with a blocking handler, run on a pool of threads; all settings are inherited.
    pub fn blocking<P, R, M>(self, task: Task<P, R>, handler: impl BlockingHandler<S, P, R, M>) -> Self
    where
        P: TaskValue,
        R: TaskValue,
    {
        self.blocking_with(task, handler, |settings| settings)
    }

    /// Adds a task with a blocking handler, run on a pool of threads, and settings.
    pub fn blocking_with<P, R, M>(
        self,
        task: Task<P, R>,
        handler: impl BlockingHandler<S, P, R, M>,
        settings: impl FnOnce(TaskSettings) -> TaskSettings,
    ) -> Self
    where
        P: TaskValue,
        R: TaskValue,
    {
        self.push(&task, settings(TaskSettings::new()), move |state| handler.erase(state))
    }

    /// Adds a function marked `#[task]`: its name, its handler, its settings.
    #[expect(clippy::should_implement_trait, reason = "adds a task to tasks; nobody takes that for a sum")]
    pub fn add(self, function: impl TaskFunction<S>) -> Self {
        function.add_to(self)
    }

    /// Adds the tasks of another part of the program.
    pub fn merge(mut self, other: Self) -> Self {
        self.tasks.extend(other.tasks);
        self.problems.extend(other.problems);
        self
    }

    /// Hands the state to the handlers; they share it.
    pub fn with_state(self, state: S) -> BoundTasks {
        let state = Arc::new(state);
        let bind = |task: UnboundTask<S>| BoundTask {
            id: task.id,
            settings: task.settings,
            handler: (task.erase)(state.clone()),
        };
        let mut bound = BoundTasks { problems: self.problems, ..BoundTasks::default() };
        for task in self.tasks {
            bound.push(bind(task));
        }
        bound
    }

    pub(super) fn with_problem(mut self, problem: TaskProblem) -> Self {
        self.problems.push(problem);
        self
    }

    fn push<P, R>(
        mut self,
        task: &Task<P, R>,
        settings: TaskSettings,
        erase: impl FnOnce(Arc<S>) -> ErasedHandler + Send + 'static,
    ) -> Self {
        match task.id() {
            Ok(id) => self.tasks.push(UnboundTask { id, settings, erase: Box::new(erase) }),
            Err(error) => self.problems.push(error.into()),
        }
        self
    }
}

impl<S: Send + Sync + 'static> Default for Tasks<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> fmt::Debug for Tasks<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<_> = self.tasks.iter().map(|task| &task.id).collect();
        f.debug_struct("Tasks").field("tasks", &ids).field("problems", &self.problems).finish()
    }
}

/// A task with a handler that has all it needs.
#[derive(Clone, Debug)]
pub struct BoundTask {
    /// The task's name.
    pub id: TaskId,
    /// What was said about it together with its handler.
    pub settings: TaskSettings,
    /// The handler.
    pub handler: ErasedHandler,
}

/// The tasks of a program, as a scheduler takes them.
#[derive(Debug, Default)]
#[must_use = "tasks are known once they are passed to a scheduler"]
pub struct BoundTasks {
    tasks: Vec<BoundTask>,
    ids: HashSet<TaskId>,
    problems: Vec<TaskProblem>,
}

impl BoundTasks {
    /// Adds tasks that were bound elsewhere, perhaps to another state.
    pub fn merge(mut self, other: impl Into<Self>) -> Self {
        let other = other.into();
        self.problems.extend(other.problems);
        for task in other.tasks {
            self.push(task);
        }
        self
    }

    /// Names of the tasks, in the order in which they were added.
    pub fn task_ids(&self) -> impl Iterator<Item = &TaskId> {
        self.tasks.iter().map(|task| &task.id)
    }

    /// What is wrong with them, all of it. Building a scheduler with such tasks fails.
    #[must_use]
    pub fn problems(&self) -> &[TaskProblem] {
        &self.problems
    }

    /// The tasks that are in order, and what is wrong with the others.
    #[must_use]
    pub fn into_parts(self) -> (Vec<BoundTask>, Vec<TaskProblem>) {
        (self.tasks, self.problems)
    }

    fn push(&mut self, task: BoundTask) {
        if self.ids.insert(task.id.clone()) {
            self.tasks.push(task);
        } else {
            self.problems.push(TaskProblem::Duplicate { task_id: task.id });
        }
    }
}

impl From<Tasks<()>> for BoundTasks {
    fn from(tasks: Tasks<()>) -> Self {
        tasks.with_state(())
    }
}
