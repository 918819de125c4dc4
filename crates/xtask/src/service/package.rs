//! Packages of the distribution, by `apt-get`: the only thing here that changes the machine outside of `target/`, so it is
//! done only with consent.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// Whether packages may be installed on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Consent {
    /// The user asked for the servers, or the machine is one of CI.
    Given,
    /// The user asked for something else.
    Withheld,
}

const INSTALLER: &str = "/usr/bin/apt-get";

/// Whether this machine has packages that we know.
pub(super) fn is_possible() -> bool {
    Path::new(INSTALLER).exists()
}

/// Installs a package, as root or by `sudo`. Never removes another one.
pub(super) fn install(package: &str) -> Result<()> {
    let install = ["install", "--yes", "--no-install-recommends", "--no-remove", package];
    if apt_get(&install)? {
        return Ok(());
    }
    // The lists of packages are old, or were never fetched.
    if apt_get(&["update"])? && apt_get(&install)? {
        return Ok(());
    }
    bail!("`apt-get {}` failed", install.join(" "))
}

fn apt_get(arguments: &[&str]) -> Result<bool> {
    let words: &[&str] = if is_root() { &[INSTALLER] } else { &["sudo", INSTALLER] };
    let line = format!("{} {}", words.join(" "), arguments.join(" "));
    println!("$ {line}");
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
    let status = command.status().with_context(|| format!("running `{line}`"))?;
    Ok(status.success())
}

pub(super) fn is_root() -> bool {
    number_of(&[]).is_some_and(|id| id == 0)
}

/// The number of a user, as `id -u` tells it; of the current one where none is named.
pub(super) fn number_of(user: &[&str]) -> Option<u32> {
    let output = Command::new("id").arg("-u").args(user).stderr(Stdio::null()).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}
