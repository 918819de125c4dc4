//! How the store starts: on a new database, on one that others are starting on, on one of a newer release; with a wrong password.

use apsched_core::trigger::TriggerRegistry;
use apsched_core::{DataStore, StoreError};
use apsched_store_mongodb::{MongoDataStore, MongoOptions};
use apsched_testkit::backend::Backend;
use apsched_testkit::report_skipped;
use mongodb::bson::{DateTime, doc};

use crate::database::Database;

#[tokio::test(flavor = "multi_thread")]
async fn many_processes_start_at_once_on_a_new_database() {
    if let Some(why) = Backend::Mongodb.missing() {
        return report_skipped("many_processes_start_at_once_on_a_new_database", &why);
    }
    let database = Database::new();
    let starts = (0..8).map(|_| {
        let store = database.open();
        tokio::spawn(async move { store.start(&TriggerRegistry::new()).await })
    });

    for start in starts.collect::<Vec<_>>() {
        start.await.expect("the start ends").expect("the store starts");
    }

    let meta = database.collection("meta").await;
    let schema =
        meta.find_one(doc! {"_id": "schema"}).await.expect("an answer").expect("the schema is noted");
    assert_eq!(schema.get_i64("version").ok(), Some(1));
    assert_eq!(
        meta.find_one(doc! {"_id": "migration"}).await.expect("an answer"),
        None,
        "nobody holds the lock"
    );
    let indexes = database.collection("jobs").await.list_index_names().await.expect("names of indexes");
    assert!(indexes.contains(&"queue".to_owned()), "{indexes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_of_a_newer_release_is_refused() {
    if let Some(why) = Backend::Mongodb.missing() {
        return report_skipped("a_schema_of_a_newer_release_is_refused", &why);
    }
    let database = Database::new();
    let store = database.start().await;
    let newer = doc! {"$set": {"version": 99_i64}};
    let meta = database.collection("meta").await;
    meta.update_one(doc! {"_id": "schema"}, newer).await.expect("the version can be changed");

    let refused = store.start(&TriggerRegistry::new()).await;

    let Err(StoreError::Misconfigured { reason, .. }) = refused else {
        panic!("expected a refusal, found {refused:?}");
    };
    assert!(reason.contains("version 99") && reason.contains("expected at most 1"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_whose_process_was_killed_is_done_by_another() {
    if let Some(why) = Backend::Mongodb.missing() {
        return report_skipped("a_migration_whose_process_was_killed_is_done_by_another", &why);
    }
    let database = Database::new();
    let lock = doc! {"_id": "migration", "owner": "somebody", "until": DateTime::from_millis(0)};
    database.collection("meta").await.insert_one(lock).await.expect("the lock can be left");

    database.start().await;

    let meta = database.collection("meta").await;
    assert!(meta.find_one(doc! {"_id": "schema"}).await.expect("an answer").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_never_works_and_is_not_shown() {
    if let Some(why) = Backend::Mongodb.missing() {
        return report_skipped("a_wrong_password_never_works_and_is_not_shown", &why);
    }
    let url = Backend::Mongodb.url().replacen("://", "://ada:s3cret@", 1);
    let store = MongoDataStore::open(&url).expect("a URL");

    let refused = store.start(&TriggerRegistry::new()).await;

    assert!(matches!(refused, Err(StoreError::Misconfigured { .. })), "{refused:?}");
    assert!(!format!("{refused:?} {store:?}").contains("s3cret"));
}

#[test]
fn a_url_or_name_that_cannot_be_used_is_refused_before_anything_is_connected() {
    let refusal = |url: &str, options| match MongoDataStore::open_with(url, options) {
        Err(StoreError::Misconfigured { reason, .. }) => reason,
        other => panic!("expected a refusal, found {other:?}"),
    };

    refusal("postgres://host/db", MongoOptions::new());
    refusal("mongodb://", MongoOptions::new());
    assert!(
        refusal("mongodb://host", MongoOptions::new().collection_prefix("a-b")).contains("collection prefix")
    );
    assert!(refusal("mongodb://host", MongoOptions::new().database("a b")).contains("database"));
}
