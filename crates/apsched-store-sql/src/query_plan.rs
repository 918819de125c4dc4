//! The plan that SQLite makes for each statement: through an index, whatever the tables hold.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use sqlx::{AssertSqlSafe, Connection, Executor, Row as _, SqliteConnection};

use crate::dialect::Dialect;
use crate::options::TableNames;
use crate::row;
use crate::schema;
use crate::statement::{Form, Statement, Statements};
use crate::value::{Kind, Params, Value};

/// Statements that are to read a whole table or index, and why that is right.
const WHOLE: [(&str, &str); 7] = [
    ("drop_schedule_leases", "looks for claims of earlier runs, once, at the start"),
    ("finished_schedules", "looks at finished schedules alone, which have an index of their own"),
    ("lease_holders", "looks at all that is held, once, at the start"),
    ("list_jobs", "lists what a user's filter lets through"),
    ("list_schedules", "lists what a user's filter lets through"),
    ("orphaned_jobs", "looks at running jobs alone, of which there are few"),
    ("cancel_requests", "looks at running jobs alone, of which there are few"),
];

/// The statements that SQLite runs, from their files.
fn statements() -> Vec<Statement> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql");
    let mut statements = Vec::new();
    for file in std::fs::read_dir(directory).expect("the statements") {
        let path = file.expect("a file").path();
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        if !name.contains('.') {
            let template = std::fs::read_to_string(&path).expect("a statement").leak();
            statements.push(Statement { name: name.leak(), template, packed: None });
        }
    }
    statements
}

/// One row for each set that the template names.
fn sets(statement: Statement) -> Params {
    let mut params = Params::new();
    for marker in statement.template.split('{').skip(1) {
        let set = marker.strip_prefix("rows ").or_else(|| marker.strip_prefix("values "));
        let Some((name, rest)) = set.and_then(|set| set.split_once(": ")) else { continue };
        let columns = rest.split_once('}').expect("a marker ends").0;
        let cells = columns.split(", ").map(|_| Value::Int(None)).collect();
        params.sets.push(crate::value::Rows { name, width: columns.split(", ").count(), cells });
    }
    params
}

#[tokio::test]
async fn every_statement_finds_its_rows_by_an_index() {
    let compose = Statements::new(Dialect::Sqlite, TableNames::default());
    let mut connection = SqliteConnection::connect("sqlite::memory:").await.expect("memory");
    for migration in schema::migrations(&compose) {
        connection.execute(sqlx::raw_sql(AssertSqlSafe(migration.sql))).await.expect("a migration");
    }
    let allowed: BTreeMap<_, _> = WHOLE.into_iter().collect();
    let mut unused: BTreeSet<_> = allowed.keys().copied().collect();
    let mut looked_at = 0;
    for statement in statements() {
        let rendered = compose.render(statement, Form::Plain, &sets(statement));
        let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", rendered.text));
        let plan = connection.fetch_all(sqlx::raw_sql(explain)).await;
        let plan = plan.unwrap_or_else(|error| panic!("{}: {error}\n{}", statement.name, rendered.text));
        looked_at += 1;
        let steps: Vec<String> = plan.iter().map(|row| row.get("detail")).collect();
        let reads_all = |step: &&String| {
            let step = step.trim_start();
            ["jobs", "schedules"].iter().any(|table| {
                step.starts_with(&format!("SCAN {table}"))
                    || step.starts_with(&format!("SCAN apsched_{table}"))
            })
        };
        let whole: Vec<_> = steps.iter().filter(reads_all).collect();
        if !whole.is_empty() {
            unused.remove(statement.name);
        }
        assert!(
            whole.is_empty() || allowed.contains_key(statement.name),
            "{}: {whole:?} in {steps:#?}",
            statement.name
        );
    }
    assert!(looked_at > 50, "the statements were found: {looked_at}");
    assert!(unused.is_empty(), "these read no whole table any more, and need no leave to: {unused:?}");
}

#[tokio::test]
async fn claims_read_the_index_of_the_queue_in_its_order() {
    let compose = Statements::new(Dialect::Sqlite, TableNames::default());
    let mut connection = SqliteConnection::connect("sqlite::memory:").await.expect("memory");
    for migration in schema::migrations(&compose) {
        connection.execute(sqlx::raw_sql(AssertSqlSafe(migration.sql))).await.expect("a migration");
    }
    for name in ["lanes", "lane_jobs", "lane_rows", "acquire_lane"] {
        let statement =
            statements().into_iter().find(|it| it.name == name).expect("a statement of this name");
        let rendered = compose.render(statement, Form::Plain, &sets(statement));
        let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", rendered.text));
        let plan = connection.fetch_all(sqlx::raw_sql(explain)).await.expect("a plan");
        let steps: Vec<String> = plan.iter().map(|row| row.get("detail")).collect();
        assert!(steps.iter().any(|step| step.contains("apsched_jobs_queue")), "{name}: {steps:#?}");
        assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE")), "{name} sorts: {steps:#?}");
    }
}

/// A wrong kind would make every packed read fall back to single rows, which nobody sees but the clock.
#[tokio::test]
async fn what_is_read_packed_is_bytes_where_the_table_holds_bytes() {
    let compose = Statements::new(Dialect::Sqlite, TableNames::default());
    let mut connection = SqliteConnection::connect("sqlite::memory:").await.expect("memory");
    for migration in schema::migrations(&compose) {
        connection.execute(sqlx::raw_sql(AssertSqlSafe(migration.sql))).await.expect("a migration");
    }
    for (table, columns, kinds) in [
        ("apsched_jobs", row::job::COLUMNS, row::job::KINDS),
        ("apsched_jobs", row::job::ENDED_COLUMNS, row::job::ENDED_KINDS),
        ("apsched_schedules", row::schedule::COLUMNS, row::schedule::KINDS),
    ] {
        let text = format!("SELECT name, type FROM pragma_table_info('{table}')");
        let declared = connection.fetch_all(sqlx::raw_sql(AssertSqlSafe(text))).await.expect("columns");
        let declared: BTreeMap<String, String> =
            declared.iter().map(|column| (column.get("name"), column.get("type"))).collect();
        for (column, kind) in columns.split(", ").zip(kinds) {
            // What is worked out of a column is a number.
            let declared = declared.get(column).map_or("INTEGER", String::as_str);
            let is_bytes = matches!(kind, Kind::Bytes | Kind::Id);
            assert_eq!(is_bytes, declared == "BLOB", "{table}.{column}");
        }
    }
}
