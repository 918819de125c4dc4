//! Calls that nobody waits for any more.

use apsched_core::DataStore;
use apsched_core::task::TaskDefinition;
use apsched_store_mongodb::MongoDataStore;
use apsched_testkit::backend::Backend;
use apsched_testkit::fault::dropped_after;
use apsched_testkit::{report_skipped, sample};
use mongodb::bson::{Document, doc};

use crate::database::{Database, client};

/// Transactions of the client that calls itself as this database is called, which nobody is at work in.
async fn left_open(database: &Database) -> Vec<Document> {
    let admin = client().await.database("admin");
    let sessions = doc! {"$currentOp": {"allUsers": true, "idleSessions": true}};
    let idle =
        doc! {"$match": {"active": false, "appName": &database.name, "transaction": {"$exists": true}}};
    let found = admin.aggregate([sessions, idle]).await.expect("an answer");
    futures_util::TryStreamExt::try_collect(found).await.expect("transactions")
}

/// Each call is dropped at each of its polls, also while its first statement is under way.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_dropped_leaves_no_transaction_open() {
    if let Some(why) = Backend::Mongodb.missing() {
        return report_skipped("a_call_that_is_dropped_leaves_no_transaction_open", &why);
    }
    let database = Database::new();
    database.start().await;
    let url = Backend::Mongodb.url();
    let joint = if url.contains('?') { '&' } else { '?' };
    let url = format!("{url}{joint}appName={}", database.name);
    let store = MongoDataStore::open_with(&url, database.options()).expect("the URL of the tests");
    for polls in 1..=8 {
        let task = TaskDefinition { max_running_jobs: Some(polls), ..sample::task("send") };
        dropped_after(polls as usize, store.put_tasks(vec![task])).await;

        // A session that is used again would end what was left open in it.
        let mut looks = 0;
        while !left_open(&database).await.is_empty() {
            looks += 1;
            assert!(looks < 1_000, "after {polls} polls: {:?}", left_open(&database).await);
        }
    }
}
