//! Tasks: the typed name of a handler, and the settings that hang on it.

mod declare;
mod settings;

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

pub use settings::{RunSettings, Setting, TaskDefaults, TaskDefinition, TaskSettings};

use crate::id::{IdError, TaskId};

/// The name of a task, with the types of its payload `P` and its result `R`.
///
/// A constant, so that a producer needs neither the handler nor a string:
///
/// ```
/// use apsched_core::Task;
///
/// pub const ADD: Task<(i64, i64), i64> = Task::new("add");
/// assert_eq!(ADD.name(), "add");
/// ```
pub struct Task<P = (), R = ()> {
    name: Cow<'static, str>,
    types: PhantomData<fn(P) -> R>,
}

impl<P, R> Task<P, R> {
    /// The task called `name`; the name is checked when the task is used, and by [`Task::id`].
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name: Cow::Borrowed(name), types: PhantomData }
    }

    /// A task whose name is made at run time.
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: Cow::Owned(name.into()), types: PhantomData }
    }

    /// The name as given.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The checked name.
    ///
    /// # Errors
    /// [`IdError`] when the name is empty, too long or holds a control character.
    pub fn id(&self) -> Result<TaskId, IdError> {
        TaskId::new(&self.name)
    }
}

impl<P, R> Clone for Task<P, R> {
    fn clone(&self) -> Self {
        Self { name: self.name.clone(), types: PhantomData }
    }
}

impl<P, R> fmt::Debug for Task<P, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Task({:?})", self.name)
    }
}

/// What names a task in a call such as `add_job`: a [`Task`] constant, or what `#[task]` made of a function.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not name a task",
    label = "expected a `Task<P, R>` constant or a function marked `#[task]`",
    note = "declare `const MY_TASK: Task<Payload, Result> = Task::new(\"my_task\");`"
)]
pub trait TaskRef {
    /// What the task is given.
    type Payload;
    /// What it returns.
    type Output;
    /// The task.
    fn task(&self) -> Task<Self::Payload, Self::Output>;
}

impl<P, R> TaskRef for Task<P, R> {
    type Payload = P;
    type Output = R;
    fn task(&self) -> Self {
        self.clone()
    }
}

impl<T: TaskRef> TaskRef for &T {
    type Payload = T::Payload;
    type Output = T::Output;
    fn task(&self) -> Task<T::Payload, T::Output> {
        (**self).task()
    }
}
