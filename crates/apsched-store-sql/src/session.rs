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
use crate::packed;
use crate::statement::{Form, Rendered, Statement, Statements};
use crate::value::{Kind, Params, Row, Rows, Value};

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

/// Rows that one statement takes where each cell is a parameter.
const MOST_ROWS: usize = 1024;

/// Parameters that one statement takes; SQLite's limit is 32,766, MySQL's 65,535.
const MOST_PARAMETERS: usize = 16_384;

impl<'c> Session<'c> {
    pub(crate) const fn new(connection: Connection<'c>, statements: &'c Statements) -> Self {
        Self { connection, statements }
    }

    pub(crate) const fn connection(&mut self) -> &mut Connection<'c> {
        &mut self.connection
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
        self.execute_with(statement, params.clone()).await
    }

    async fn execute_with(&mut self, statement: Statement, params: Params) -> Result<u64, sqlx::Error> {
        let rendered = self.statements.render(statement, Form::Plain, &params);
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
        self.fetch_with(statement, params.clone()).await
    }

    async fn fetch_with(&mut self, statement: Statement, params: Params) -> Result<Vec<Row>, sqlx::Error> {
        if let Some(columns) = statement.packed
            && self.dialect() == Dialect::Sqlite
        {
            let rendered = self.statements.render(statement, Form::Packed(columns), &params);
            match self.fetch_rendered(&rendered, params.clone()).await {
                Ok(packed) => {
                    if let Some(rows) = unpacked(packed, columns) {
                        return Ok(rows);
                    }
                }
                Err(error) if is_too_big(&error) => {}
                // It may have taken the transaction with it: nothing more is done in its name.
                Err(error) => return Err(error),
            }
        }
        let rendered = self.statements.render(statement, Form::Plain, &params);
        self.fetch_rendered(&rendered, params).await
    }

    async fn fetch_rendered(&mut self, rendered: &Rendered, params: Params) -> Result<Vec<Row>, sqlx::Error> {
        let text = AssertSqlSafe(rendered.text.clone());
        match &mut self.connection {
            #[cfg(feature = "sqlite")]
            Connection::Sqlite(connection) => {
                let query = sqlx::query_with(text, sqlite::arguments(rendered, params)?);
                let rows = query.fetch(&mut **connection);
                rows.and_then(|row| async move { sqlite::row(&row) }).try_collect().await
            }
            #[cfg(feature = "postgres")]
            Connection::Postgres(connection) => {
                let query = sqlx::query_with(text, postgres::arguments(rendered, params)?);
                let rows = query.fetch(&mut **connection);
                rows.and_then(|row| async move { postgres::row(&row) }).try_collect().await
            }
            #[cfg(feature = "mysql")]
            Connection::MySql(connection) => {
                let query = sqlx::query_with(text, mysql::arguments(rendered, params)?);
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
        for part in self.parts(statement, Rows::new(name, rows)) {
            changed += self.execute_with(statement, params.clone().with_set(part)).await?;
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
        for part in self.parts(statement, Rows::new(name, rows)) {
            fetched.extend(self.fetch_with(statement, params.clone().with_set(part)).await?);
        }
        Ok(fetched)
    }

    /// A set of rows as so many sets as the database takes at once; none if it is empty.
    ///
    /// Where each cell is a parameter, a set has one of few sizes, so that the database sees few different texts and can keep
    /// them prepared: the size above, filled up with empty rows, or else the sizes below.
    fn parts(&self, statement: Statement, mut rows: Rows) -> Vec<Rows> {
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
            let fits = statement.takes_empty_rows();
            let count = if fits { count } else { 1 << count.ilog2() };
            let mut part = rows.take_first(count);
            if fits {
                part.fill_up_to(round_size(count).min(most));
            }
            parts.push(part);
        }
        parts
    }
}

/// The first of 1, 2, 3, 4, 6, 8, 12, 16, 24, … that is not below `count`.
const fn round_size(count: usize) -> usize {
    let power = count.next_power_of_two();
    let between = power / 4 * 3;
    if between >= count { between } else { power }
}

/// Whether all rows are too much for one.
fn is_too_big(error: &sqlx::Error) -> bool {
    const TOO_BIG: &str = "18";
    matches!(error, sqlx::Error::Database(error) if error.code().as_deref() == Some(TOO_BIG))
}

/// The rows in the one row of a packed query. `None`: they are to be read one by one.
fn unpacked(packed: Vec<Row>, columns: &[Kind]) -> Option<Vec<Row>> {
    match packed.into_iter().next()?.opt_text("packed").ok()? {
        Some(packed) => packed::unpacked(&packed, columns),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_sets_are_few_and_close() {
        let sizes: Vec<usize> = [1, 2, 3, 4, 5, 6, 7, 9, 13, 100, 513, 1000, 1024].map(round_size).into();
        assert_eq!(sizes, [1, 2, 3, 4, 6, 6, 8, 12, 16, 128, 768, 1024, 1024]);
    }
}
