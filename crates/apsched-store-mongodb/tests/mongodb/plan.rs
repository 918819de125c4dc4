//! What the server does for claims: it looks into indexes, at not many more entries than it gives out, however much waits there.
//!
//! The commands are those that the store sent, as its client tells them; the server explains each of them anew.

use std::sync::Arc;

use apsched_core::event::EventInterest;
use apsched_core::job::{FinishedAttempt, JobRelease, Release};
use apsched_core::store::{
    AcquireJobs, AcquireSchedules, JobFilter, Recover, RecoverScope, ReleaseJobs, WakeupQuery,
};
use apsched_core::task::TaskDefinition;
use apsched_core::{Abilities, ConflictPolicy, DataStore, Job, JobOutcome, JobState};
use apsched_store_mongodb::MongoDataStore;
use apsched_testkit::backend::Backend;
use apsched_testkit::report_skipped;
use apsched_testkit::sample::{self, at, executor, seconds, task_id};
use mongodb::bson::{Bson, Document, Uuid, doc};

use crate::database::{Database, copy};

/// Jobs of a saturated task in front of all others, and jobs for a far future in front of those that are due.
const SATURATED: usize = 100_000;
const FAR: usize = 20_000;
/// Jobs that may be taken, of several priorities.
const DUE: usize = 5_000;
const SCHEDULES: usize = 20_000;

/// Entries and documents that one command for a hundred jobs or schedules may look at.
const MOST: i64 = 500;

/// Commands that look for something.
static LOOKING: [&str; 6] = ["find", "aggregate", "update", "delete", "distinct", "count"];

/// Adds a job and copies it behind the back of the store, since that is what takes the least time.
async fn add_copies(store: &MongoDataStore, database: &Database, job: Job, copies: usize) {
    let jobs = database.collection("jobs").await;
    let by_id = doc! {"_id": Uuid::from_bytes(job.id.as_uuid().into_bytes())};
    store.add_jobs(vec![job], EventInterest::NONE).await.expect("the pattern is added");
    let pattern = jobs.find_one(by_id).await.expect("an answer").expect("the job is there");
    copy(&jobs, pattern, copies, |_, _| ()).await;
}

async fn fill(store: &MongoDataStore, database: &Database) {
    let limited = |id, limit| TaskDefinition { max_running_jobs: Some(limit), ..sample::task(id) };
    let tasks = vec![limited("hash", 0), limited("mail", 200), sample::task("send")];
    store.put_tasks(tasks).await.expect("the tasks are declared");
    let saturated = sample::job().task("hash").priority(9);
    add_copies(store, database, saturated.build(), SATURATED).await;
    let far = sample::job().task("send").priority(5).run_at(at(1_000_000));
    add_copies(store, database, far.build(), FAR).await;
    for priority in 0..4 {
        for task in ["send", "mail"] {
            let due = sample::job().task(task).priority(priority);
            add_copies(store, database, due.build(), DUE / 4).await;
        }
    }
    let schedule = sample::schedule("s").build();
    store.add_schedule(schedule, ConflictPolicy::Error).await.expect("the pattern is added");
    let schedules = database.collection("schedules").await;
    let pattern =
        schedules.find_one(doc! {"_id": "s"}).await.expect("an answer").expect("the schedule is there");
    let copies = (0..SCHEDULES).map(|number| {
        let mut copy = pattern.clone();
        copy.insert("_id", format!("s{number}"));
        copy
    });
    schedules.insert_many(copies).await.expect("the copies are written");
}

/// Everything that schedulers ask again and again.
async fn work(store: &MongoDataStore) {
    let (scheduler_id, now, lease) = (sample::scheduler_id("a"), at(0), seconds(30));
    let abilities = Arc::new(Abilities::new(["hash", "mail", "send"].map(task_id), [executor("async")]));
    let interest = EventInterest::NONE;
    for _ in 0..3 {
        let (id, abilities) = (scheduler_id.clone(), abilities.clone());
        let query = WakeupQuery { scheduler_id: id.clone(), now, abilities: abilities.clone() };
        store.next_wakeup(query).await.expect("an answer");
        let request = AcquireJobs { scheduler_id: id.clone(), now, lease, limit: 100, abilities, interest };
        let (jobs, _) = store.acquire_jobs(request).await.expect("jobs");
        assert_eq!(jobs.len(), 100);
        let end = |job: &Job| JobRelease {
            job_id: job.id,
            token: job.token,
            release: Release::Finish(FinishedAttempt::without_run(JobOutcome::Success, now)),
        };
        let releases = Arc::new(jobs.iter().take(50).map(end).collect());
        let request = ReleaseJobs { scheduler_id: id.clone(), now, releases, interest };
        store.release_jobs(request).await.expect("an answer");
        let request = AcquireSchedules { scheduler_id: id.clone(), now, lease, limit: 100 };
        let (schedules, _) = store.acquire_schedules(request).await.expect("schedules");
        assert_eq!(schedules.len(), 100);
        let scope = RecoverScope::Expired;
        let request = Recover { scheduler_id: id.clone(), now, scope, limit: 100, seed: 1 };
        store.recover(request).await.expect("an answer");
        store.cancel_requests(&id).await.expect("an answer");
    }
}

/// What the server says about a command: all plans in it, one within another.
async fn explain(database: &Database, command: &Document) -> Document {
    let mut command = command.clone();
    for of_the_session in [
        "lsid",
        "txnNumber",
        "autocommit",
        "startTransaction",
        "readConcern",
        "writeConcern",
        "$db",
        "$clusterTime",
    ] {
        command.remove(of_the_session);
    }
    let tasks = database.collection("tasks").await;
    let explain = doc! {"explain": command.clone(), "verbosity": "executionStats"};
    let explained = tasks.client().database(&database.name).run_command(explain).await;
    explained.unwrap_or_else(|error| panic!("{command}: {error}"))
}

/// Calls `see` with every document within a value.
fn visit(value: &Bson, see: &mut impl FnMut(&Document)) {
    match value {
        Bson::Document(document) => {
            see(document);
            document.values().for_each(|value| visit(value, see));
        }
        Bson::Array(values) => values.iter().for_each(|value| visit(value, see)),
        _ => {}
    }
}

fn whole(value: Option<&Bson>) -> i64 {
    value.and_then(|value| value.as_i64().or(value.as_i32().map(i64::from))).unwrap_or(0)
}

/// Entries of indexes and documents that a command looks at, whether it reads a collection as a whole, and the plan.
async fn looked_at(database: &Database, command: &Document) -> (i64, i64, bool, Bson) {
    let explained = Bson::from(explain(database, command).await);
    let (mut entries, mut documents, mut is_scan) = (0, 0, false);
    visit(&explained, &mut |plan| {
        entries += whole(plan.get("totalKeysExamined"));
        documents += whole(plan.get("totalDocsExamined"));
        is_scan |= plan.get_str("stage").is_ok_and(|stage| stage == "COLLSCAN");
    });
    (entries, documents, is_scan, explained)
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_look_into_indexes_alone_behind_a_saturated_task_and_a_far_future() {
    if let Some(why) = Backend::Mongodb.missing() {
        let name = "claims_look_into_indexes_alone_behind_a_saturated_task_and_a_far_future";
        return report_skipped(name, &why);
    }
    let database = Database::new();
    let (store, commands) = database.start_noting(&LOOKING).await;
    fill(&store, &database).await;
    commands.lock().expect("no test panics here").clear();

    work(&store).await;

    let commands = commands.lock().expect("no test panics here").clone();
    assert!(commands.len() > 30, "the store was seen at work: {}", commands.len());
    for command in &commands {
        let (entries, documents, is_scan, explained) = looked_at(&database, command).await;
        // Tasks are few, and all of them are asked for.
        let is_of_tasks = command.to_string().contains("apsched_tasks");
        assert!(!is_scan || is_of_tasks, "a collection is read as a whole: {command}\n{explained}");
        assert!(
            entries <= MOST && documents <= MOST,
            "{entries} entries and {documents} documents are looked at: {command}\n{explained}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn running_jobs_are_listed_without_a_look_at_those_that_wait() {
    if let Some(why) = Backend::Mongodb.missing() {
        return report_skipped("running_jobs_are_listed_without_a_look_at_those_that_wait", &why);
    }
    let database = Database::new();
    let (store, commands) = database.start_noting(&["find"]).await;
    store.put_tasks(vec![sample::task("send")]).await.expect("the task is declared");
    add_copies(&store, &database, sample::job().task("send").build(), 2_000).await;
    let abilities = Arc::new(Abilities::new([task_id("send")], [executor("async")]));
    let (scheduler_id, lease, interest) = (sample::scheduler_id("a"), seconds(30), EventInterest::NONE);
    let request = AcquireJobs { scheduler_id, now: at(0), lease, limit: 20, abilities, interest };
    let (mut acquired, _) = store.acquire_jobs(request).await.expect("jobs");
    acquired.sort_unstable_by_key(|job| job.id);

    // With a limit above what runs whoever goes by the ids has to go through all of them.
    let filters = [None, Some(task_id("send"))].into_iter().flat_map(|task| [(task.clone(), 5), (task, 25)]);
    for (task, limit) in filters {
        commands.lock().expect("no test panics here").clear();
        let (state, limit) = (Some(JobState::Running), Some(limit));
        let filter = JobFilter { task_id: task, state, limit, ..JobFilter::default() };
        let listed = store.jobs(&filter).await.expect("jobs");

        let ids = |jobs: &[Job]| jobs.iter().map(|job| job.id).collect::<Vec<_>>();
        let first = limit.map_or(20, |limit| limit.min(20));
        assert_eq!(ids(&listed), ids(&acquired[..first]), "by id, however they are found");
        let [command] = &commands.lock().expect("no test panics here").clone()[..] else {
            panic!("one look")
        };
        let (entries, documents, is_scan, explained) = looked_at(&database, command).await;
        assert!(!is_scan && entries <= 30 && documents <= 30, "{command}\n{explained}");
    }
}
