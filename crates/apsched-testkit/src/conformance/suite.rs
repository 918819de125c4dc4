//! How a case is named, found and run; the same for every contract.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

/// A running case.
pub type CaseFuture<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// One sentence of a contract, as a test for a harness of type `H`.
pub struct Case<H: ?Sized + 'static> {
    /// The concept it belongs to, such as `job_acquire`.
    pub concept: &'static str,
    /// The sentence, such as `expired_lease_can_be_taken_by_another_scheduler`.
    pub name: &'static str,
    /// Runs it, inside of a tokio runtime. Panics when the contract is broken.
    pub run: for<'a> fn(&'a H) -> CaseFuture<'a>,
}

impl<H: ?Sized> Clone for Case<H> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<H: ?Sized> Copy for Case<H> {}

impl<H: ?Sized> fmt::Debug for Case<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Case({}::{})", self.concept, self.name)
    }
}

impl<H: ?Sized> Case<H> {
    /// The case of this name.
    ///
    /// # Panics
    /// When there is none.
    pub(crate) fn named(cases: &'static [Self], name: &str) -> &'static Self {
        cases.iter().find(|case| case.name == name).expect("the tests and the table are made from one list")
    }
}

/// Whether an implementation can do what not all can.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Support {
    /// It can.
    Yes,
    /// It cannot; cases about it are skipped by name.
    #[default]
    No,
}

/// Runs a case on a runtime of its own, as the generated tests do.
///
/// # Panics
/// When the runtime cannot be started, and with the panic of the case.
pub fn block_on(case: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("two threads for a runtime")
        .block_on(case);
}

/// Makes the table of a suite from its list.
macro_rules! case_table {
    ($harness:ty; $($concept:ident { $($name:ident)* })*) => {
        /// Every case, in the order of the contract.
        pub const CASES: &[$crate::conformance::Case<$harness>] = &[
            $($($crate::conformance::Case {
                concept: stringify!($concept),
                name: stringify!($name),
                run: |harness| Box::pin(cases::$concept::$name(harness)),
            },)*)*
        ];
    };
}

/// Makes the table of a suite whose cases wait for nothing.
macro_rules! sync_case_table {
    ($harness:ty; $($concept:ident { $($name:ident)* })*) => {
        /// Every case, in the order of the contract.
        pub const CASES: &[$crate::conformance::Case<$harness>] = &[
            $($($crate::conformance::Case {
                concept: stringify!($concept),
                name: stringify!($name),
                run: |harness| Box::pin(async move { cases::$concept::$name(harness) }),
            },)*)*
        ];
    };
}

pub(crate) use {case_table, sync_case_table};

/// Makes one test of each case of a list.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_tests {
    ($run:path; $harness:expr; $($concept:ident { $($name:ident)* })*) => {
        $($(
            #[test]
            fn $name() {
                $crate::conformance::block_on(async {
                    let harness = $harness;
                    $run(stringify!($name), &harness).await;
                });
            }
        )*)*
    };
}
