//! Who waits for a slot hears of it, though the slot was free before its job was there for all to see.

use std::time::Duration;

use apsched_core::event::{Event, EventInterest};
use apsched_core::job::{FinishedAttempt, JobRelease, Release};
use apsched_core::store::ReleaseJobs;
use apsched_core::trigger::TriggerRegistry;
use apsched_core::{DataStore, JobOutcome, TaskDefinition};
use apsched_testkit::backend::Backend;
use apsched_testkit::report_skipped;
use apsched_testkit::sample::{self, at};
use sqlx::PgPool;

use crate::harness::database::Database;
use crate::harness::suite::{acquisition, stored};

/// Lets every transaction that deletes a job wait for a lock before it commits.
const HOLD_COMMITS: &str = "
    CREATE FUNCTION {}hold() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_advisory_xact_lock(hashtext('{}hold')); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER hold AFTER DELETE ON {}jobs DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION {}hold();";

async fn until_somebody_waits(pool: &PgPool) {
    let mut looks = tokio::time::interval(Duration::from_millis(20));
    let looking = async {
        loop {
            looks.tick().await;
            let waiting = "SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
            let waiting: i64 = sqlx::query_scalar(waiting).fetch_one(pool).await.expect("an answer");
            if waiting > 0 {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), looking).await.expect("the release comes to its commit");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_is_added_while_the_slot_before_it_is_being_freed_is_woken() {
    let server = crate::server();
    if let Some(missing) = Database::missing(&server) {
        let name = "a_job_that_is_added_while_the_slot_before_it_is_being_freed_is_woken";
        return report_skipped(name, &missing);
    }
    let store = server.store();
    store.start(&TriggerRegistry::new()).await.expect("the tables are made");
    let one_at_a_time = TaskDefinition { max_running_jobs: Some(1), ..sample::task("send") };
    store.put_tasks(vec![one_at_a_time]).await.expect("a task");
    store.add_jobs(vec![stored(sample::job().build())], EventInterest::NONE).await.expect("a job");
    let (running, _) = store.acquire_jobs(acquisition(9)).await.expect("a job");
    let success = Release::Finish(FinishedAttempt::without_run(JobOutcome::Success, at(11)));
    let release = JobRelease { job_id: running[0].id, token: running[0].token, release: success };
    let request = ReleaseJobs {
        scheduler_id: sample::scheduler_id("a"),
        now: at(11),
        releases: vec![release].into(),
        interest: EventInterest::NONE,
    };
    server.run(HOLD_COMMITS).await;
    let pool = PgPool::connect(&Backend::Postgres.url()).await.expect("the server");
    let mut gate = pool.begin().await.expect("a transaction");
    let lock = format!("SELECT pg_advisory_xact_lock(hashtext('{}hold'))", server.prefix);
    sqlx::query(sqlx::AssertSqlSafe(lock)).execute(&mut *gate).await.expect("the lock");

    let releasing = tokio::spawn({
        let store = store.clone();
        async move { store.release_jobs(request).await }
    });
    until_somebody_waits(&pool).await;
    store.add_jobs(vec![stored(sample::job().build())], EventInterest::NONE).await.expect("a job");
    let (early, _) = store.acquire_jobs(acquisition(9)).await.expect("an answer");
    gate.rollback().await.expect("the gate opens");
    let released = releasing.await.expect("no panic").expect("the job is released");

    assert!(early.is_empty(), "the slot is taken until the release is committed: {early:?}");
    let wakeup = released.events.iter().any(|event| matches!(event, Event::Wakeup(_)));
    assert!(wakeup, "whoever releases the slot tells the one who has come meanwhile: {:?}", released.events);
}
