//! MySQL and MariaDB: how values are bound and read. Ids and words are bytes, since text compares with padding.

use sqlx::mysql::{MySqlArguments, MySqlRow};
use sqlx::{Arguments, Column as _, Row as _, TypeInfo, ValueRef};

use crate::statement::{Rendered, Slot};
use crate::value::{Cell, Params, Row, Value};

pub(crate) fn arguments(rendered: &Rendered, mut params: Params) -> Result<MySqlArguments, sqlx::Error> {
    let mut arguments = MySqlArguments::default();
    for slot in &rendered.slots {
        let value = match slot {
            Slot::Single(name) => params.single(name).clone(),
            Slot::Cell { set, cell } => params.take_cell(set, *cell),
            Slot::Column { .. } => unreachable!("arrays are of PostgreSQL"),
        };
        let added = match value {
            Value::Int(number) => arguments.add(number),
            Value::Text(text) => arguments.add(text.map(String::into_bytes)),
            Value::Json(text) => arguments.add(text),
            Value::Bytes(bytes) => arguments.add(bytes),
            Value::Id(id) => arguments.add(id.into_bytes().to_vec()),
        };
        added.map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

pub(crate) fn row(row: &MySqlRow) -> Result<Row, sqlx::Error> {
    let cell = |index| {
        if row.try_get_raw(index)?.is_null() {
            return Ok(Cell::Null);
        }
        match row.column(index).type_info().name() {
            "BIGINT" | "INT" | "SMALLINT" | "TINYINT" | "BOOLEAN" => {
                row.try_get_unchecked(index).map(Cell::Int)
            }
            _ => row.try_get_unchecked(index).map(Cell::Bytes),
        }
    };
    (0..row.len()).map(cell).collect::<Result<_, _>>().map(Row::new)
}
