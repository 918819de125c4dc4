//! The serializer contract: what every implementation of `Serializer` must do.
//!
//! The harness is the serializer itself. A value that a serializer wrote must read back as it was; any other bytes must
//! give an error, never a panic, and never more memory than they deserve.

mod cases;
mod sample_value;

use apsched_core::Serializer;

use super::suite::{Case, sync_case_table};

/// Runs the case of this name.
///
/// # Panics
/// When the contract is broken, and when there is no such case.
pub async fn run(name: &str, serializer: &(dyn Serializer + 'static)) {
    (Case::named(CASES, name).run)(serializer).await;
}

/// One test of each case of the serializer contract, by the case's own name.
///
/// The expression makes the serializer; it is evaluated anew for every case. Several suites in one file stand in modules of
/// their own.
///
/// ```
/// apsched_testkit::serializer_conformance!(apsched_core::serializer::Json);
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! serializer_conformance {
    ($serializer:expr) => {
        $crate::__serializer_cases! { $crate::__conformance_tests; $crate::conformance::serializer::run; $serializer }
    };
}

/// The one list of cases, by concept, in the order of the contract.
#[doc(hidden)]
#[macro_export]
macro_rules! __serializer_cases {
    ($then:path; $($arguments:tt)*) => {
        $then! { $($arguments)*;
            value {
                the_name_is_an_id_and_stays_the_same
                integers_read_back_to_their_extremes
                floats_read_back
                texts_read_back
                bytes_read_back
                nothing_and_something_are_told_apart
                sequences_and_tuples_read_back
                maps_read_back
                variants_read_back
                tagged_and_flattened_values_read_back
                nested_values_read_back
                json_values_read_back
                large_values_read_back
                a_field_that_the_reader_does_not_know_is_passed_over
            }
            model {
                a_trigger_of_every_kind_reads_back
                settings_and_definitions_read_back
                events_and_results_read_back
            }
            refusal {
                bytes_after_the_value_are_refused
                half_a_value_is_refused
                a_value_of_another_type_is_refused
                an_error_names_the_serializer
                garbage_gives_an_error_and_no_panic
                damaged_values_give_no_panic
                endless_nesting_gives_an_error
                a_length_that_is_only_claimed_is_not_believed
            }
        }
    };
}

__serializer_cases! { sync_case_table; dyn Serializer }
