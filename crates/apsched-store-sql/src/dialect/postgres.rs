//! PostgreSQL: how values are bound and read. Sets of rows are arrays, one for each column.

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{Arguments, Column as _, Row as _, TypeInfo, ValueRef};

use crate::statement::{Rendered, Slot};
use crate::value::{Cell, Kind, Params, Row, Rows, Value};

pub(crate) fn arguments(rendered: &Rendered, params: Params) -> Result<PgArguments, sqlx::Error> {
    let mut arguments = PgArguments::default();
    for slot in &rendered.slots {
        let added = match slot {
            Slot::Single(name) => match params.single(name).clone() {
                Value::Int(number) => arguments.add(number),
                Value::Text(text) | Value::Json(text) => arguments.add(text),
                Value::Bytes(bytes) => arguments.add(bytes),
                Value::Id(id) => arguments.add(id),
            },
            Slot::Column { set, column, kind } => {
                let cells = params.set(set).column(*column);
                match kind {
                    Kind::Int => arguments.add(cells.map(int).collect::<Vec<_>>()),
                    Kind::Text | Kind::Json => arguments.add(cells.map(text).collect::<Vec<_>>()),
                    Kind::Bytes => arguments.add(cells.map(bytes).collect::<Vec<_>>()),
                    Kind::Id => arguments.add(cells.map(id).collect::<Vec<_>>()),
                }
            }
            Slot::Cell { .. } => unreachable!("rows are arrays"),
        };
        added.map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

impl Rows {
    fn column(&self, column: usize) -> impl Iterator<Item = &Value> {
        self.cells.iter().skip(column).step_by(self.width)
    }
}

fn int(value: &Value) -> Option<i64> {
    match value {
        Value::Int(number) => *number,
        _ => mismatch(),
    }
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::Text(text) | Value::Json(text) => text.as_deref(),
        _ => mismatch(),
    }
}

fn bytes(value: &Value) -> Option<&[u8]> {
    match value {
        Value::Bytes(bytes) => bytes.as_deref(),
        _ => mismatch(),
    }
}

fn id(value: &Value) -> uuid::Uuid {
    match value {
        Value::Id(id) => *id,
        _ => mismatch(),
    }
}

fn mismatch() -> ! {
    unreachable!("a statement and its call agree on the kinds of the columns")
}

pub(crate) fn row(row: &PgRow) -> Result<Row, sqlx::Error> {
    let cell = |index| {
        if row.try_get_raw(index)?.is_null() {
            return Ok(Cell::Null);
        }
        match row.column(index).type_info().name() {
            "INT8" => row.try_get_unchecked(index).map(Cell::Int),
            "INT4" => row.try_get_unchecked::<i32, _>(index).map(|number| Cell::Int(number.into())),
            "UUID" => row.try_get_unchecked(index).map(Cell::Id),
            "BYTEA" => row.try_get_unchecked(index).map(Cell::Bytes),
            _ => row.try_get_unchecked(index).map(Cell::Text),
        }
    };
    (0..row.len()).map(cell).collect::<Result<_, _>>().map(Row::new)
}
