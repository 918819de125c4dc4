//! What a database can do as a queue, by its driver alone: the limit beside which a store is measured.
//!
//! A minimal queue is one table (on MongoDB, a collection): id, queue, priority, due time, payload, and who has leased a row until
//! when; its primary key, and one index in claim order that holds what is free. Three statements work on it, each a transaction of
//! its own: insert 1,000 rows, lease the first 100 that are due, delete 100. It has no limits, no tokens, no results, no events and
//! no retries, and it looks at nothing that comes back but the ids.

mod hearing;
mod latency;
mod mongodb;
mod mysql;
mod postgres;
mod sqlite;

use std::sync::Arc;

use anyhow::Result;
use async_trait::async_trait;
pub(crate) use hearing::hearing;
pub(crate) use latency::latencies;
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::stopwatch::Stopwatch;
use crate::store::{Area, Database};

/// Rows that are inserted by one statement.
const INSERT_BATCH: usize = 1000;

/// Rows that are leased, and then deleted, by one statement each.
const CLAIM_BATCH: usize = 100;

/// The queue that every row is in.
const QUEUE: &str = "default";

/// Who leases.
const HOLDER: &str = "bench/0198c0de";

/// When every row is due, and a time after it: microseconds since 1970.
const DUE: i64 = 1_700_000_000_000_000;
const NOW: i64 = DUE + 1;
const LEASED_UNTIL: i64 = NOW + 30_000_000;

/// One connection to a minimal queue.
#[async_trait]
trait RawConnection: Send + 'static {
    /// Makes the table.
    async fn create(&mut self) -> Result<()>;

    /// Inserts rows of these ids, in one transaction.
    async fn insert(&mut self, ids: &[Uuid]) -> Result<()>;

    /// Leases the first rows that are due, in one transaction.
    async fn claim(&mut self) -> Result<Vec<Uuid>>;

    /// Deletes rows, in one transaction.
    async fn delete(&mut self, ids: &[Uuid]) -> Result<()>;
}

async fn connect(area: &Area) -> Result<Box<dyn RawConnection>> {
    Ok(match area.database {
        Database::Sqlite => Box::new(sqlite::connect(area).await?),
        Database::Postgres => Box::new(postgres::connect(area).await?),
        Database::Mysql => Box::new(mysql::connect(area).await?),
        Database::Mongodb => Box::new(mongodb::connect(area).await?),
    })
}

/// What one pass over so many jobs reached.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawRates {
    /// Rows inserted a second, in batches.
    pub(crate) insert: f64,
    /// Rows leased and deleted a second, in batches.
    pub(crate) run: f64,
}

/// Puts `jobs` rows into a new queue and works them off, with so many connections at once.
pub(crate) async fn measure(database: Database, connections: usize, jobs: usize) -> Result<RawRates> {
    let area = Area::new(database).await?;
    let rates = measure_in(&area, connections, jobs).await;
    area.remove().await?;
    rates
}

async fn measure_in(area: &Area, connections: usize, jobs: usize) -> Result<RawRates> {
    connect(area).await?.create().await?;
    let ids: Vec<Uuid> = std::iter::repeat_with(Uuid::now_v7).take(jobs).collect();
    // Taken from the end, so the first go first.
    let batches: Vec<Vec<Uuid>> = ids.chunks(INSERT_BATCH).rev().map(<[Uuid]>::to_vec).collect();
    let batches = Arc::new(Mutex::new(batches));
    let insert = at_once(area, connections, jobs, move |mut connection| {
        let batches = batches.clone();
        async move {
            loop {
                let Some(batch) = batches.lock().await.pop() else { return Ok(()) };
                connection.insert(&batch).await?;
            }
        }
    });
    let insert = insert.await?;
    let run = at_once(area, connections, jobs, |mut connection| async move {
        loop {
            let ids = connection.claim().await?;
            if ids.is_empty() {
                return Ok(());
            }
            connection.delete(&ids).await?;
        }
    });
    Ok(RawRates { insert, run: run.await? })
}

/// How many jobs a second so many connections get through.
async fn at_once<F>(
    area: &Area,
    connections: usize,
    jobs: usize,
    work: impl Fn(Box<dyn RawConnection>) -> F,
) -> Result<f64>
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    let mut open = Vec::new();
    for _ in 0..connections {
        open.push(connect(area).await?);
    }
    let watch = Stopwatch::start();
    let working: Vec<_> = open.into_iter().map(|connection| tokio::spawn(work(connection))).collect();
    for worker in working {
        worker.await??;
    }
    Ok(watch.rate(jobs))
}
