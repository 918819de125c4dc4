//! Hands parts of the program's state to the handlers that ask for them.

use std::ops::{Deref, DerefMut};

use super::error::JobError;
use super::extract::FromJob;
use crate::scheduler::JobContext;

/// A part that can be had from the program's state `S`.
///
/// Implement it for each part that a handler asks for as [`State<Part>`](State). The whole state is a part of itself if
/// it is `Clone`.
///
/// ```
/// use std::sync::Arc;
/// use apsched_core::scheduler::handler::FromRef;
///
/// struct Db;
/// struct App { db: Arc<Db> }
///
/// impl FromRef<App> for Arc<Db> {
///     fn from_ref(app: &App) -> Self { app.db.clone() }
/// }
///
/// let app = App { db: Arc::new(Db) };
/// assert!(Arc::ptr_eq(&Arc::<Db>::from_ref(&app), &app.db));
/// assert_eq!(u8::from_ref(&7), 7);
/// ```
#[diagnostic::on_unimplemented(
    message = "this function is not a task handler for state `{S}`: `State<{Self}>` needs `{Self}: FromRef<{S}>`",
    label = "no `{Self}` can be had from `{S}`",
    note = "write `impl FromRef<{S}> for {Self} {{ fn from_ref(state: &{S}) -> Self {{ … }} }}`"
)]
pub trait FromRef<S> {
    /// A copy of the part, or a handle on it. Called for each job: keep it cheap.
    fn from_ref(state: &S) -> Self;
}

impl<S: Clone> FromRef<S> for S {
    fn from_ref(state: &S) -> Self {
        state.clone()
    }
}

/// A part of the program's state, as an argument of a handler.
///
/// ```
/// use apsched_core::scheduler::handler::{State, Tasks};
/// use apsched_core::Task;
///
/// #[derive(Clone)]
/// struct Greeting(&'static str);
///
/// async fn greet(name: String, State(Greeting(greeting)): State<Greeting>) -> String {
///     format!("{greeting} {name}")
/// }
///
/// const GREET: Task<String, String> = Task::new("greet");
/// let tasks = Tasks::new().task(GREET, greet).with_state(Greeting("hello"));
/// assert!(tasks.problems().is_empty());
/// ```
///
/// A state without the part does not compile:
///
/// ```compile_fail
/// # use apsched_core::scheduler::handler::{State, Tasks};
/// # use apsched_core::Task;
/// # #[derive(Clone)]
/// # struct Greeting(&'static str);
/// # async fn greet(name: String, State(Greeting(greeting)): State<Greeting>) -> String { name }
/// # const GREET: Task<String, String> = Task::new("greet");
/// struct App;
/// let tasks = Tasks::new().task(GREET, greet).with_state(App);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State<T>(pub T);

impl<S, T: FromRef<S>> FromJob<S> for State<T> {
    fn from_job(_context: &JobContext, state: &S) -> Result<Self, JobError> {
        Ok(Self(T::from_ref(state)))
    }
}

impl<T> Deref for State<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for State<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}
