//! A connection within an operation: runs statements, and splits sets of rows where a database limits parameters.

use futures_util::TryStreamExt;
use sqlx::AssertSqlSafe;

use crate::dialect::Dialect;
#[cfg(feature = "mysql")]
use crate::dialect::mysql;
#[cfg(feature = "postgres")]
use crate::dialect::postgres;
#[cfg(feature = "sqlite")]
use crate::dialect::sqlite;
use crate::statement::{Statement, Statements};
use crate::value::{Params, Row, Rows, Value};

/// A connection of one of the databases.
#[derive(Debug)]
pub(crate) enum Connection<'c> {
    #[cfg(feature = "sqlite")]
    Sqlite(&'c mut sqlx::SqliteConnection),
    #[cfg(feature = "postgres")]
    Postgres(&'c mut sqlx::PgConnection),
    #[cfg(feature = "mysql")]
    MySql(&'c mut sqlx::MySqlConnection),
}

/// A connection, and the statements for it.
#[derive(Debug)]
pub(crate) struct Session<'c> {
    connection: Connection<'c>,
    pub(crate) statements: &'c Statements,
}

/// Rows that one statement takes where each cell is a parameter; sets are cut into powers of two up to it, so that the
/// database sees few different texts and can keep them prepared.
const MOST_ROWS: usize = 256;

/// Parameters that one statement takes; SQLite's limit is 32,766, MySQL's 65,535.
const MOST_PARAMETERS: usize = 16_384;

impl<'c> Session<'c> {
    pub(crate) const fn new(connection: Connection<'c>, statements: &'c Statements) -> Self {
        Self { connection, statements }
    }

    pub(crate) const fn dialect(&self) -> Dialect {
        self.statements.dialect
    }

    /// Runs a statement; gives the number of rows it changed.
    pub(crate) async fn execute(
        &mut self,
        statement: Statement,
        params: &Params,
    ) -> Result<u64, sqlx::Error> {
        let rendered = self.statements.render(statement, params);
        let text = AssertSqlSafe(rendered.text.clone());
        match &mut self.connection {
            #[cfg(feature = "sqlite")]
            Connection::Sqlite(connection) => {
                let query = sqlx::query_with(text, sqlite::arguments(&rendered, params)?);
                query.execute(&mut **connection).await.map(|done| done.rows_affected())
            }
            #[cfg(feature = "postgres")]
            Connection::Postgres(connection) => {
                let query = sqlx::query_with(text, postgres::arguments(&rendered, params)?);
                query.execute(&mut **connection).await.map(|done| done.rows_affected())
            }
            #[cfg(feature = "mysql")]
            Connection::MySql(connection) => {
                let query = sqlx::query_with(text, mysql::arguments(&rendered, params)?);
                query.execute(&mut **connection).await.map(|done| done.rows_affected())
            }
        }
    }

    /// Runs a statement; gives the rows that it returns.
    pub(crate) async fn fetch(
        &mut self,
        statement: Statement,
        params: &Params,
    ) -> Result<Vec<Row>, sqlx::Error> {
        let rendered = self.statements.render(statement, params);
        let text = AssertSqlSafe(rendered.text.clone());
        match &mut self.connection {
            #[cfg(feature = "sqlite")]
            Connection::Sqlite(connection) => {
                let query = sqlx::query_with(text, sqlite::arguments(&rendered, params)?);
                let rows = query.fetch(&mut **connection);
                rows.and_then(|row| async move { sqlite::row(&row) }).try_collect().await
            }
            #[cfg(feature = "postgres")]
            Connection::Postgres(connection) => {
                let query = sqlx::query_with(text, postgres::arguments(&rendered, params)?);
                let rows = query.fetch(&mut **connection);
                rows.and_then(|row| async move { postgres::row(&row) }).try_collect().await
            }
            #[cfg(feature = "mysql")]
            Connection::MySql(connection) => {
                let query = sqlx::query_with(text, mysql::arguments(&rendered, params)?);
                let rows = query.fetch(&mut **connection);
                rows.and_then(|row| async move { mysql::row(&row) }).try_collect().await
            }
        }
    }

    /// The first row that a statement returns.
    pub(crate) async fn fetch_first(
        &mut self,
        statement: Statement,
        params: &Params,
    ) -> Result<Option<Row>, sqlx::Error> {
        self.fetch(statement, params).await.map(|rows| rows.into_iter().next())
    }

    /// Runs a statement for a set of any number of rows; gives the number of rows it changed.
    pub(crate) async fn execute_rows<const WIDTH: usize>(
        &mut self,
        statement: Statement,
        params: Params,
        name: &'static str,
        rows: impl IntoIterator<Item = [Value; WIDTH]> + Send,
    ) -> Result<u64, sqlx::Error> {
        let mut changed = 0;
        for part in self.parts(Rows::new(name, rows)) {
            let params = params.clone().with_set(part);
            changed += self.execute(statement, &params).await?;
        }
        Ok(changed)
    }

    /// Runs a statement for a set of any number of rows; gives the rows that it returns.
    pub(crate) async fn fetch_rows<const WIDTH: usize>(
        &mut self,
        statement: Statement,
        params: Params,
        name: &'static str,
        rows: impl IntoIterator<Item = [Value; WIDTH]> + Send,
    ) -> Result<Vec<Row>, sqlx::Error> {
        let mut fetched = Vec::new();
        for part in self.parts(Rows::new(name, rows)) {
            let params = params.clone().with_set(part);
            fetched.extend(self.fetch(statement, &params).await?);
        }
        Ok(fetched)
    }

    /// A set of rows as so many sets as the database takes at once; none if it is empty.
    fn parts(&self, mut rows: Rows) -> Vec<Rows> {
        if rows.cells.is_empty() {
            return Vec::new();
        }
        if self.dialect() == Dialect::Postgres {
            return vec![rows];
        }
        let most = MOST_ROWS.min(MOST_PARAMETERS / rows.width);
        let mut parts = Vec::new();
        while rows.len() > 0 {
            let count = rows.len().min(most);
            let count = 1 << count.ilog2();
            let rest = rows.cells.split_off(count * rows.width);
            parts.push(Rows {
                name: rows.name,
                width: rows.width,
                cells: std::mem::replace(&mut rows.cells, rest),
            });
        }
        parts
    }
}
