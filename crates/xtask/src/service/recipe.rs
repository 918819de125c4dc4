//! How a server is prepared and run as a process of ours: on 127.0.0.1 alone, open to everybody there, with data of its own.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::package::{is_root, number_of};
use super::place::Place;
use crate::backend::{Address, Backend};

/// The replica set of the default URL of MongoDB.
pub(super) const REPLICA_SET: &str = "rs0";

#[derive(Debug)]
pub(super) struct Recipe {
    /// Run to its end before, where the data are not prepared yet.
    pub(super) prepare: Option<Command>,
    /// Runs until it is stopped.
    pub(super) serve: Command,
}

/// The recipe of `program` for the server at `address`. Makes the directories and files that it needs, and removes data that
/// somebody began to prepare.
pub(super) fn of(place: &Place, program: &Path, address: &Address) -> Result<Recipe> {
    let data = place.data();
    let is_prepared = place.prepared().exists();
    if !is_prepared {
        place.forget()?;
    }
    fs::create_dir_all(&data).with_context(|| format!("making {}", data.display()))?;
    let (host, port) = (address.host.as_str(), address.port.to_string());
    let mut serve = Command::new(program);
    let mut prepare = None;
    match place.backend {
        Backend::Sqlite => bail!("sqlite has no server"),
        Backend::Postgres => {
            let mut initialize = Command::new(program.with_file_name("initdb"));
            initialize.args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-sync"]);
            initialize.arg("--pgdata").arg(&data);
            serve.arg("-D").arg(&data).args(["-h", host, "-p", &port, "-k", ""]);
            prepare = Some(initialize);
        }
        Backend::Mysql => {
            let mut initialize = Command::new("mariadb-install-db");
            initialize.args([
                "--no-defaults",
                "--auth-root-authentication-method=normal",
                "--skip-name-resolve",
            ]);
            initialize.arg(assigned("--datadir", &data));
            serve.arg("--no-defaults").arg(assigned("--datadir", &data));
            serve.arg(assigned("--socket", &data.join("socket")));
            serve.args(["--bind-address", host, "--port", &port, "--skip-name-resolve"]);
            if is_root() {
                initialize.arg("--user=root");
                serve.arg("--user=root");
            }
            prepare = Some(initialize);
        }
        Backend::Mongodb => {
            serve.arg("--dbpath").arg(&data).args(["--bind_ip", host, "--port", &port, "--nounixsocket"]);
            serve.args(["--replSet", REPLICA_SET, "--wiredTigerCacheSizeGB", "0.5"]);
            // It would wait fifteen seconds for another node to take over.
            serve.args(["--setParameter", "shutdownTimeoutMillisForSignaledShutdown=100"]);
            // Each test drops a database, whose files it would keep open for ten minutes: a few runs would use up all it may open.
            let soon = "file_manager=(close_idle_time=10,close_scan_interval=2,close_handle_minimum=100)";
            serve.args(["--wiredTigerEngineConfigString", soon]);
        }
        Backend::Redis => {
            serve.args(["--bind", host, "--port", &port, "--save", "", "--appendonly", "no"]);
            serve.arg("--dir").arg(&data);
        }
        Backend::Mqtt => {
            let configuration = data.join("mosquitto.conf");
            let user = if is_root() { "user root\n" } else { "" };
            let options = "allow_anonymous true\npersistence false\nset_tcp_nodelay true\n";
            let text = format!("listener {port} {host}\n{options}{user}");
            fs::write(&configuration, text)
                .with_context(|| format!("writing {}", configuration.display()))?;
            serve.arg("-c").arg(&configuration);
        }
    }
    if place.backend == Backend::Postgres && is_root() {
        let initialize = prepare.iter_mut();
        give_to_postgres(&data, initialize.chain([&mut serve]))?;
    }
    Ok(Recipe { prepare: prepare.filter(|_| !is_prepared), serve })
}

fn assigned(option: &str, path: &Path) -> String {
    format!("{option}={}", path.display())
}

/// PostgreSQL refuses to be run by root: the user of its package runs it.
#[cfg(unix)]
fn give_to_postgres<'a>(data: &Path, commands: impl Iterator<Item = &'a mut Command>) -> Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    use std::os::unix::process::CommandExt;

    let user =
        number_of(&["postgres"]).context("PostgreSQL is not run by root, and there is no user postgres")?;
    chown(data, Some(user), None).with_context(|| format!("giving {} to postgres", data.display()))?;
    fs::set_permissions(data, fs::Permissions::from_mode(0o700))
        .with_context(|| format!("closing {} for others", data.display()))?;
    for directory in data.ancestors().skip(1) {
        let mode = fs::metadata(directory).with_context(|| format!("looking at {}", directory.display()))?;
        if mode.mode() & 0o001 == 0 {
            bail!(
                "the user postgres may not enter {}: name a directory of everybody in CARGO_TARGET_DIR, or do not work as root",
                directory.display()
            );
        }
    }
    for command in commands {
        // Its group would be root's, with all that this may read.
        command.uid(user).gid(user);
        command.current_dir(data);
    }
    Ok(())
}

#[cfg(not(unix))]
fn give_to_postgres<'a>(_data: &Path, _commands: impl Iterator<Item = &'a mut Command>) -> Result<()> {
    bail!("servers can be started as processes on Unix alone; elsewhere Docker starts them")
}
