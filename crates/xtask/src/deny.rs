//! The step `deny`: cargo-deny reads `deny.toml` where it is installed. Elsewhere the step is skipped by name, so that a
//! fresh machine needs nothing but cargo.

use std::process::Stdio;

use crate::cargo::Cargo;

/// Whether `cargo deny` can be run on this machine.
pub(crate) fn is_installed() -> bool {
    Cargo::new(&["deny", "--version"])
        .command()
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
