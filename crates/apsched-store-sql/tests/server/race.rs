//! Two transactions of users that want the same: the one who comes second is told, and its transaction goes on.

/// One test with a pool of this type, for a database that the expression makes.
macro_rules! race_suite {
    ($pool:ident, $database:expr, $url:expr) => {
        use apsched_core::event::EventInterest;
        use apsched_core::store::StoreTransaction;
        use apsched_core::trigger::TriggerRegistry;
        use apsched_core::{ConflictPolicy, DataStore, StoreError};
        use apsched_store_sql::SqlDataStore;
        use apsched_testkit::sample;

        use crate::harness::database::Database;
        use crate::harness::suite::{stored, stored_schedule};

        #[test]
        fn a_users_transaction_goes_on_when_another_was_first_to_add_the_schedule() {
            const ROUNDS: usize = 20;
            apsched_testkit::conformance::block_on(async {
                let database = $database;
                if let Some(missing) = Database::missing(&database) {
                    return apsched_testkit::report_skipped(
                        "a_users_transaction_goes_on_when_another_was_first_to_add_the_schedule",
                        &missing,
                    );
                }
                let pool = $pool::connect(&$url).await.expect("the test server");
                let store = SqlDataStore::from_pool_with(pool.clone(), database.options()).expect("options");
                store.start(&TriggerRegistry::new()).await.expect("the tables are made");
                for round in 0..ROUNDS {
                    let schedule = || stored_schedule(&format!("s-{round}"));
                    let mut first = pool.begin().await.expect("a transaction");
                    let mut second = pool.begin().await.expect("a transaction");
                    let mut within = store.within(&mut *first).expect("the same database");
                    within.add_schedule(schedule(), ConflictPolicy::Error).await.expect("a schedule");

                    let mut within = store.within(&mut *second).expect("the same database");
                    let (taken, committed) = futures_util::join!(
                        within.add_schedule(schedule(), ConflictPolicy::Error),
                        first.commit()
                    );

                    committed.expect("a commit");
                    assert!(matches!(taken, Err(StoreError::ScheduleExists { .. })), "{taken:?}");
                    let job = stored(sample::job().build());
                    within.add_jobs(vec![job], EventInterest::NONE).await.expect("the transaction goes on");
                    second.commit().await.expect("a commit");
                }
            });
        }
    };
}

pub(crate) use race_suite;
