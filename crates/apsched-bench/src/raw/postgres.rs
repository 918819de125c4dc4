//! A minimal queue on PostgreSQL: arrays in, `SKIP LOCKED`, `UPDATE … RETURNING`.

use anyhow::Result;
use async_trait::async_trait;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use uuid::Uuid;

use super::{CLAIM_BATCH, DUE, HOLDER, LEASED_UNTIL, NOW, QUEUE, RawConnection};
use crate::store::Area;

pub(super) struct Postgres(PgConnection);

pub(super) async fn connect(area: &Area) -> Result<Postgres> {
    let mut connection = PgConnection::connect(&area.url).await?;
    connection.execute(AssertSqlSafe(format!("SET search_path TO {}", area.name))).await?;
    Ok(Postgres(connection))
}

const CREATE: &str = "
    CREATE TABLE jobs (
        id UUID PRIMARY KEY,
        queue TEXT NOT NULL,
        priority BIGINT NOT NULL,
        run_at BIGINT NOT NULL,
        payload BYTEA NOT NULL,
        lease_holder TEXT,
        lease_until BIGINT
    );
    CREATE INDEX jobs_free ON jobs (queue, priority DESC, run_at, id) WHERE lease_until IS NULL;
";

const INSERT: &str = "
    INSERT INTO jobs (id, queue, priority, run_at, payload)
    SELECT * FROM UNNEST($1::uuid[], $2::text[], $3::bigint[], $4::bigint[], $5::bytea[])
";

const CLAIM: &str = "
    WITH first AS MATERIALIZED (
        SELECT id AS first_id FROM jobs
        WHERE queue = $1 AND run_at <= $2 AND lease_until IS NULL
        ORDER BY priority DESC, run_at, id
        LIMIT $3
        FOR UPDATE SKIP LOCKED
    )
    UPDATE jobs SET lease_holder = $4, lease_until = $5 FROM first WHERE id = first_id
    RETURNING id, payload
";

const DELETE: &str = "DELETE FROM jobs WHERE id = ANY($1)";

const INSERT_AND_NOTIFY: &str = "
    WITH added AS (
        INSERT INTO jobs (id, queue, priority, run_at, payload) VALUES ($1, $2, $3, $4, $5) RETURNING id
    )
    SELECT pg_notify($6, id::text) FROM added
";

impl Postgres {
    /// Inserts a row and tells the channel's listeners of it, in one transaction.
    pub(super) async fn insert_and_notify(&mut self, id: Uuid, channel: &str) -> Result<()> {
        let insert = sqlx::query(INSERT_AND_NOTIFY)
            .bind(id)
            .bind(QUEUE)
            .bind(0_i64)
            .bind(DUE)
            .bind([0_u8; 0].as_slice())
            .bind(channel);
        insert.execute(&mut self.0).await?;
        Ok(())
    }
}

#[async_trait]
impl RawConnection for Postgres {
    async fn create(&mut self) -> Result<()> {
        self.0.execute(sqlx::raw_sql(CREATE)).await?;
        Ok(())
    }

    async fn insert(&mut self, ids: &[Uuid]) -> Result<()> {
        let insert = sqlx::query(INSERT)
            .bind(ids)
            .bind(vec![QUEUE; ids.len()])
            .bind(vec![0_i64; ids.len()])
            .bind(vec![DUE; ids.len()])
            .bind(vec![[0_u8; 0].as_slice(); ids.len()]);
        insert.execute(&mut self.0).await?;
        Ok(())
    }

    async fn claim(&mut self) -> Result<Vec<Uuid>> {
        let claim = sqlx::query_as::<_, (Uuid, Vec<u8>)>(CLAIM)
            .bind(QUEUE)
            .bind(NOW)
            .bind(CLAIM_BATCH as i64)
            .bind(HOLDER)
            .bind(LEASED_UNTIL);
        Ok(claim.fetch_all(&mut self.0).await?.into_iter().map(|(id, _)| id).collect())
    }

    async fn delete(&mut self, ids: &[Uuid]) -> Result<()> {
        sqlx::query(DELETE).bind(ids).execute(&mut self.0).await?;
        Ok(())
    }
}
