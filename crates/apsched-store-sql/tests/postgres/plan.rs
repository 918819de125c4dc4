//! The plans that PostgreSQL makes for claims: through the index of the queue, however much waits there.
//!
//! The statements are run by the store on the one connection of a pool, and explained on that connection as they were prepared.

use std::sync::Arc;

use apsched_core::event::EventInterest;
use apsched_core::store::{AcquireJobs, AcquireSchedules, WakeupQuery};
use apsched_core::trigger::TriggerRegistry;
use apsched_core::{Abilities, DataStore};
use apsched_store_sql::SqlDataStore;
use apsched_testkit::backend::Backend;
use apsched_testkit::report_skipped;
use apsched_testkit::sample::{self, at, executor, seconds, task_id};
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, PgPool};

use crate::harness::database::Database;

/// Queued jobs that may be taken, and those of a saturated task in front of them.
const QUEUED: u32 = 1_000_000;
const SATURATED: u32 = 100_000;
const SCHEDULES: u32 = 100_000;

/// Rows that a claim of a hundred may touch.
const MOST_ROWS: f64 = 500.0;

/// A script that fills the tables behind the back of the store, since that is what takes the least time.
fn filling() -> String {
    let jobs = |task: &str, priority: &str, count: u32| {
        format!(
            "INSERT INTO {{}}jobs (id, state, task_id, job_executor, priority, run_at, created_at, attempt, token, cancel_requested)
            SELECT gen_random_uuid(), 'queued', '{task}', 'async', {priority}, number, 0, 0, 0, 0
            FROM generate_series(1, {count}) AS number;"
        )
    };
    let schedules = format!(
        "INSERT INTO {{}}schedules (id, task_id, trigger_definition, settings, created_at, state, next_fire_time, fires, revision, token)
        SELECT 's' || number, 'send', '{{\"type\":\"interval\",\"every\":{{\"minutes\":1}}}}', '{{}}', 0, 'active', number, 0, 0, 0
        FROM generate_series(1, {SCHEDULES}) AS number;"
    );
    // Brackets of the definitions are doubled by nobody: only `{}` is replaced.
    let settings = schedules.replace("'{}', 0, 'active'", "'{ }', 0, 'active'");
    format!(
        "{}{}{settings}ANALYZE {{}}jobs; ANALYZE {{}}schedules;",
        jobs("hash", "9", SATURATED),
        jobs("send", "number % 3", QUEUED)
    )
}

/// Runs every claim some times, so that the server prepares it and has decided for a plan.
async fn claim(store: &SqlDataStore) {
    let abilities = Arc::new(Abilities::new([task_id("send"), task_id("hash")], [executor("async")]));
    for _ in 0..8 {
        let request = AcquireJobs {
            scheduler_id: sample::scheduler_id("a"),
            now: at(0),
            lease: seconds(30),
            limit: 100,
            abilities: abilities.clone(),
            interest: EventInterest::NONE,
        };
        let (jobs, _) = store.acquire_jobs(request).await.expect("jobs");
        assert_eq!(jobs.len(), 100);
        let scheduler_id = sample::scheduler_id("a");
        let request = AcquireSchedules {
            scheduler_id: scheduler_id.clone(),
            now: at(0),
            lease: seconds(30),
            limit: 100,
        };
        let (schedules, _) = store.acquire_schedules(request).await.expect("schedules");
        assert_eq!(schedules.len(), 100);
        let query = WakeupQuery { scheduler_id, now: at(0), abilities: abilities.clone() };
        store.next_wakeup(query).await.expect("an answer");
    }
}

/// The name under which the connection has prepared the statement that holds all of `words`.
async fn prepared(pool: &PgPool, words: &[&str]) -> String {
    let statements: Vec<(String, String)> =
        sqlx::query_as("SELECT name, statement FROM pg_prepared_statements")
            .fetch_all(pool)
            .await
            .expect("names");
    let found = statements.into_iter().find(|(_, text)| words.iter().all(|word| text.contains(word)));
    found.unwrap_or_else(|| panic!("no statement with {words:?} was prepared")).0
}

/// The plan of a prepared statement as it runs; what it writes is rolled back.
async fn explain(pool: &PgPool, name: &str, arguments: &str) -> serde_json::Value {
    let mut transaction = pool.begin().await.expect("a transaction");
    let text = format!("EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE \"{name}\"({arguments})");
    let plan: serde_json::Value = sqlx::query_scalar(AssertSqlSafe(text))
        .persistent(false)
        .fetch_one(&mut *transaction)
        .await
        .expect("a plan");
    transaction.rollback().await.expect("nothing is written");
    plan[0]["Plan"].clone()
}

/// Every node of a plan.
fn nodes(plan: &serde_json::Value) -> Vec<&serde_json::Value> {
    let children = plan["Plans"].as_array().into_iter().flatten();
    std::iter::once(plan).chain(children.flat_map(nodes)).collect()
}

fn check(plan: &serde_json::Value, index: &str) {
    let nodes = nodes(plan);
    for node in &nodes {
        let kind = node["Node Type"].as_str().unwrap_or_default();
        let table = node["Relation Name"].as_str().unwrap_or_default();
        let is_large = table.ends_with("jobs") || table.ends_with("schedules");
        assert!(!(kind.contains("Seq Scan") && is_large), "{table} is read as a whole: {plan:#}");
        let rows = node["Actual Rows"].as_f64().unwrap_or_default()
            * node["Actual Loops"].as_f64().unwrap_or_default();
        assert!(rows <= MOST_ROWS, "{kind} touches {rows} rows: {plan:#}");
    }
    let uses_index =
        nodes.iter().any(|node| node["Index Name"].as_str().is_some_and(|name| name.ends_with(index)));
    assert!(uses_index, "expected the index {index}: {plan:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn claims_use_their_index_at_a_million_queued_jobs() {
    let server = crate::server();
    if let Some(missing) = Database::missing(&server) {
        return report_skipped("claims_use_their_index_at_a_million_queued_jobs", &missing);
    }
    let pool =
        PgPoolOptions::new().max_connections(1).connect(&Backend::Postgres.url()).await.expect("the server");
    let store = SqlDataStore::from_pool_with(pool.clone(), server.options()).expect("options");
    store.start(&TriggerRegistry::new()).await.expect("the tables are made");
    let saturated = apsched_core::TaskDefinition { max_running_jobs: Some(0), ..sample::task("hash") };
    store.put_tasks(vec![saturated, sample::task("send")]).await.expect("tasks");
    server.run(&filling()).await;

    claim(&store).await;

    let lanes = prepared(&pool, &["WITH RECURSIVE lane"]).await;
    check(&explain(&pool, &lanes, "'{send,hash}', '{async}'").await, "jobs_queue");
    let lane = prepared(&pool, &["FOR UPDATE OF jobs SKIP LOCKED", "SELECT id, run_at"]).await;
    check(&explain(&pool, &lane, "'send', 'async', 1, 99999999, 100").await, "jobs_queue");
    let schedules = prepared(&pool, &["FOR UPDATE OF schedules SKIP LOCKED", "UPDATE"]).await;
    check(
        &explain(&pool, &schedules, "'a/0000000000000001', 5, 99999999, '{\"\"}', 100").await,
        "schedules_due",
    );
    let wakeup = prepared(&pool, &["free_at"]).await;
    check(&explain(&pool, &wakeup, "'{\"\"}', 99999999").await, "schedules_due");
}
