//! A server that one test has for itself: on a free port, in a directory that goes with it, to be restarted at will.
//!
//! It runs the programs that are installed on this machine; where one is missing, the test says so and is skipped by name.
//! Shared servers ([`Backend::url`]) are for all other tests: they are there already, and nobody stops them.

use std::fmt;
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

/// The files of a server that speaks TLS.
const CERTIFICATE: &str = "server.crt";
const KEY: &str = "server.key";

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
    encryption: Encryption,
    carrier: Carrier,
    process: Option<Child>,
}

/// Who a server says that it is, and the key that proves it, in PEM.
#[derive(Clone)]
pub struct ServerCertificate {
    /// Its certificate.
    pub certificate: String,
    /// The private key to the certificate.
    pub key: String,
}

#[cfg(feature = "tls")]
impl ServerCertificate {
    /// A new one for the server of this host, signed by itself.
    ///
    /// # Panics
    /// When the text is no name of a host and no address.
    #[must_use]
    pub fn self_signed(host: &str) -> Self {
        let made = rcgen::generate_simple_self_signed([host.to_owned()]).expect("a name of a host");
        Self { certificate: made.cert.pem(), key: made.signing_key.serialize_pem() }
    }
}

/// Without the key.
impl fmt::Debug for ServerCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerCertificate").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

/// Whether a server speaks TLS; then its certificate is in its directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encryption {
    None,
    Tls,
}

/// What carries the protocol of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Carrier {
    Tcp,
    /// Only an MQTT server has it.
    Websocket,
}

impl OwnServer {
    /// Starts a server, and returns when it listens.
    ///
    /// # Errors
    /// What this machine lacks: the program, or a backend that can be started like this.
    pub async fn start(backend: Backend) -> Result<Self, String> {
        let mut server = Self::new(backend)?;
        server.launch()?;
        server.wait_until_it_listens().await?;
        Ok(server)
    }

    /// Starts a server that speaks TLS with this certificate, and nothing else where it can be told so, and returns when it
    /// listens. Clients need no certificate.
    ///
    /// # Errors
    /// What this machine lacks: the program, TLS in it, or a backend that can be started like this.
    pub async fn start_encrypted(backend: Backend, certificate: &ServerCertificate) -> Result<Self, String> {
        let mut server = Self::new(backend)?;
        server.encrypt(certificate)?;
        server.launch()?;
        server.wait_until_it_listens().await?;
        Ok(server)
    }

    /// Starts an MQTT server that is reached by websockets and nothing else, encrypted where there is a certificate, and
    /// returns when it listens.
    ///
    /// # Errors
    /// What this machine lacks: the program, or websockets in it.
    pub async fn start_websocket(certificate: Option<&ServerCertificate>) -> Result<Self, String> {
        let mut server = Self::new(Backend::Mqtt)?;
        server.carrier = Carrier::Websocket;
        if let Some(certificate) = certificate {
            server.encrypt(certificate)?;
        }
        server.launch()?;
        server.wait_until_it_listens().await?;
        Ok(server)
    }

    fn encrypt(&mut self, certificate: &ServerCertificate) -> Result<(), String> {
        self.encryption = Encryption::Tls;
        for (name, text) in [(CERTIFICATE, &certificate.certificate), (KEY, &certificate.key)] {
            let written = self.write_secret(name, text);
            written.map_err(|error| format!("write {name} for a {} of its own: {error}", self.backend))?;
        }
        Ok(())
    }

    fn new(backend: Backend) -> Result<Self, String> {
        let name = format!("apsched-{backend}-{}-{:08x}", std::process::id(), fastrand::u32(..));
        let directory = std::env::temp_dir().join(name);
        let lacking = |what: &str, error: io::Error| format!("{what} for a {backend} of its own: {error}");
        fs::create_dir(&directory).map_err(|error| lacking("a directory", error))?;
        let port = free_port().map_err(|error| lacking("a port", error))?;
        let (encryption, carrier) = (Encryption::None, Carrier::Tcp);
        let server = Self { backend, port, directory, encryption, carrier, process: None };
        if backend == Backend::Postgres {
            server.make_cluster()?;
        }
        Ok(server)
    }

    /// Its URL. Of one that speaks TLS it is one by which clients look at the certificate.
    #[must_use]
    pub fn url(&self) -> String {
        let port = self.port;
        match (self.backend, self.encryption) {
            (Backend::Postgres, Encryption::None) => format!("postgres://postgres@127.0.0.1:{port}/postgres"),
            (Backend::Postgres, Encryption::Tls) => {
                format!("postgres://postgres@127.0.0.1:{port}/postgres?sslmode=verify-full")
            }
            (_, Encryption::None) if self.carrier == Carrier::Websocket => {
                format!("ws://127.0.0.1:{port}/mqtt")
            }
            (_, Encryption::Tls) if self.carrier == Carrier::Websocket => {
                format!("wss://127.0.0.1:{port}/mqtt")
            }
            (backend, Encryption::None) => format!("{backend}://127.0.0.1:{port}"),
            (backend, Encryption::Tls) => format!("{backend}s://127.0.0.1:{port}"),
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
                redis.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
                match self.encryption {
                    Encryption::None => redis.args(["--port", &port]),
                    Encryption::Tls => redis
                        .args(["--port", "0", "--tls-port", &port, "--tls-auth-clients", "no"])
                        .args(["--tls-cert-file", CERTIFICATE, "--tls-key-file", KEY])
                        .args(["--tls-ca-cert-file", CERTIFICATE]),
                };
                redis
            }
            Backend::Mqtt => {
                let mut mosquitto = self.program("mosquitto")?;
                mosquitto.args(["-c", &self.mosquitto_configuration(&port)?]);
                mosquitto
            }
            Backend::Postgres => {
                let mut postgres = self.postgres_program("postgres")?;
                postgres.arg("-D").arg(self.cluster()).args(["-p", &port, "-h", "127.0.0.1", "-F"]);
                postgres.arg("-k").arg(&self.directory);
                if self.encryption == Encryption::Tls {
                    let (certificate, key) = (self.directory.join(CERTIFICATE), self.directory.join(KEY));
                    postgres.args(["-c", "ssl=on"]);
                    postgres.args(["-c", &format!("ssl_cert_file={}", certificate.display())]);
                    postgres.args(["-c", &format!("ssl_key_file={}", key.display())]);
                }
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

    /// The name of a file by which Mosquitto takes anybody, from this machine only.
    fn mosquitto_configuration(&self, port: &str) -> Result<String, String> {
        // Root would become another user, who may not read the key.
        let mut lines = "user root\nset_tcp_nodelay true\n".to_owned();
        lines.push_str(&format!("listener {port} 127.0.0.1\nallow_anonymous true\n"));
        if self.carrier == Carrier::Websocket {
            lines.push_str("protocol websockets\n");
        }
        if self.encryption == Encryption::Tls {
            for (option, name) in [("certfile", CERTIFICATE), ("keyfile", KEY)] {
                lines.push_str(&format!("{option} {}\n", self.directory.join(name).display()));
            }
        }
        if self.carrier == Carrier::Websocket {
            // Some versions end where they have nothing but websockets.
            lines.push_str(&format!("listener 0 {}\n", self.directory.join("unused.socket").display()));
        }
        let name = "mosquitto.conf";
        fs::write(self.directory.join(name), lines).map_err(|error| format!("write {name}: {error}"))?;
        Ok(name.to_owned())
    }

    /// Writes a file that is for the server alone: PostgreSQL refuses a key that others may read.
    fn write_secret(&self, name: &str, text: &str) -> io::Result<()> {
        let path = self.directory.join(name);
        fs::write(&path, text)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::{PermissionsExt, chown};
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
            if let Some((user, group)) = self.owner().map_err(io::Error::other)?
                && self.backend == Backend::Postgres
            {
                chown(&path, Some(user), Some(group))?;
            }
        }
        Ok(())
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
