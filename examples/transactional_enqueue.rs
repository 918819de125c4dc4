//! An order and the job that ships it, in one transaction: both, or neither.
//!
//! cargo run --example transactional_enqueue --features sqlite
//!
//! On PostgreSQL and MySQL it is the same, but for `pool.begin()` in place of `begin_with("BEGIN IMMEDIATE")`. There many
//! transactions write at once; SQLite has one writer, so take the lock at the beginning, and not for long.

use apsched::prelude::*;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool};

#[apsched::task]
async fn ship(order: i64, State(db): State<SqlitePool>) -> Result<String, JobError> {
    // Always there: no worker sees the job before the transaction that wrote both is committed.
    let item: String = sqlx::query_scalar("UPDATE orders SET shipped = TRUE WHERE id = ? RETURNING item")
        .bind(order)
        .fetch_one(&db)
        .await?;
    Ok(format!("{item} shipped"))
}

/// Writes an order with its job, and commits if the customer pays.
async fn order(
    scheduler: &Scheduler,
    store: &SqlDataStore,
    db: &SqlitePool,
    (item, pays): (&str, bool),
) -> Result<Option<JobHandle<String>>, Box<dyn std::error::Error>> {
    let mut transaction = db.begin_with("BEGIN IMMEDIATE").await?;
    let order = sqlx::query_scalar("INSERT INTO orders (item, shipped) VALUES (?, FALSE) RETURNING id");
    let order: i64 = order.bind(item).fetch_one(&mut *transaction).await?;
    let job = scheduler.add_job(ship, order).keep_result(1.minutes());
    let pending = job.within(&mut store.within(&mut *transaction)?).await?;
    if !pays {
        transaction.rollback().await?;
        return Ok(None);
    }
    transaction.commit().await?;
    Ok(Some(pending.committed())) // workers hear of it now; without this, within the poll interval
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::temp_dir().join(format!("apsched-example-orders-{}.db", std::process::id()));
    let options = SqliteConnectOptions::new().filename(&file).create_if_missing(true);
    let db = SqlitePool::connect_with(options.journal_mode(SqliteJournalMode::Wal)).await?;
    sqlx::query("CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT, shipped BOOLEAN)")
        .execute(&db)
        .await?;

    // The store's tables stand beside the program's own, in one database, by one pool.
    let store = SqlDataStore::from_pool(db.clone());
    let tasks = Tasks::new().add(ship).with_state(db.clone());
    let scheduler = Scheduler::builder().data_store(store.clone()).tasks(tasks).build()?;
    scheduler.start_in_background().await?; // before the first transaction: it makes the tables

    for wish in [("a book", true), ("a bicycle", false), ("a ball", true)] {
        match order(&scheduler, &store, &db, wish).await? {
            Some(job) => println!("{}: committed, and its job says {:?}", wish.0, job.result().await?),
            None => println!("{}: rolled back, and its job with it", wish.0),
        }
    }

    let (orders, shipped): (i64, i64) =
        sqlx::query_as("SELECT COUNT(*), SUM(shipped) FROM orders").fetch_one(&db).await?;
    println!("{orders} orders, {shipped} shipped, {} jobs left", scheduler.jobs().await?.len());
    scheduler.shutdown(1.seconds()).await;
    db.close().await;
    std::fs::remove_file(file)?;
    Ok(())
}
