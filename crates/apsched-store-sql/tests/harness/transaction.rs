//! Jobs and schedules in a transaction of the user's own, the same for every pool of sqlx.

/// Tests with a pool of this type, for a database that the expression makes.
macro_rules! transaction_suite {
    ($pool:ident, $begin:literal, $database:expr, $url:expr) => {
        use apsched_core::event::EventInterest;
        use apsched_core::store::{JobFilter, ScheduleFilter, StoreTransaction};
        use apsched_core::trigger::TriggerRegistry;
        use apsched_core::{ConflictPolicy, DataStore, StoreError};
        use apsched_store_sql::SqlDataStore;
        use apsched_testkit::sample;

        use crate::harness::database::Database;
        use crate::harness::suite::{stored, stored_schedule};

        /// A store on a pool, and the pool.
        async fn opened(database: &impl Database, url: &str) -> ($pool, SqlDataStore) {
            let pool = $pool::connect(url).await.expect("the database");
            let store = SqlDataStore::from_pool_with(pool.clone(), database.options()).expect("options");
            store.start(&TriggerRegistry::new()).await.expect("the tables are made");
            (pool, store)
        }

        async fn counts(store: &SqlDataStore) -> (usize, usize) {
            let jobs = store.jobs(&JobFilter::default()).await.expect("jobs");
            let schedules = store.schedules(&ScheduleFilter::default()).await.expect("schedules");
            (jobs.len(), schedules.len())
        }

        #[test]
        fn what_is_added_in_a_users_transaction_is_committed_or_rolled_back_with_it() {
            apsched_testkit::conformance::block_on(async {
                let database = $database;
                if let Some(missing) = Database::missing(&database) {
                    return apsched_testkit::report_skipped(
                        "what_is_added_in_a_users_transaction_is_committed_or_rolled_back_with_it",
                        &missing,
                    );
                }
                let (pool, store) = opened(&database, &$url(&database)).await;
                for (end, expected) in [("rollback", (0, 0)), ("commit", (2, 1))] {
                    let mut transaction = pool.begin_with($begin).await.expect("a transaction");
                    let mut within = store.within(&mut *transaction).expect("the same database");
                    let jobs = vec![stored(sample::job().build()), stored(sample::job().build())];
                    let events = within.add_jobs(jobs, EventInterest::ALL).await.expect("jobs");
                    let schedule = stored_schedule("s");
                    within.add_schedule(schedule, ConflictPolicy::Error).await.expect("a schedule");
                    let taken = within.add_schedule(stored_schedule("s"), ConflictPolicy::Error).await;

                    let before = counts(&store).await;
                    match end {
                        "commit" => transaction.commit().await.expect("a commit"),
                        _ => transaction.rollback().await.expect("a rollback"),
                    }

                    assert_eq!(events.len(), 3, "two jobs and one wake-up: {events:?}");
                    assert!(matches!(taken, Err(StoreError::ScheduleExists { .. })), "{taken:?}");
                    assert_eq!(before, (0, 0), "nobody sees what is not committed");
                    assert_eq!(counts(&store).await, expected, "after the {end}");
                }
            });
        }
    };
}

pub(crate) use transaction_suite;
