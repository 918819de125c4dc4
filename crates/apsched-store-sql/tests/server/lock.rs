//! Which rows are locked, and in which order. The same for every server, by a pool of sqlx.
//!
//! A row that somebody has locked holds up nobody who wants another one: the statements find their rows by key, and lock no
//! further ones on the way. And two who lock some of the same rows wait for each other only one way, so that neither is
//! rolled back: who waits for the first has locked no later one.

/// The tests with a pool of this type, for a database that the expression makes; the query counts those who wait for a lock in
/// a statement that is like a pattern.
macro_rules! lock_suite {
    ($pool:ident, $database:expr, $url:expr, $waiting:literal) => {
        use std::future::Future;
        use std::sync::Arc;
        use std::time::Duration;

        use apsched_core::event::EventInterest;
        use apsched_core::job::{FinishedAttempt, JobRelease, Release};
        use apsched_core::schedule::{ScheduleAdvance, ScheduleRelease};
        use apsched_core::store::{
            AcquireJobs, AcquireSchedules, ExtendLeases, HeldJob, Recover, RecoverScope, ReleaseJobs,
            ReleaseSchedules, RemoveJobs, StoreResult,
        };
        use apsched_core::trigger::TriggerRegistry;
        use apsched_core::{
            Abilities, ConflictPolicy, DataStore, Job, JobOutcome, Overlap, SchedulerId, StoreError,
        };
        use apsched_store_sql::SqlDataStore;
        use apsched_testkit::sample::{self, at, executor, scheduler_id, seconds, task_id};
        use sqlx::{AssertSqlSafe, Executor, Row};

        use crate::harness::database::Database;
        use crate::harness::suite::{stored, stored_schedule};

        /// Much longer than any of these calls takes, shorter than a database waits for a lock.
        const PATIENCE: Duration = Duration::from_secs(20);

        async fn not_held_up<T>(what: &str, call: impl Future<Output = StoreResult<T>>) -> T {
            let answer = tokio::time::timeout(PATIENCE, call).await;
            let answer = answer.unwrap_or_else(|_| panic!("{what} waits for the row of somebody else"));
            answer.unwrap_or_else(|error| panic!("{what}: {error:?}"))
        }

        async fn acquired(store: &SqlDataStore, limit: usize) -> Vec<Job> {
            let request = AcquireJobs {
                scheduler_id: scheduler_id("a"),
                now: at(10),
                lease: seconds(30),
                limit,
                abilities: Arc::new(Abilities::new([task_id("send")], [executor("async")])),
                interest: EventInterest::NONE,
            };
            not_held_up("acquire_jobs", store.acquire_jobs(request)).await.0
        }

        async fn release(store: &SqlDataStore, job: &Job, release: Release) {
            let releases = Arc::new(vec![JobRelease { job_id: job.id, token: job.token, release }]);
            let (scheduler_id, interest) = (scheduler_id("a"), EventInterest::NONE);
            let request = ReleaseJobs { scheduler_id, now: at(11), releases, interest };
            let released = not_held_up("release_jobs", store.release_jobs(request)).await;
            assert_eq!(released.lost, [], "the claim holds");
        }

        async fn jobs(store: &SqlDataStore) {
            let running = acquired(store, 2).await;
            let [finished, again] = running.as_slice() else {
                panic!("two of the jobs are free: {running:?}")
            };
            let claims = running.iter().map(|job| HeldJob::new(job.id, job.token)).collect();
            let request = ExtendLeases {
                scheduler_id: scheduler_id("a"),
                now: at(11),
                lease: seconds(30),
                jobs: claims,
            };
            let report = not_held_up("extend_leases", store.extend_leases(request)).await;
            assert_eq!(report.lost, [], "the claims hold");
            let end = FinishedAttempt::without_run(JobOutcome::Success, at(11));
            release(store, finished, Release::Finish(end)).await;
            release(store, again, Release::RunAgain { run_at: at(12), attempt: 1 }).await;
        }

        async fn schedules(store: &SqlDataStore) {
            let request = AcquireSchedules {
                scheduler_id: scheduler_id("a"),
                now: at(100),
                lease: seconds(30),
                limit: 9,
            };
            let (claimed, _) = not_held_up("acquire_schedules", store.acquire_schedules(request)).await;
            assert_eq!(claimed.len(), 2, "those that nobody has locked");
            let released = |claimed: &apsched_core::store::ClaimedSchedule| ScheduleRelease {
                schedule_id: claimed.schedule.id.clone(),
                token: claimed.schedule.token,
                revision: claimed.schedule.revision,
                overlap: Overlap::Queue,
                jobs: Vec::new(),
                advance: ScheduleAdvance::To { next_fire_time: Some(at(200)), cut_off: None },
            };
            let releases = Arc::new(claimed.iter().map(released).collect());
            let (scheduler_id, interest) = (scheduler_id("a"), EventInterest::NONE);
            let request = ReleaseSchedules { scheduler_id, now: at(100), releases, interest };
            not_held_up("release_schedules", store.release_schedules(request)).await;
            let id = &claimed[0].schedule.id;
            not_held_up("remove_schedule", store.remove_schedule(id, RemoveJobs::Cancel, at(100))).await;
            let (scheduler_id, now) = (sample::scheduler_id("a"), at(300));
            let request =
                AcquireSchedules { scheduler_id: scheduler_id.clone(), now, lease: seconds(30), limit: 9 };
            not_held_up("acquire_schedules", store.acquire_schedules(request)).await;
            let successor = SchedulerId::new(scheduler_id.name().clone(), scheduler_id.incarnation() + 1);
            let scope = RecoverScope::ExpiredAndPredecessors;
            let request = Recover { scheduler_id: successor, now, scope, limit: 100, seed: 1 };
            not_held_up("recover", store.recover(request)).await;
        }

        #[test]
        fn a_row_that_somebody_has_locked_holds_up_nobody_who_wants_another() {
            apsched_testkit::conformance::block_on(async {
                let database = $database;
                if let Some(missing) = Database::missing(&database) {
                    return apsched_testkit::report_skipped(
                        "a_row_that_somebody_has_locked_holds_up_nobody_who_wants_another",
                        &missing,
                    );
                }
                let store = database.store();
                store.start(&TriggerRegistry::new()).await.expect("the tables are made");
                let unlimited = sample::task("send");
                store.put_tasks(vec![unlimited]).await.expect("a task");
                let added = (0..6).map(|_| stored(sample::job().build())).collect();
                store.add_jobs(added, EventInterest::NONE).await.expect("jobs");
                for name in ["locked", "one", "other"] {
                    let added = store.add_schedule(stored_schedule(name), ConflictPolicy::Error).await;
                    added.expect("a schedule");
                }
                // One that runs and one that waits.
                let locked = acquired(&store, 1).await[0].id.as_uuid().simple().to_string();
                let pool = $pool::connect(&$url).await.expect("the database");
                let mut transaction = pool.begin().await.expect("a transaction");
                for lock in [
                    format!("SELECT * FROM {{}}jobs WHERE id = {} FOR UPDATE", (database.job_id)(&locked)),
                    "SELECT * FROM {}jobs WHERE state = 'queued' ORDER BY id LIMIT 1 FOR UPDATE".to_owned(),
                    "SELECT * FROM {}schedules WHERE id = 'locked' FOR UPDATE".to_owned(),
                ] {
                    let lock = AssertSqlSafe(lock.replace("{}", &database.prefix));
                    transaction.execute(sqlx::raw_sql(lock)).await.expect("a lock");
                }

                jobs(&store).await;
                schedules(&store).await;

                transaction.rollback().await.expect("the end of the locks");
            });
        }

        #[test]
        fn who_was_refused_holds_no_lock() {
            apsched_testkit::conformance::block_on(async {
                let database = $database;
                if let Some(missing) = Database::missing(&database) {
                    return apsched_testkit::report_skipped("who_was_refused_holds_no_lock", &missing);
                }
                let store = database.store();
                store.start(&TriggerRegistry::new()).await.expect("the tables are made");
                let add = || store.add_schedule(stored_schedule("s"), ConflictPolicy::Error);
                add().await.expect("a schedule");
                let pool = $pool::connect(&$url).await.expect("the database");
                let lock = "SELECT id FROM {}schedules FOR UPDATE NOWAIT".replace("{}", &database.prefix);

                let refused = add().await;

                assert!(matches!(refused, Err(StoreError::ScheduleExists { .. })), "{refused:?}");
                let locked = pool.fetch_all(sqlx::raw_sql(AssertSqlSafe(lock))).await;
                assert_eq!(locked.expect("the row is free").len(), 1);
            });
        }

        async fn until_somebody_waits(pool: &$pool, prefix: &str) {
            let mut looks = tokio::time::interval(Duration::from_millis(150));
            let looking = async {
                loop {
                    looks.tick().await;
                    let waiting = AssertSqlSafe($waiting.replace("{}", prefix));
                    let row = pool.fetch_one(sqlx::raw_sql(waiting)).await.expect("an answer");
                    if row.get::<i64, _>(0) > 0 {
                        return;
                    }
                }
            };
            tokio::time::timeout(PATIENCE, looking).await.expect("the call waits for the locked row");
        }

        fn end(job: &Job, release: Release) -> JobRelease {
            JobRelease { job_id: job.id, token: job.token, release }
        }

        #[test]
        fn who_waits_for_the_first_job_has_locked_no_later_one() {
            apsched_testkit::conformance::block_on(async {
                let database = $database;
                if let Some(missing) = Database::missing(&database) {
                    return apsched_testkit::report_skipped(
                        "who_waits_for_the_first_job_has_locked_no_later_one",
                        &missing,
                    );
                }
                let store = database.store();
                store.start(&TriggerRegistry::new()).await.expect("the tables are made");
                store.put_tasks(vec![sample::task("send")]).await.expect("a task");
                let id = sample::schedule_id("s");
                let of_schedule = |number: i64| {
                    // The later in order of id, the earlier by fire time.
                    let (schedule_id, fire_time) = (Some(id.clone()), Some(at(1000 - number)));
                    stored(Job { schedule_id, fire_time, ..sample::job().build() })
                };
                let added = (0..40).map(of_schedule).collect();
                store.add_schedule(stored_schedule("s"), ConflictPolicy::Error).await.expect("a schedule");
                store.add_jobs(added, EventInterest::NONE).await.expect("jobs");
                let mut jobs = acquired(&store, 40).await;
                jobs.sort_unstable_by_key(|job| std::cmp::Reverse(job.id));
                let first = jobs.last().expect("forty jobs").id.as_uuid().simple().to_string();
                let pool = $pool::connect(&$url).await.expect("the database");
                let lock =
                    format!("SELECT id FROM {{}}jobs WHERE id = {} FOR UPDATE", (database.job_id)(&first));
                let free = "SELECT id FROM {}jobs FOR UPDATE SKIP LOCKED";
                let [lock, free] = [&lock, free].map(|it| it.replace("{}", &database.prefix));
                let (scheduler_id, now) = (scheduler_id("a"), at(11));
                let success = Release::Finish(FinishedAttempt::without_run(JobOutcome::Success, now));
                let again = Release::RunAgain { run_at: at(12), attempt: 1 };
                let held = jobs.iter().map(|job| HeldJob::new(job.id, job.token)).collect();
                let renewal =
                    ExtendLeases { scheduler_id: scheduler_id.clone(), now, lease: seconds(30), jobs: held };
                let releases = jobs.iter().enumerate().map(|(number, job)| match number % 2 {
                    0 => end(job, success.clone()),
                    _ => end(job, again.clone()),
                });
                let releases = Arc::new(releases.collect());
                let release = ReleaseJobs { scheduler_id, now, releases, interest: EventInterest::NONE };
                for call in ["extend_leases", "remove_schedule", "release_jobs"] {
                    let mut transaction = pool.begin().await.expect("a transaction");
                    transaction.execute(sqlx::raw_sql(AssertSqlSafe(lock.clone()))).await.expect("a lock");
                    let (store, renewal, release, id) =
                        (store.clone(), renewal.clone(), release.clone(), id.clone());
                    let called = tokio::spawn(async move {
                        match call {
                            "extend_leases" => store.extend_leases(renewal).await.map(|report| report.lost),
                            "remove_schedule" => {
                                store.remove_schedule(&id, RemoveJobs::Cancel, now).await.map(|_| Vec::new())
                            }
                            _ => store.release_jobs(release).await.map(|released| released.lost),
                        }
                    });
                    until_somebody_waits(&pool, &database.prefix).await;

                    let free =
                        pool.fetch_all(sqlx::raw_sql(AssertSqlSafe(free.clone()))).await.expect("an answer");

                    transaction.rollback().await.expect("the end of the lock");
                    assert_eq!(called.await.expect("no panic").expect("an answer"), [], "{call}");
                    assert_eq!(free.len(), 39, "{call}: all but the first");
                }
            });
        }
    };
}

pub(crate) use lock_suite;
