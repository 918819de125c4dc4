//! A minimal queue on MySQL or MariaDB, which give back no rows that they change: lock, then lease what was locked.

use std::str::FromStr;

use anyhow::Result;
use async_trait::async_trait;
use sqlx::mysql::MySqlConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, MySqlConnection};
use uuid::Uuid;

use super::{CLAIM_BATCH, DUE, HOLDER, LEASED_UNTIL, NOW, QUEUE, RawConnection};
use crate::store::Area;

pub(super) struct MySql(MySqlConnection);

pub(super) async fn connect(area: &Area) -> Result<MySql> {
    let options = MySqlConnectOptions::from_str(&area.url)?.database(&area.name);
    let mut connection = options.connect().await?;
    // Without the gap locks of repeatable reads, which let claims wait for each other.
    connection.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED").await?;
    Ok(MySql(connection))
}

const CREATE: &str = "
    CREATE TABLE jobs (
        id BINARY(16) PRIMARY KEY,
        queue VARBINARY(255) NOT NULL,
        priority BIGINT NOT NULL,
        run_at BIGINT NOT NULL,
        payload LONGBLOB NOT NULL,
        lease_holder VARBINARY(255),
        lease_until BIGINT,
        KEY jobs_free (queue, lease_until, priority DESC, run_at, id)
    );
";

const LOCK: &str = "
    SELECT id, payload FROM jobs
    WHERE queue = ? AND lease_until IS NULL AND run_at <= ?
    ORDER BY priority DESC, run_at, id
    LIMIT ?
    FOR UPDATE SKIP LOCKED
";

#[async_trait]
impl RawConnection for MySql {
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
        let mut transaction = self.0.begin().await?;
        let lock = sqlx::query_as::<_, (Uuid, Vec<u8>)>(LOCK).bind(QUEUE).bind(NOW).bind(CLAIM_BATCH as i64);
        let ids: Vec<Uuid> = lock.fetch_all(&mut *transaction).await?.into_iter().map(|(id, _)| id).collect();
        if !ids.is_empty() {
            let marks = vec!["?"; ids.len()].join(", ");
            let text = format!("UPDATE jobs SET lease_holder = ?, lease_until = ? WHERE id IN ({marks})");
            let mut lease = sqlx::query(AssertSqlSafe(text)).bind(HOLDER).bind(LEASED_UNTIL);
            for id in &ids {
                lease = lease.bind(id);
            }
            lease.execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        Ok(ids)
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
