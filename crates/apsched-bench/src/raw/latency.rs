//! One row at a time, when nothing else happens: how long the driver alone takes to write it, and to tell somebody of it.

use std::time::Duration;

use anyhow::Result;
use sqlx::postgres::PgListener;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::{connect, postgres};
use crate::stopwatch::{Stopwatch, micros_between, nanos, rest};
use crate::store::{Area, Database};

/// Microseconds that each of so many rows took, after a rest before each: each way there is by its name, the one that
/// does most of what a job needs last.
pub(crate) async fn latencies(
    database: Database,
    rows: usize,
    before_each: Duration,
) -> Result<Vec<(&'static str, Vec<f64>)>> {
    let area = Area::new(database).await?;
    let latencies = latencies_in(&area, rows, before_each).await;
    area.remove().await?;
    latencies
}

async fn latencies_in(
    area: &Area,
    rows: usize,
    before_each: Duration,
) -> Result<Vec<(&'static str, Vec<f64>)>> {
    connect(area).await?.create().await?;
    let mut latencies = vec![("limit: insert", insert(area, rows, before_each).await?)];
    if area.database == Database::Postgres {
        latencies.push(("limit: insert + notify, received", notify(area, rows, before_each).await?));
    }
    Ok(latencies)
}

/// From the insert of a row to its commit.
async fn insert(area: &Area, rows: usize, before_each: Duration) -> Result<Vec<f64>> {
    let mut connection = connect(area).await?;
    let mut latencies = Vec::with_capacity(rows);
    for _ in 0..rows {
        rest(before_each).await;
        let watch = Stopwatch::start();
        connection.insert(&[Uuid::now_v7()]).await?;
        latencies.push(watch.elapsed().as_secs_f64() * 1e6);
    }
    Ok(latencies)
}

/// From the insert of a row to the moment at which another connection has heard of it.
async fn notify(area: &Area, rows: usize, before_each: Duration) -> Result<Vec<f64>> {
    let mut listener = PgListener::connect(&area.url).await?;
    // Nobody else knows the schema's name.
    listener.listen(&area.name).await?;
    let (hear, mut heard) = mpsc::unbounded_channel();
    let listening = tokio::spawn(async move {
        for _ in 0..rows {
            listener.recv().await?;
            // Fails only when the inserts have failed.
            let _ = hear.send(nanos());
        }
        anyhow::Ok(())
    });
    let mut connection = postgres::connect(area).await?;
    let mut latencies = Vec::with_capacity(rows);
    for _ in 0..rows {
        rest(before_each).await;
        let inserted_at = nanos();
        connection.insert_and_notify(Uuid::now_v7(), &area.name).await?;
        let Some(heard_at) = heard.recv().await else { break };
        latencies.push(micros_between(inserted_at, heard_at));
    }
    listening.await??;
    Ok(latencies)
}
