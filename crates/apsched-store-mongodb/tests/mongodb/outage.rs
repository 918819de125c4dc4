//! What the store answers when its server does not: an error that may pass, in bounded time; and it works again afterwards.

use std::time::Duration;

use apsched_core::event::EventInterest;
use apsched_core::store::StoreResult;
use apsched_core::{DataStore, Job, StoreError};
use apsched_store_mongodb::MongoDataStore;
use apsched_testkit::backend::Backend;
use apsched_testkit::fault::TcpProxy;
use apsched_testkit::{report_skipped, sample};

use crate::database::Database;

/// A store whose line to the server can be spoiled, and which is not patient.
async fn through(proxy: &TcpProxy, database: &Database) -> MongoDataStore {
    let url = Backend::Mongodb.url_through(proxy.address());
    let joint = if url.contains('?') { '&' } else { '?' };
    let url = format!("{url}{joint}serverSelectionTimeoutMS=500&heartbeatFrequencyMS=500");
    let options = database.options().operation_timeout(Duration::from_secs(2));
    // On a busy machine collections and indexes may take longer than it waits.
    database.start().await;
    let store = MongoDataStore::open_with(&url, options).expect("the URL of the tests");
    for _ in 0..60 {
        match store.start(&Default::default()).await {
            Ok(()) => return store,
            Err(error) => assert!(error.is_transient(), "{error:?}"),
        }
    }
    panic!("the store does not start");
}

async fn add_job(store: &MongoDataStore) -> StoreResult<Job> {
    let job = sample::job().build();
    store.add_jobs(vec![job.clone()], EventInterest::NONE).await.map(|_| job)
}

/// Adds jobs until it works, as a scheduler tries again; each try takes bounded time.
async fn add_job_at_last(store: &MongoDataStore) -> Job {
    for _ in 0..60 {
        match add_job(store).await {
            Ok(job) => return job,
            Err(error) => assert!(error.is_transient(), "{error:?}"),
        }
    }
    panic!("the store does not work again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_refuses_connections_is_unavailable_until_it_is_back() {
    if let Some(why) = Backend::Mongodb.missing() {
        return report_skipped("a_server_that_refuses_connections_is_unavailable_until_it_is_back", &why);
    }
    let database = Database::new();
    let proxy = TcpProxy::start(Backend::Mongodb.address()).await.expect("a free port");
    let store = through(&proxy, &database).await;

    proxy.refuse();
    let gone = add_job(&store).await;
    proxy.heal();
    let job = add_job_at_last(&store).await;

    assert!(matches!(gone, Err(StoreError::Unavailable { .. })), "{gone:?}");
    let there = store.jobs(&Default::default()).await.expect("the jobs");
    assert!(there.iter().any(|found| found.id == job.id));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_cut_costs_no_more_than_a_try() {
    if let Some(why) = Backend::Mongodb.missing() {
        return report_skipped("a_connection_that_is_cut_costs_no_more_than_a_try", &why);
    }
    let database = Database::new();
    let proxy = TcpProxy::start(Backend::Mongodb.address()).await.expect("a free port");
    let store = through(&proxy, &database).await;

    for _ in 0..3 {
        proxy.cut();
        add_job_at_last(&store).await;
    }

    assert_eq!(store.jobs(&Default::default()).await.expect("the jobs").len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_falls_silent_is_unavailable_after_the_timeout() {
    if let Some(why) = Backend::Mongodb.missing() {
        return report_skipped("a_server_that_falls_silent_is_unavailable_after_the_timeout", &why);
    }
    let database = Database::new();
    let proxy = TcpProxy::start(Backend::Mongodb.address()).await.expect("a free port");
    let store = through(&proxy, &database).await;

    proxy.swallow();
    let silent = add_job(&store).await;
    proxy.heal();
    add_job_at_last(&store).await;

    assert!(matches!(silent, Err(StoreError::Unavailable { .. })), "{silent:?}");
}
