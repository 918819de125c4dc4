//! The text of a statement for the database at hand, made of one template.
//!
//! A template is a `.sql` file with `:named` parameters and a few markers in braces; what differs between databases
//! in every statement is said here once, by marker, and a statement that differs in itself has a file for each database.
//!
//! | marker | becomes |
//! |---|---|
//! | `{jobs}`, `{schedules}`, … | the quoted name of a table, with prefix and schema |
//! | `{index jobs_queue}` | the quoted name of an index |
//! | `{columns job}` | the columns of which a job is decoded, in that order |
//! | `{rows held: id id, token int}` | a derived table `held` of the rows that the caller gives; once in a statement |
//! | `{values job: id id, run_at int}` | the same rows, as the source of an `INSERT` |
//! | `{among}` … `{end among}` | being one of the ids that a query gives, which is run first, and once |
//! | `{endless}` … `{endless hint}` | what lets a recursive query go on for any number of steps, before it and in its `SELECT` |
//! | `{once}` | what keeps a named query from being run wherever it is named |
//! | `{then} … {by id}` | the join of rows that the caller gives with those of a table that have their ids |
//! | `{then} … {by index jobs_fire_time}` | the same by another index |
//! | `{lock jobs}` | the lock on the rows of `jobs` that are read; nothing where there is one writer |
//! | `{lock free jobs}` | the same, passing over rows that somebody else has locked |
//!
//! No user's text is ever spliced in: table names are checked identifiers, everything else is a parameter.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, PoisonError, RwLock};

use crate::dialect::Dialect;
use crate::options::TableNames;
use crate::packed::packing;
use crate::value::{Kind, Params};

/// A statement: its name, and its template.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Statement {
    pub(crate) name: &'static str,
    pub(crate) template: &'static str,
    /// Its columns, if it may give many rows at once.
    pub(crate) packed: Option<&'static [Kind]>,
}

impl Statement {
    /// A query that may give many rows at once, of these columns.
    pub(crate) const fn giving_many(mut self, columns: &'static [Kind]) -> Self {
        self.packed = Some(columns);
        self
    }

    /// Whether rows without values may stand among those that the caller gives: a query matches nothing with them, and what inserts
    /// from a query leaves them out.
    pub(crate) fn takes_empty_rows(self) -> bool {
        !self.template.contains("{values ")
    }
}

/// The statement of this name: `sql/name.sql`.
macro_rules! statement {
    ($name:literal) => {
        $crate::statement::Statement {
            name: $name,
            template: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/sql/", $name, ".sql")),
            packed: None,
        }
    };
}

pub(crate) use statement;

/// Where a placeholder gets its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    /// A single parameter.
    Single(&'static str),
    /// One cell of a set of rows.
    Cell { set: &'static str, cell: usize },
    /// A whole column of a set of rows, as an array.
    Column { set: &'static str, column: usize, kind: Kind },
}

/// A statement as the database is given it.
#[derive(Debug)]
pub(crate) struct Rendered {
    pub(crate) text: Arc<str>,
    pub(crate) slots: Vec<Slot>,
}

/// A statement, its form, and the number of rows in each of its sets where that changes the text.
type Key = (&'static str, Form, Vec<usize>);

/// How a statement gives its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Form {
    /// One by one.
    Plain,
    /// All as one, of the statement's columns.
    Packed(&'static [Kind]),
}

/// Makes statements for one database, and keeps what it made.
#[derive(Debug)]
pub(crate) struct Statements {
    pub(crate) dialect: Dialect,
    pub(crate) tables: TableNames,
    rendered: RwLock<HashMap<Key, Arc<Rendered>>>,
}

impl Statements {
    pub(crate) fn new(dialect: Dialect, tables: TableNames) -> Self {
        Self { dialect, tables, rendered: RwLock::default() }
    }

    pub(crate) fn render(&self, statement: Statement, form: Form, params: &Params) -> Arc<Rendered> {
        let counts = match self.dialect {
            Dialect::Postgres => Vec::new(),
            Dialect::Sqlite | Dialect::MySql => params.sets.iter().map(crate::value::Rows::len).collect(),
        };
        let key = (statement.name, form, counts);
        let known = self.rendered.read().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(known) = known {
            return known;
        }
        let mut rendered = self.compose(statement.template, params);
        if let Form::Packed(columns) = form {
            rendered.text = packing(&rendered.text, columns).into();
        }
        let rendered = Arc::new(rendered);
        self.rendered.write().unwrap_or_else(PoisonError::into_inner).insert(key, rendered.clone());
        rendered
    }

    /// A text without parameters, such as a migration.
    pub(crate) fn plain(&self, template: &'static str) -> String {
        self.compose(template, &Params::new()).text.to_string()
    }

    fn compose(&self, template: &'static str, params: &Params) -> Rendered {
        let mut composer = Composer { statements: self, params, text: String::new(), slots: Vec::new() };
        for line in template.lines().filter(|line| !line.trim_start().starts_with("--")) {
            composer.line(line);
            composer.text.push('\n');
        }
        Rendered { text: composer.text.trim_end().into(), slots: composer.slots }
    }
}

struct Composer<'a> {
    statements: &'a Statements,
    params: &'a Params,
    text: String,
    slots: Vec<Slot>,
}

impl Composer<'_> {
    fn line(&mut self, mut rest: &'static str) {
        while let Some(at) = rest.find(['{', ':', '\'']) {
            self.text.push_str(&rest[..at]);
            let (mark, after) = rest[at..].split_at(1);
            rest = match mark {
                "{" => {
                    let (marker, after) = after.split_once('}').expect("a marker ends on its line");
                    self.marker(marker);
                    after
                }
                "'" => {
                    let (literal, after) = after.split_once('\'').expect("a literal ends on its line");
                    let _ = write!(self.text, "'{literal}'");
                    after
                }
                _ => self.parameter(after),
            };
        }
        self.text.push_str(rest);
    }

    /// After a colon: a parameter's name, or another colon, which is a cast.
    fn parameter(&mut self, after: &'static str) -> &'static str {
        let end = after.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap_or(after.len());
        let (name, rest) = after.split_at(end);
        if name.is_empty() {
            self.text.push_str("::");
            return rest.strip_prefix(':').expect("a lone colon is no SQL");
        }
        self.placeholder(Slot::Single(name));
        rest
    }

    fn placeholder(&mut self, slot: Slot) {
        let dialect = self.statements.dialect;
        let numbers = dialect.numbers_parameters();
        let known = numbers.then(|| self.slots.iter().position(|known| *known == slot)).flatten();
        let number = known.unwrap_or_else(|| {
            self.slots.push(slot);
            self.slots.len() - 1
        });
        dialect.write_placeholder(&mut self.text, number + 1);
    }

    fn marker(&mut self, marker: &'static str) {
        let dialect = self.statements.dialect;
        match marker.split_once(' ') {
            Some(("columns", row)) => self.text.push_str(crate::row::columns(row)),
            Some(("index", name)) => self.text.push_str(&self.statements.tables.index(dialect, name)),
            Some(("lock", table)) => self.text.push_str(&match table.strip_prefix("free ") {
                Some(table) => dialect.lock(table, " SKIP LOCKED"),
                None => dialect.lock(table, ""),
            }),
            Some((form @ ("rows" | "values"), set)) => {
                let (name, columns) = set.split_once(": ").expect("a set of rows names its columns");
                let columns: Vec<(&str, Kind)> = columns.split(", ").map(column).collect();
                self.rows(name, &columns, form == "rows");
            }
            Some(("end", _)) => self.text.push_str(dialect.among().1),
            None if marker == "then" => self.text.push_str(dialect.join_to()),
            Some(("by", key)) => {
                let tables = &self.statements.tables;
                let index = key.strip_prefix("index ").map(|name| tables.index(dialect, name));
                self.text.push_str(&dialect.by_index(index.as_deref().unwrap_or("PRIMARY")));
            }
            None if marker == "among" => self.text.push_str(dialect.among().0),
            None if marker == "endless" => self.text.push_str(dialect.endless().0),
            Some(("endless", _)) => self.text.push_str(dialect.endless().1),
            None if marker == "once" => self.text.push_str(dialect.once()),
            _ => self.text.push_str(&self.statements.tables.table(dialect, marker)),
        }
    }

    /// The rows that the caller gives: an array for each column, or a placeholder for each cell.
    fn rows(&mut self, set: &'static str, columns: &[(&'static str, Kind)], derived: bool) {
        let dialect = self.statements.dialect;
        if dialect == Dialect::Postgres {
            self.text.push_str(if derived { "UNNEST(" } else { "SELECT * FROM UNNEST(" });
            for (column, (_, kind)) in columns.iter().enumerate() {
                self.text.push_str(if column == 0 { "" } else { ", " });
                self.placeholder(Slot::Column { set, column, kind: *kind });
                self.text.push_str(dialect.array_cast(*kind));
            }
            let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
            let _ = write!(self.text, ") AS {set} ({})", names.join(", "));
            return;
        }
        // Each value is handed over once; what looks at a set again names it.
        let is_given = |slot: &Slot| matches!(slot, Slot::Cell { set: given, .. } if *given == set);
        debug_assert!(!self.slots.iter().any(is_given), "the rows {set} are asked for once");
        let rows = self.params.set(set);
        let opening = match (dialect, derived) {
            (Dialect::MySql, true) => "(".to_owned(),
            (_, true) => {
                let named = columns.iter().enumerate();
                let named: Vec<_> =
                    named.map(|(index, (name, _))| format!("column{} AS {name}", index + 1)).collect();
                format!("(SELECT {} FROM (VALUES ", named.join(", "))
            }
            (_, false) => "VALUES ".to_owned(),
        };
        self.text.push_str(&opening);
        for row in 0..rows.len() {
            let selects = dialect == Dialect::MySql && derived;
            self.text.push_str(match (row, selects) {
                (0, true) => "SELECT ",
                (_, true) => " UNION ALL SELECT ",
                (0, false) => "(",
                (_, false) => ", (",
            });
            for (column, (name, kind)) in columns.iter().enumerate() {
                self.text.push_str(if column == 0 { "" } else { ", " });
                let (before, after) = if selects { dialect.cast(*kind) } else { ("", "") };
                self.text.push_str(before);
                self.placeholder(Slot::Cell { set, cell: row * rows.width + column });
                self.text.push_str(after);
                if selects && row == 0 {
                    let _ = write!(self.text, " AS {name}");
                }
            }
            self.text.push_str(if selects { "" } else { ")" });
        }
        let closing = match (dialect, derived) {
            (Dialect::MySql, true) => format!(") AS {set}"),
            (_, true) => format!(")) AS {set}"),
            (_, false) => String::new(),
        };
        self.text.push_str(&closing);
    }
}

fn column(text: &'static str) -> (&'static str, Kind) {
    let (name, kind) = text.split_once(' ').expect("a column of a set of rows has a kind");
    let kind = match kind {
        "int" => Kind::Int,
        "text" => Kind::Text,
        "json" => Kind::Json,
        "bytes" => Kind::Bytes,
        "id" => Kind::Id,
        other => unreachable!("{other:?} is no kind of column"),
    };
    (name, kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    fn rendered(dialect: Dialect, template: &'static str, params: &Params) -> (String, Vec<Slot>) {
        let statements = Statements::new(dialect, TableNames::default());
        let rendered =
            statements.render(Statement { name: "test", template, packed: None }, Form::Plain, params);
        (rendered.text.to_string(), rendered.slots.clone())
    }

    const TEMPLATE: &str = "-- Says nothing.
SELECT held.id FROM {jobs} AS jobs JOIN {rows held: id text, token int} ON held.id = jobs.id
WHERE run_at <= :now OR created_at < :now AND state = 'a:b' {lock free jobs}";

    fn params() -> Params {
        let held = [("a", 1_i64), ("b", 2)].map(|(id, token)| [Value::from(id), Value::from(token)]);
        Params::new().with("now", 7_i64).rows("held", held)
    }

    #[test]
    fn no_statement_asks_for_the_same_rows_twice() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/sql");
        let mut asked = 0;
        for file in std::fs::read_dir(folder).expect("the statements") {
            let path = file.expect("a statement").path();
            let template = std::fs::read_to_string(&path).expect("a template");
            let asks = template.split('{').filter_map(|marker| marker.split_once(": "));
            let sets =
                asks.filter_map(|(asks, _)| asks.strip_prefix("rows ").or(asks.strip_prefix("values ")));
            let mut sets: Vec<&str> = sets.collect();
            asked += sets.len();
            sets.sort_unstable();
            let twice = sets.windows(2).find(|two| two[0] == two[1]);
            assert_eq!(twice, None, "{}: name the rows by WITH", path.display());
        }
        assert!(asked > 0, "there are statements that ask for rows");
    }

    #[test]
    fn rows_are_arrays_on_postgres() {
        let (text, slots) = rendered(Dialect::Postgres, TEMPLATE, &params());
        assert_eq!(
            text,
            r#"SELECT held.id FROM "apsched_jobs" AS jobs JOIN UNNEST($1::text[], $2::bigint[]) AS held (id, token) ON held.id = jobs.id
WHERE run_at <= $3 OR created_at < $3 AND state = 'a:b' FOR UPDATE OF jobs SKIP LOCKED"#
        );
        assert_eq!(slots.len(), 3);
    }

    #[test]
    fn rows_are_cells_elsewhere() {
        let (text, slots) = rendered(Dialect::Sqlite, TEMPLATE, &params());
        assert_eq!(
            text,
            r#"SELECT held.id FROM "apsched_jobs" AS jobs JOIN (SELECT column1 AS id, column2 AS token FROM (VALUES (?, ?), (?, ?))) AS held ON held.id = jobs.id
WHERE run_at <= ? OR created_at < ? AND state = 'a:b'"#
        );
        assert_eq!(slots.len(), 6);
        let (text, slots) = rendered(Dialect::MySql, TEMPLATE, &params());
        assert_eq!(
            text,
            "SELECT held.id FROM `apsched_jobs` AS jobs JOIN (SELECT CAST(? AS BINARY) AS id, CAST(? AS SIGNED) AS token UNION ALL SELECT CAST(? AS BINARY), CAST(? AS SIGNED)) AS held ON held.id = jobs.id
WHERE run_at <= ? OR created_at < ? AND state = 'a:b' FOR UPDATE SKIP LOCKED"
        );
        assert_eq!(slots.len(), 6);
    }
}
