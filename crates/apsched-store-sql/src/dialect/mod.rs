//! What differs between the databases in every statement. What differs in one statement alone has files of its own.

#[cfg(feature = "mysql")]
pub(crate) mod mysql;
#[cfg(feature = "postgres")]
pub(crate) mod postgres;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;

use std::fmt::Write as _;

use crate::value::Kind;

/// The databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
    MySql,
}

/// Whether a statement that changes rows gives them back, or they are read by one of their own.
///
/// SQLite could, but not packed into one ([`crate::packed`]); it does where the rows are few or hold little.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Returning {
    Supported,
    Missing,
}

impl Dialect {
    /// The name in messages.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
            Self::MySql => "MySQL",
        }
    }

    pub(crate) const fn returning(self) -> Returning {
        match self {
            Self::Postgres => Returning::Supported,
            Self::Sqlite | Self::MySql => Returning::Missing,
        }
    }

    /// Whether one parameter can stand in several places.
    ///
    /// SQLite knows a numbered parameter by name, in a list that is walked for each that is bound: the time for a set of rows
    /// would grow with the square of its cells.
    pub(crate) const fn numbers_parameters(self) -> bool {
        matches!(self, Self::Postgres)
    }

    pub(crate) fn write_placeholder(self, text: &mut String, number: usize) {
        // Writing into a string does not fail.
        let _ = match self {
            Self::Postgres => write!(text, "${number}"),
            Self::Sqlite | Self::MySql => write!(text, "?"),
        };
    }

    /// A checked identifier, quoted.
    pub(crate) fn quoted(self, name: &str) -> String {
        match self {
            Self::Sqlite | Self::Postgres => format!("\"{name}\""),
            Self::MySql => format!("`{name}`"),
        }
    }

    /// The lock on the rows of `table` that are read. SQLite has one writer, who locks everything.
    pub(crate) fn lock(self, table: &str, rest: &str) -> String {
        match self {
            Self::Sqlite => String::new(),
            Self::Postgres => format!("FOR UPDATE OF {table}{rest}"),
            Self::MySql => format!("FOR UPDATE{rest}"),
        }
    }

    /// What stands around a query of which a value is to be one.
    ///
    /// On PostgreSQL an array, of which the planner expects few: a join it might do by reading the whole table.
    pub(crate) const fn among(self) -> (&'static str, &'static str) {
        match self {
            Self::Postgres => ("= ANY (ARRAY (", "))"),
            Self::Sqlite | Self::MySql => ("IN (", ")"),
        }
    }

    /// How rows that the caller gives are joined to a table: they are looked at first, one by one.
    ///
    /// MySQL might rather read the table, of which it knows no better while it is small; a statement that locks would then
    /// wait for the rows of others, and they for its own.
    pub(crate) const fn join_to(self) -> &'static str {
        match self {
            Self::MySql => "STRAIGHT_JOIN",
            Self::Sqlite | Self::Postgres => "JOIN",
        }
    }

    /// By which index they are joined.
    pub(crate) fn by_index(self, index: &str) -> String {
        match self {
            Self::MySql => format!("FORCE INDEX ({index})"),
            Self::Sqlite | Self::Postgres => String::new(),
        }
    }

    /// What stands before and after the `SELECT` of a query that may go on for any number of steps, wherever the server would end it
    /// after a thousand. The first is read by MariaDB alone, the second by MySQL alone; both hold for this query alone.
    pub(crate) const fn endless(self) -> (&'static str, &'static str) {
        match self {
            Self::MySql => (
                "/*M! SET STATEMENT max_recursive_iterations = 4294967295 FOR */",
                "/*+ SET_VAR(cte_max_recursion_depth = 4294967295) */",
            ),
            Self::Sqlite | Self::Postgres => ("", ""),
        }
    }

    /// What keeps a named query from being run wherever it is named.
    pub(crate) const fn once(self) -> &'static str {
        match self {
            Self::Postgres | Self::Sqlite => "MATERIALIZED",
            Self::MySql => "",
        }
    }

    /// What follows the placeholder of an array.
    pub(crate) const fn array_cast(self, kind: Kind) -> &'static str {
        match kind {
            Kind::Int => "::bigint[]",
            Kind::Text | Kind::Json => "::text[]",
            Kind::Bytes => "::bytea[]",
            Kind::Id => "::uuid[]",
        }
    }

    /// What stands around a placeholder whose type nothing else tells.
    pub(crate) const fn cast(self, kind: Kind) -> (&'static str, &'static str) {
        match (self, kind) {
            (Self::MySql, Kind::Int) => ("CAST(", " AS SIGNED)"),
            (Self::MySql, Kind::Json) => ("CAST(", " AS CHAR CHARACTER SET utf8mb4)"),
            (Self::MySql, _) => ("CAST(", " AS BINARY)"),
            _ => ("", ""),
        }
    }
}
