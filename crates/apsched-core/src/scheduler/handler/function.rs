//! Which Rust functions can be called as handlers: async and blocking ones of up to nine arguments.

/// A function or closure that takes the arguments `A`, a tuple, and returns a future.
///
/// Implemented for all of them up to nine arguments; nothing to implement by hand. An async closure that captures
/// something lends it to its future, which the language does not let us call from many jobs at once: write a closure
/// that returns a future with a copy of its own.
///
/// ```
/// use std::sync::Arc;
/// use apsched_core::Task;
/// use apsched_core::scheduler::handler::Tasks;
///
/// const GREET: Task<String, String> = Task::new("greet");
///
/// let greeting = Arc::new("hello".to_owned());
/// let tasks = Tasks::<()>::new().task(GREET, move |name: String| {
///     let greeting = greeting.clone();
///     async move { format!("{greeting} {name}") }
/// });
/// # let _ = tasks;
/// ```
pub trait AsyncFunction<A> {
    /// What a call returns.
    type Future: Future;

    /// Calls the function.
    fn call(&self, arguments: A) -> Self::Future;
}

/// A function or closure that takes the arguments `A`, a tuple, and may block its thread.
///
/// Implemented for all of them up to nine arguments; nothing to implement by hand.
pub trait BlockingFunction<A> {
    /// What a call returns.
    type Output;

    /// Calls the function.
    fn call(&self, arguments: A) -> Self::Output;
}

macro_rules! functions {
    ($($name:ident $Type:ident),*) => {
        impl<F, Fut, $($Type),*> AsyncFunction<($($Type,)*)> for F
        where
            F: Fn($($Type),*) -> Fut,
            Fut: Future,
        {
            type Future = Fut;

            fn call(&self, ($($name,)*): ($($Type,)*)) -> Fut {
                self($($name),*)
            }
        }

        impl<F, O, $($Type),*> BlockingFunction<($($Type,)*)> for F
        where
            F: Fn($($Type),*) -> O,
        {
            type Output = O;

            fn call(&self, ($($name,)*): ($($Type,)*)) -> O {
                self($($name),*)
            }
        }
    };
}

functions!();
functions!(a A);
functions!(a A, b B);
functions!(a A, b B, c C);
functions!(a A, b B, c C, d D);
functions!(a A, b B, c C, d D, e E);
functions!(a A, b B, c C, d D, e E, f G);
functions!(a A, b B, c C, d D, e E, f G, g H);
functions!(a A, b B, c C, d D, e E, f G, g H, h I);
functions!(a A, b B, c C, d D, e E, f G, g H, h I, i J);
