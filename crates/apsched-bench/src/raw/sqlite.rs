//! A minimal queue on SQLite: WAL, `synchronous=NORMAL`, rows as `VALUES` of one statement.
//!
//! Other ways through the driver were tried and are slower: a statement for each row, and rows as one JSON text that SQLite
//! takes apart.

use std::str::FromStr;
use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Executor, SqliteConnection};
use uuid::Uuid;

use super::{CLAIM_BATCH, DUE, HOLDER, LEASED_UNTIL, NOW, QUEUE, RawConnection};
use crate::store::Area;

pub(super) struct Sqlite(SqliteConnection);

pub(super) async fn connect(area: &Area) -> Result<Sqlite> {
    let options = SqliteConnectOptions::from_str(&area.url)?
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(Duration::from_secs(10));
    Ok(Sqlite(options.connect().await?))
}

const CREATE: &str = "
    CREATE TABLE jobs (
        id BLOB NOT NULL PRIMARY KEY,
        queue TEXT NOT NULL,
        priority INTEGER NOT NULL,
        run_at INTEGER NOT NULL,
        payload BLOB NOT NULL,
        lease_holder TEXT,
        lease_until INTEGER
    ) WITHOUT ROWID;
    CREATE INDEX jobs_free ON jobs (queue, priority DESC, run_at, id) WHERE lease_until IS NULL;
";

const CLAIM: &str = "
    UPDATE jobs SET lease_holder = ?1, lease_until = ?2
    WHERE id IN (
        SELECT id FROM jobs
        WHERE queue = ?3 AND run_at <= ?4 AND lease_until IS NULL
        ORDER BY priority DESC, run_at, id
        LIMIT ?5
    )
    RETURNING id, payload
";

#[async_trait]
impl RawConnection for Sqlite {
    async fn create(&mut self) -> Result<()> {
        self.0.execute(sqlx::raw_sql(CREATE)).await?;
        Ok(())
    }

    async fn insert(&mut self, ids: &[Uuid]) -> Result<()> {
        let rows = vec!["(?, ?, ?, ?, ?)"; ids.len()].join(", ");
        let text = format!("INSERT INTO jobs (id, queue, priority, run_at, payload) VALUES {rows}");
        let mut insert = sqlx::query(AssertSqlSafe(text));
        for id in ids {
            insert = insert.bind(id).bind(QUEUE).bind(0_i64).bind(DUE).bind([0_u8; 0].as_slice());
        }
        insert.execute(&mut self.0).await?;
        Ok(())
    }

    async fn claim(&mut self) -> Result<Vec<Uuid>> {
        let claim = sqlx::query_as::<_, (Uuid, Vec<u8>)>(CLAIM)
            .bind(HOLDER)
            .bind(LEASED_UNTIL)
            .bind(QUEUE)
            .bind(NOW)
            .bind(CLAIM_BATCH as i64);
        Ok(claim.fetch_all(&mut self.0).await?.into_iter().map(|(id, _)| id).collect())
    }

    async fn delete(&mut self, ids: &[Uuid]) -> Result<()> {
        let text = format!("DELETE FROM jobs WHERE id IN ({})", vec!["?"; ids.len()].join(", "));
        let mut delete = sqlx::query(AssertSqlSafe(text));
        for id in ids {
            delete = delete.bind(id);
        }
        delete.execute(&mut self.0).await?;
        Ok(())
    }
}
