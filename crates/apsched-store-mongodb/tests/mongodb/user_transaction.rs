//! Jobs and schedules in a transaction of the user's own: there with the user's data, or not at all.

use apsched_core::event::EventInterest;
use apsched_core::store::StoreTransaction;
use apsched_core::trigger::TriggerRegistry;
use apsched_core::{ConflictPolicy, DataStore, StoreError};
use apsched_store_mongodb::MongoDataStore;
use apsched_testkit::backend::Backend;
use apsched_testkit::{report_skipped, sample};
use mongodb::ClientSession;
use mongodb::bson::{Document, doc};

use crate::database::{Database, client};

/// A store on a client of the user's, with a transaction in which the user has written an order.
async fn with_order(database: &Database) -> (MongoDataStore, ClientSession) {
    let client = client().await;
    let store = MongoDataStore::from_client_with(client.clone(), database.options()).expect("a store");
    store.start(&TriggerRegistry::new()).await.expect("the store starts");
    let orders = client.database(&database.name).collection::<Document>("orders");
    let mut session = client.start_session().await.expect("a session");
    session.start_transaction().await.expect("a transaction");
    orders.insert_one(doc! {"_id": 4711}).session(&mut session).await.expect("an order");
    (store, session)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_added_is_there_with_the_commit() {
    if let Some(why) = Backend::Mongodb.missing() {
        return report_skipped("what_was_added_is_there_with_the_commit", &why);
    }
    let database = Database::new();
    let (store, mut session) = with_order(&database).await;
    let (job, schedule) = (sample::job().build(), sample::schedule("s").build());

    let mut within = store.within(&mut session);
    let added = within.add_jobs(vec![job.clone()], EventInterest::ALL).await.expect("the job is added");
    let planned = within.add_schedule(schedule.clone(), ConflictPolicy::Error).await.expect("it is added");
    let before = store.jobs(&Default::default()).await.expect("the jobs");
    session.commit_transaction().await.expect("the commit");

    assert!(before.is_empty() && !added.is_empty() && !planned.is_empty());
    assert_eq!(store.jobs(&Default::default()).await.expect("the jobs")[0].id, job.id);
    assert!(store.schedule(&schedule.id).await.expect("an answer").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_added_is_gone_with_the_rollback() {
    if let Some(why) = Backend::Mongodb.missing() {
        return report_skipped("what_was_added_is_gone_with_the_rollback", &why);
    }
    let database = Database::new();
    let (store, mut session) = with_order(&database).await;

    let mut within = store.within(&mut session);
    within.add_jobs(vec![sample::job().build()], EventInterest::ALL).await.expect("the job is added");
    session.abort_transaction().await.expect("the rollback");

    assert!(store.jobs(&Default::default()).await.expect("the jobs").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_is_taken_does_not_end_the_transaction() {
    if let Some(why) = Backend::Mongodb.missing() {
        return report_skipped("an_id_that_is_taken_does_not_end_the_transaction", &why);
    }
    let database = Database::new();
    let (store, mut session) = with_order(&database).await;
    let (old, new) = (sample::job().build(), sample::job().build());
    store.add_jobs(vec![old.clone()], EventInterest::NONE).await.expect("the job is added");
    store.add_schedule(sample::schedule("s").build(), ConflictPolicy::Error).await.expect("it is added");
    session.abort_transaction().await.expect("one that had begun before");
    session.start_transaction().await.expect("a transaction");

    let mut within = store.within(&mut session);
    within.add_jobs(vec![old, new.clone()], EventInterest::ALL).await.expect("the new one is added");
    let refused = within.add_schedule(sample::schedule("s").build(), ConflictPolicy::Error).await;
    session.commit_transaction().await.expect("the commit");

    assert!(matches!(refused, Err(StoreError::ScheduleExists { .. })), "{refused:?}");
    let there = store.jobs(&Default::default()).await.expect("the jobs");
    assert!(there.len() == 2 && there.iter().any(|job| job.id == new.id), "{there:?}");
}
