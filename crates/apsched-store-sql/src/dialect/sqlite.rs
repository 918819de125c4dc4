//! SQLite: how values are bound and read.

use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments, Row as _, TypeInfo, ValueRef};

use crate::statement::{Rendered, Slot};
use crate::value::{Cell, Params, Row, Value};

pub(crate) fn arguments(rendered: &Rendered, mut params: Params) -> Result<SqliteArguments, sqlx::Error> {
    let mut arguments = SqliteArguments::default();
    arguments.reserve(rendered.slots.len(), 0);
    for slot in &rendered.slots {
        let value = match slot {
            Slot::Single(name) => params.single(name).clone(),
            Slot::Cell { set, cell } => params.take_cell(set, *cell),
            Slot::Column { .. } => unreachable!("arrays are of PostgreSQL"),
        };
        let added = match value {
            Value::Int(number) => arguments.add(number),
            Value::Text(text) | Value::Json(text) => arguments.add(text),
            Value::Bytes(bytes) => arguments.add(bytes),
            Value::Id(id) => arguments.add(id.into_bytes().to_vec()),
        };
        added.map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

pub(crate) fn row(row: &SqliteRow) -> Result<Row, sqlx::Error> {
    let cell = |index| {
        let value = row.try_get_raw(index)?;
        if value.is_null() {
            return Ok(Cell::Null);
        }
        let kind = value.type_info().into_owned();
        match kind.name() {
            "INTEGER" => row.try_get_unchecked(index).map(Cell::Int),
            // Text that is no UTF-8 is told by who reads the column, and harms its own row alone.
            "TEXT" => {
                let text = row.try_get_unchecked(index).map(Cell::Text);
                text.or_else(|_| row.try_get_unchecked(index).map(Cell::Bytes))
            }
            _ => row.try_get_unchecked(index).map(Cell::Bytes),
        }
    };
    (0..row.len()).map(cell).collect::<Result<_, _>>().map(Row::new)
}
