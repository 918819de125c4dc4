//! The tables, and how they are brought up to date.
//!
//! Migrations are numbered. They run at the start, under a lock, so that many processes may start at once; the version
//! that is reached stands in a table of its own, so they go together with migrations of the user's own. A schema that is
//! newer than this program is refused: an older program cannot know what it would break.

use apsched_core::StoreError;
use sqlx::{AssertSqlSafe, Executor};

use crate::dialect::Dialect;
use crate::error::SqlResult;
use crate::options::Migrate;
use crate::session::{Connection, Session};
use crate::statement::Statements;

/// The version of the schema that this program works with.
pub(crate) const VERSION: i64 = 1;

/// One step of the schema, for those who run migrations themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SqlMigration {
    /// The version that it leads to, from the one before.
    pub version: i64,
    /// What it does.
    pub name: &'static str,
    /// The statements, for the database, schema and prefix at hand; run them in one transaction.
    pub sql: String,
}

struct Step {
    name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
    mysql: &'static str,
}

const STEPS: [Step; 1] = [Step {
    name: "tables",
    sqlite: include_str!("../migration/sqlite/0001_tables.sql"),
    postgres: include_str!("../migration/postgres/0001_tables.sql"),
    mysql: include_str!("../migration/mysql/0001_tables.sql"),
}];

/// Every step, first to last.
pub(crate) fn migrations(statements: &Statements) -> Vec<SqlMigration> {
    let numbered = STEPS.iter().zip(1..);
    let migration = |(step, version): (&Step, i64)| {
        let template = match statements.dialect {
            Dialect::Sqlite => step.sqlite,
            Dialect::Postgres => step.postgres,
            Dialect::MySql => step.mysql,
        };
        let meta = statements.tables.table(statements.dialect, "meta");
        let reached = format!("UPDATE {meta} SET schema_version = {version} WHERE id = 1;\n");
        let ddl = statements.plain(template);
        SqlMigration { version, name: step.name, sql: format!("{}\n\n{reached}", ddl.trim()) }
    };
    numbered.map(migration).collect()
}

const OPERATION: &str = "bring the SQL schema up to date";

/// What is to be done for the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    Nothing,
    Migration,
}

/// What is to be done for the tables, or why the program cannot use them.
pub(crate) async fn due(session: &mut Session<'_>, migrate: Migrate) -> SqlResult<Due> {
    let found = version(session).await?;
    if found > VERSION {
        return Err(newer(found).into());
    }
    if found == VERSION {
        return Ok(Due::Nothing);
    }
    if migrate == Migrate::ByHand {
        let found = if found == 0 {
            "there are no tables".to_owned()
        } else {
            format!("the schema has version {found}")
        };
        let reason = format!(
            "{found}, this program needs version {VERSION} and was told to leave the tables alone: run what \
             `SqlDataStore::migrations` gives"
        );
        return Err(StoreError::Misconfigured { operation: OPERATION, reason }.into());
    }
    Ok(Due::Migration)
}

/// Brings the tables up to date under the lock of a server.
#[cfg(any(feature = "postgres", feature = "mysql"))]
pub(crate) async fn prepare(session: &mut Session<'_>, migrate: Migrate) -> SqlResult<()> {
    if due(session, migrate).await? == Due::Nothing {
        return Ok(());
    }
    lock(session).await?;
    let done = run_missing(session).await;
    let unlocked = unlock(session, done.is_ok()).await;
    done?;
    Ok(unlocked?)
}

fn newer(found: i64) -> StoreError {
    let reason = format!(
        "the schema has version {found}, this program knows up to {VERSION}: a newer program has migrated it; update this one"
    );
    StoreError::Misconfigured { operation: OPERATION, reason }
}

/// Runs the steps that are missing, under a lock.
pub(crate) async fn run_missing(session: &mut Session<'_>) -> SqlResult<()> {
    make_schema(session).await?;
    // Somebody else may have been faster while this process waited for the lock.
    let mut reached = version(session).await?;
    for migration in migrations(session.statements) {
        if migration.version > reached {
            run(session, migration.sql).await?;
            reached = migration.version;
            tracing::info!(version = reached, "the SQL schema was migrated");
        }
    }
    if reached > VERSION { Err(newer(reached).into()) } else { Ok(()) }
}

/// Makes the schema that the options name, unless it is there: making it again takes a right that its owner may not have.
async fn make_schema(session: &mut Session<'_>) -> Result<(), sqlx::Error> {
    let (dialect, statements) = (session.dialect(), session.statements);
    let (Some(schema), Dialect::Postgres | Dialect::MySql) = (&statements.tables.schema, dialect) else {
        return Ok(());
    };
    let schemas = match dialect {
        Dialect::Postgres => "SELECT COUNT(*) FROM pg_catalog.pg_namespace WHERE nspname",
        _ => "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name",
    };
    if number(session, format!("{schemas} = '{schema}'")).await? == Some(0) {
        run(session, format!("CREATE SCHEMA IF NOT EXISTS {}", dialect.quoted(schema))).await?;
    }
    Ok(())
}

#[cfg(any(feature = "postgres", feature = "mysql"))]
async fn lock(session: &mut Session<'_>) -> Result<(), sqlx::Error> {
    let name = session.statements.tables.lock_name();
    let text = match session.dialect() {
        Dialect::Sqlite => unreachable!("its writer has locked the file"),
        Dialect::Postgres => format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock(hashtextextended('{name}', 0))"
        ),
        Dialect::MySql => {
            // The name is hashed: MySQL takes 64 characters.
            let taken = number(session, format!("SELECT GET_LOCK(SHA2('{name}', 256), 600)")).await?;
            return if taken == Some(1) { Ok(()) } else { Err(sqlx::Error::PoolTimedOut) };
        }
    };
    run(session, text).await
}

#[cfg(any(feature = "postgres", feature = "mysql"))]
async fn unlock(session: &mut Session<'_>, is_done: bool) -> Result<(), sqlx::Error> {
    let name = session.statements.tables.lock_name();
    let text = match (session.dialect(), is_done) {
        (Dialect::Sqlite, _) => unreachable!("its writer has locked the file"),
        (Dialect::Postgres, true) => "COMMIT".to_owned(),
        (Dialect::Postgres, false) => "ROLLBACK".to_owned(),
        (Dialect::MySql, _) => format!("SELECT RELEASE_LOCK(SHA2('{name}', 256))"),
    };
    run(session, text).await
}

/// The version that the tables have; zero: there are none.
async fn version(session: &mut Session<'_>) -> Result<i64, sqlx::Error> {
    let (dialect, tables) = (session.dialect(), &session.statements.tables);
    // Names are checked identifiers, so they can stand in a literal.
    let name = tables.index(dialect, "meta");
    let name = name.trim_matches(['"', '`']);
    let schema = tables.schema.as_ref().map(|schema| format!("'{schema}'"));
    let is_there = match dialect {
        Dialect::Sqlite => {
            format!("SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = '{name}'")
        }
        Dialect::Postgres => {
            // Its information_schema is silent about tables that the user may not read.
            let schema = schema.as_deref().unwrap_or("current_schema()");
            format!(
                "SELECT COUNT(*) FROM pg_catalog.pg_class AS tables JOIN pg_catalog.pg_namespace AS schemas \
                 ON schemas.oid = tables.relnamespace WHERE schemas.nspname = {schema} AND tables.relname = '{name}'"
            )
        }
        Dialect::MySql => {
            let schema = schema.as_deref().unwrap_or("DATABASE()");
            format!(
                "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = {schema} AND table_name = '{name}'"
            )
        }
    };
    if number(session, is_there).await? == Some(0) {
        return Ok(0);
    }
    let version = format!("SELECT schema_version FROM {} WHERE id = 1", tables.table(dialect, "meta"));
    Ok(number(session, version).await?.unwrap_or(0))
}

async fn run(session: &mut Session<'_>, text: String) -> Result<(), sqlx::Error> {
    let script = sqlx::raw_sql(AssertSqlSafe(text));
    match session.connection() {
        #[cfg(feature = "sqlite")]
        Connection::Sqlite(connection) => (&mut **connection).execute(script).await.map(drop),
        #[cfg(feature = "postgres")]
        Connection::Postgres(connection) => (&mut **connection).execute(script).await.map(drop),
        #[cfg(feature = "mysql")]
        Connection::MySql(connection) => (&mut **connection).execute(script).await.map(drop),
    }
}

async fn number(session: &mut Session<'_>, text: String) -> Result<Option<i64>, sqlx::Error> {
    let text = AssertSqlSafe(text);
    match session.connection() {
        #[cfg(feature = "sqlite")]
        Connection::Sqlite(connection) => sqlx::query_scalar(text).fetch_optional(&mut **connection).await,
        #[cfg(feature = "postgres")]
        Connection::Postgres(connection) => sqlx::query_scalar(text).fetch_optional(&mut **connection).await,
        #[cfg(feature = "mysql")]
        Connection::MySql(connection) => sqlx::query_scalar(text).fetch_optional(&mut **connection).await,
    }
}
