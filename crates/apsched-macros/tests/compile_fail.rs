//! What does not compile, and how the compiler says so: see the `.stderr` beside each file of `compile_fail/`.
//!
//! `TRYBUILD=overwrite cargo test -p apsched-macros --test compile_fail` writes the messages anew; read them as a
//! newcomer would before you keep them.

#[test]
fn mistakes_are_told_readably() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
