//! Which checks a change must pass, in which order, and the cargo command behind each.
//!
//! Cheap checks stand first, so that a slip of formatting is known in a second and not after the tests.

use clap::ValueEnum;

use crate::cargo::Cargo;

/// One check. The order of the variants is the order of the run; the doc comment of a variant is its help text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Step {
    /// rustfmt would change nothing
    Fmt,
    /// the house rules hold: what clippy cannot express
    House,
    /// apsched-core compiles alone, without the scheduler
    Core,
    /// the facade compiles with each of its features alone, with none, and with all
    Features,
    /// clippy has nothing to say
    Clippy,
    /// rustdoc has nothing to say
    Doc,
    /// licenses, advisories and bans hold; skipped by name where cargo-deny is not installed
    Deny,
    /// the servers that tests need listen; one that cannot be had is told by name
    Services,
    /// unit tests, integration tests and doctests of every crate
    Test,
    /// every example ends by itself, with success, before its deadline
    Examples,
}

impl Step {
    /// Every step, in the order of the run.
    pub(crate) fn all() -> &'static [Self] {
        Self::value_variants()
    }

    /// What the user types after `--only`.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().expect("no step is hidden from the command line").get_name().to_owned()
    }

    /// What holds when the step passes.
    pub(crate) fn claim(self) -> String {
        let value = self.to_possible_value().expect("no step is hidden from the command line");
        value.get_help().map(ToString::to_string).unwrap_or_default()
    }

    /// The cargo command that is the whole step; `None` for a step with code of its own.
    pub(crate) fn cargo(self) -> Option<Cargo> {
        let arguments: &[&str] = match self {
            Self::Fmt => &["fmt", "--all", "--check"],
            Self::Core => &["check", "--package", "apsched-core", "--no-default-features"],
            Self::Clippy => {
                &["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"]
            }
            Self::Doc => &["doc", "--workspace", "--no-deps", "--all-features"],
            Self::Deny => &["deny", "check"],
            Self::Test => &["test", "--workspace", "--all-features"],
            Self::House | Self::Features | Self::Services | Self::Examples => return None,
        };
        let cargo = Cargo::new(arguments);
        Some(if self == Self::Doc { cargo.env("RUSTDOCFLAGS", "-D warnings") } else { cargo })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_run_in_this_order() {
        let names: Vec<_> = Step::all().iter().map(|step| step.name()).collect();

        assert_eq!(
            names,
            ["fmt", "house", "core", "features", "clippy", "doc", "deny", "services", "test", "examples"]
        );
    }

    #[test]
    fn each_step_says_what_holds_when_it_passes() {
        assert_eq!(Step::Fmt.claim(), "rustfmt would change nothing");
        assert!(Step::all().iter().all(|step| !step.claim().is_empty()));
    }

    #[test]
    fn each_cargo_step_can_be_run_again_by_hand() {
        let lines: Vec<_> =
            Step::all().iter().filter_map(|step| step.cargo()).map(|cargo| cargo.to_string()).collect();

        assert_eq!(
            lines,
            [
                "cargo fmt --all --check",
                "cargo check --package apsched-core --no-default-features",
                "cargo clippy --workspace --all-targets --all-features -- -D warnings",
                "RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --all-features",
                "cargo deny check",
                "cargo test --workspace --all-features",
            ]
        );
    }
}
