//! A server that one test has for itself: on a free port, in a directory that goes with it, to be restarted at will.
//!
//! It runs the programs that are installed on this machine; where one is missing, the test says so and is skipped by name.
//! Shared servers ([`Backend::url`]) are for all other tests: they are there already, and nobody stops them.

use std::fs;
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::backend::{Address, Backend};

/// How long a server may take to listen.
const PATIENCE: Duration = Duration::from_secs(30);

/// Time between two looks whether it listens.
const LOOK: Duration = Duration::from_millis(20);

/// Where servers are found besides the directories of `PATH`.
const DIRECTORIES: [&str; 3] = ["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin"];

/// Where the versions of PostgreSQL are, each with a directory `bin`.
const POSTGRES_VERSIONS: &str = "/usr/lib/postgresql";

/// A server of Redis, MQTT (Mosquitto) or PostgreSQL that belongs to one test. It ends when this is dropped.
///
/// ```no_run
/// # async fn test() -> Result<(), String> {
/// use apsched_testkit::backend::Backend;
/// use apsched_testkit::fault::OwnServer;
///
/// let mut server = OwnServer::start(Backend::Redis).await?;
/// let url = server.url(); // redis://127.0.0.1:41234
/// server.restart().await; // who was connected is not any more
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct OwnServer {
    backend: Backend,
    port: u16,
    directory: PathBuf,
    process: Option<Child>,
}

impl OwnServer {
    /// Starts a server, and returns when it listens.
    ///
    /// # Errors
    /// What this machine lacks: the program, or a backend that can be started like this.
    pub async fn start(backend: Backend) -> Result<Self, String> {
        let name = format!("apsched-{backend}-{}-{:08x}", std::process::id(), fastrand::u32(..));
        let directory = std::env::temp_dir().join(name);
        let lacking = |what: &str, error: io::Error| format!("{what} for a {backend} of its own: {error}");
        fs::create_dir(&directory).map_err(|error| lacking("a directory", error))?;
        let port = free_port().map_err(|error| lacking("a port", error))?;
        let mut server = Self { backend, port, directory, process: None };
        if backend == Backend::Postgres {
            server.make_cluster()?;
        }
        server.launch()?;
        server.wait_until_it_listens().await?;
        Ok(server)
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        let port = self.port;
        match self.backend {
            Backend::Postgres => format!("postgres://postgres@127.0.0.1:{port}/postgres"),
            backend => format!("{backend}://127.0.0.1:{port}"),
        }
    }

    /// Stops it without regard for its clients, starts it again at the same port, and returns when it listens.
    ///
    /// # Panics
    /// When it does not start again.
    pub async fn restart(&mut self) {
        self.stop();
        let started = self.launch();
        started.unwrap_or_else(|why| panic!("restart the {}: {why}", self.backend));
        let listens = self.wait_until_it_listens().await;
        listens.unwrap_or_else(|why| panic!("restart the {}: {why}", self.backend));
    }

    fn launch(&mut self) -> Result<(), String> {
        let port = self.port.to_string();
        let mut command = match self.backend {
            Backend::Redis => {
                let mut redis = self.program("redis-server")?;
                redis.args(["--bind", "127.0.0.1", "--port", &port, "--save", "", "--appendonly", "no"]);
                redis
            }
            Backend::Mqtt => {
                let mut mosquitto = self.program("mosquitto")?;
                // Without a configuration it takes anybody, from this machine only.
                mosquitto.args(["-p", &port]);
                mosquitto
            }
            Backend::Postgres => {
                let mut postgres = self.postgres_program("postgres")?;
                postgres.arg("-D").arg(self.cluster()).args(["-p", &port, "-h", "127.0.0.1", "-F"]);
                postgres.arg("-k").arg(&self.directory);
                postgres
            }
            other => return Err(format!("a {other} of its own cannot be started")),
        };
        let started = command.spawn();
        self.process = Some(started.map_err(|error| format!("start the {}: {error}", self.backend))?);
        Ok(())
    }

    fn stop(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        if self.backend == Backend::Postgres
            && let Ok(mut pg_ctl) = self.postgres_program("pg_ctl")
        {
            // Its children would outlive it, and hold its memory.
            pg_ctl.arg("-D").arg(self.cluster()).args(["stop", "-m", "immediate", "-w"]).status().ok();
        }
        // Fails when it has ended already.
        process.kill().ok();
        process.wait().ok();
    }

    fn make_cluster(&self) -> Result<(), String> {
        #[cfg(unix)]
        if let Some(owner) = self.owner()? {
            let given = std::os::unix::fs::chown(&self.directory, Some(owner.0), Some(owner.1));
            given.map_err(|error| format!("give {} to postgres: {error}", self.directory.display()))?;
        }
        let mut initdb = self.postgres_program("initdb")?;
        initdb.arg("-D").arg(self.cluster()).args(["-U", "postgres", "-A", "trust", "-N", "--no-locale"]);
        match initdb.status() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("initdb ended with {status}")),
            Err(error) => Err(format!("run initdb: {error}")),
        }
    }

    fn cluster(&self) -> PathBuf {
        self.directory.join("cluster")
    }

    /// A program of PostgreSQL, which refuses to be run by root.
    fn postgres_program(&self, name: &str) -> Result<Command, String> {
        #[cfg_attr(not(unix), expect(unused_mut, reason = "only unix has users to run it as"))]
        let mut command = self.program(name)?;
        #[cfg(unix)]
        if let Some((user, group)) = self.owner()? {
            std::os::unix::process::CommandExt::uid(&mut command, user);
            std::os::unix::process::CommandExt::gid(&mut command, group);
        }
        Ok(command)
    }

    /// Who the cluster belongs to where the test is run by root. `None`: to who runs it.
    #[cfg(unix)]
    fn owner(&self) -> Result<Option<(u32, u32)>, String> {
        use std::os::unix::fs::MetadataExt;
        let runs_it = fs::metadata("/proc/self").map(|process| process.uid());
        if !matches!(runs_it, Ok(0)) {
            return Ok(None);
        }
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let user = users.lines().find_map(|line| {
            let mut fields = line.split(':');
            let (name, _, user, group) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
            (name == "postgres").then_some((user.parse().ok()?, group.parse().ok()?))
        });
        user.map(Some).ok_or_else(|| "no user \"postgres\", whom root could run a server as".to_owned())
    }

    fn program(&self, name: &str) -> Result<Command, String> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let versions = fs::read_dir(POSTGRES_VERSIONS).into_iter().flatten().flatten();
        let found = std::env::split_paths(&path)
            .chain(DIRECTORIES.map(PathBuf::from))
            .chain(versions.map(|version| version.path().join("bin")))
            .map(|directory| directory.join(name))
            .find(|program| program.is_file());
        let program =
            found.ok_or_else(|| format!("no program {name:?}, for a {} of its own", self.backend))?;
        let mut command = Command::new(program);
        command.current_dir(&self.directory).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(command)
    }

    async fn wait_until_it_listens(&mut self) -> Result<(), String> {
        let address = Address { host: "127.0.0.1".to_owned(), port: self.port };
        let mut looks = tokio::time::interval(LOOK);
        let listening = async {
            loop {
                looks.tick().await;
                if let Some(Ok(Some(status))) = self.process.as_mut().map(Child::try_wait) {
                    return Err(format!("the {} ended with {status}", self.backend));
                }
                if address.connect().is_ok() {
                    return Ok(());
                }
            }
        };
        let waited = tokio::time::timeout(PATIENCE, listening).await;
        waited.unwrap_or_else(|_| {
            Err(format!("the {} does not listen at {address} after {PATIENCE:?}", self.backend))
        })
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        self.stop();
        fs::remove_dir_all(Path::new(&self.directory)).ok();
    }
}

/// A port at which nobody listens, as far as can be told.
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
