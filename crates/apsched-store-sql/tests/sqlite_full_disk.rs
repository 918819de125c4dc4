//! A full disk: nothing more is accepted, what is there is kept, and everything goes on when there is room again.
#![cfg(feature = "sqlite")]

use std::time::Duration;

use apsched_core::event::{Health, StoreHealthChanged};
use apsched_core::scheduler::{Error, Scheduler, Tasks};
use apsched_core::{ErrorChain, Task};
use apsched_store_sql::SqlDataStore;
use sqlx::sqlite::{SqlitePool, SqlitePoolOptions};
use sqlx::{AssertSqlSafe, Executor};

const ECHO: Task<String, String> = Task::new("echo");
const KEEP: Duration = Duration::from_secs(3600);
const PATIENCE: Duration = Duration::from_secs(60);

/// Lets the database grow by so many pages.
async fn make_room(pages: i64, pool: &SqlitePool) {
    let used: i64 = sqlx::query_scalar("PRAGMA page_count").fetch_one(pool).await.expect("a number");
    let pages = used + pages;
    pool.execute(AssertSqlSafe(format!("PRAGMA max_page_count = {pages}"))).await.expect("a setting");
}

#[tokio::test]
async fn what_was_accepted_before_a_disk_is_full_is_done_when_there_is_room_again() {
    // One connection, since the setting belongs to it.
    let pool = SqlitePoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
    let pool = pool.connect("sqlite::memory:").await.expect("memory");
    let tasks = Tasks::<()>::new().task(ECHO, async |text: String| text);
    let builder = Scheduler::builder().data_store(SqlDataStore::from_pool(pool.clone())).tasks(tasks);
    let builder = builder.poll_interval(Duration::from_millis(20));
    let scheduler = builder.start_in_background().await.expect("memory");
    let health = scheduler.next_event::<StoreHealthChanged>();
    make_room(40, &pool).await;

    let mut accepted = Vec::new();
    let refused = loop {
        let text = format!("{:>5000}", accepted.len());
        match scheduler.add_job(ECHO, text.clone()).keep_result(KEEP).await {
            Ok(job) => accepted.push((job, text)),
            Err(error) => break error,
        }
    };

    assert!(accepted.len() > 1, "there was room for some");
    let Error::Store(refused) = refused else { panic!("the store refuses it: {refused:?}") };
    assert!(refused.is_transient(), "{refused:?}");
    let reason = ErrorChain::of(&refused).to_string();
    assert!(reason.ends_with("database or disk is full"), "{reason}");
    let told = tokio::time::timeout(PATIENCE, health).await.expect("it is told").expect("an event").health;
    assert!(matches!(&told, Health::Unhealthy(why) if why.ends_with("database or disk is full")), "{told:?}");

    make_room(1_000_000, &pool).await;

    for (job, text) in &accepted {
        assert_eq!(job.result().timeout(PATIENCE).await.expect("a result"), *text);
    }
    let text = String::from("one more");
    let job = scheduler.add_job(ECHO, text.clone()).keep_result(KEEP).await.expect("there is room");
    assert_eq!(job.result().timeout(PATIENCE).await.expect("a result"), text);
    assert_eq!(scheduler.store_health(), Health::Healthy);
    scheduler.shutdown(PATIENCE).await;
}
