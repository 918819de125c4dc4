//! Many rows as one, where a row costs more than what it holds.
//!
//! SQLite's driver hands over each row on its own, from a thread of its own. A statement that gives many is therefore made to
//! give one: a JSON array of arrays, with bytes as hexadecimal digits. What cannot be written so (a column that holds what it
//! should not) is read row by row, where each row fails alone: bytes among words would be taken for the JSON that they may look like,
//! and a word among bytes for its letters.

use std::fmt;
use std::fmt::Write as _;

use serde::de::{DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};

use crate::value::{Cell, Kind, Row};

/// `query`, with all its rows packed into one.
pub(crate) fn packing(query: &str, columns: &[Kind]) -> String {
    let mut text = String::from("WITH packed (");
    let separator = |column: usize| if column == 0 { "" } else { ", " };
    // Writing into a string does not fail.
    for column in 0..columns.len() {
        let _ = write!(text, "{}c{column}", separator(column));
    }
    let _ = write!(text, ") AS (\n{query}\n)\nSELECT json_group_array(json_array(");
    for (column, kind) in columns.iter().enumerate() {
        let comma = separator(column);
        // A fraction is what no column holds: it says that this one holds what it should not.
        let _ = match kind {
            Kind::Int | Kind::Text | Kind::Json => {
                write!(text, "{comma}iif(typeof(c{column}) = 'blob', 0.5, c{column})")
            }
            Kind::Bytes | Kind::Id => write!(
                text,
                "{comma}CASE typeof(c{column}) WHEN 'blob' THEN hex(c{column}) WHEN 'null' THEN NULL ELSE 0.5 END"
            ),
        };
    }
    text.push_str(")) FROM packed");
    text
}

/// The rows that were packed. `None`: something in them is not what its column holds.
pub(crate) fn unpacked(packed: &str, columns: &[Kind]) -> Option<Vec<Row>> {
    let mut json = serde_json::Deserializer::from_str(packed);
    Rows(columns).deserialize(&mut json).ok()
}

struct Rows<'k>(&'k [Kind]);

impl<'de> DeserializeSeed<'de> for Rows<'_> {
    type Value = Vec<Row>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Rows<'_> {
    type Value = Vec<Row>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<Self::Value, A::Error> {
        let mut unpacked = Vec::new();
        while let Some(row) = rows.next_element_seed(Cells(self.0))? {
            unpacked.push(row);
        }
        Ok(unpacked)
    }
}

struct Cells<'k>(&'k [Kind]);

impl<'de> DeserializeSeed<'de> for Cells<'_> {
    type Value = Row;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Cells<'_> {
    type Value = Row;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a row of {} columns", self.0.len())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut cells: A) -> Result<Self::Value, A::Error> {
        let mut row = Vec::with_capacity(self.0.len());
        for kind in self.0 {
            let cell = cells.next_element_seed(OneCell(*kind))?;
            row.push(cell.ok_or_else(|| A::Error::invalid_length(row.len(), &self))?);
        }
        Ok(Row::new(row))
    }
}

struct OneCell(Kind);

impl<'de> DeserializeSeed<'de> for OneCell {
    type Value = Cell;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for OneCell {
    type Value = Cell;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a column")
    }

    fn visit_unit<E: Error>(self) -> Result<Cell, E> {
        Ok(Cell::Null)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Cell, E> {
        Ok(Cell::Int(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Cell, E> {
        i64::try_from(number).map(Cell::Int).map_err(E::custom)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Cell, E> {
        match self.0 {
            Kind::Int | Kind::Text | Kind::Json => Ok(Cell::Text(text.to_owned())),
            Kind::Bytes | Kind::Id => bytes(text).map(Cell::Bytes).ok_or_else(|| E::custom("no digits")),
        }
    }
}

fn bytes(digits: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    let bytes = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?));
    if rest.is_empty() { bytes.collect() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Kind; 4] = [Kind::Id, Kind::Int, Kind::Text, Kind::Bytes];

    #[test]
    fn a_query_gives_one_row_with_bytes_as_digits() {
        assert_eq!(
            packing("SELECT id, run_at, task_id, payload FROM jobs", &COLUMNS),
            "WITH packed (c0, c1, c2, c3) AS (\nSELECT id, run_at, task_id, payload FROM jobs\n)\nSELECT json_group_array(json_array(\
             CASE typeof(c0) WHEN 'blob' THEN hex(c0) WHEN 'null' THEN NULL ELSE 0.5 END, \
             iif(typeof(c1) = 'blob', 0.5, c1), iif(typeof(c2) = 'blob', 0.5, c2), \
             CASE typeof(c3) WHEN 'blob' THEN hex(c3) WHEN 'null' THEN NULL ELSE 0.5 END)) FROM packed"
        );
    }

    #[test]
    fn rows_come_back_as_they_were() {
        let rows = unpacked(r#"[["00FF",-9223372036854775808,"a\"b",null],["",1,null,"7a"]]"#, &COLUMNS);
        let mut rows = rows.expect("rows").into_iter();
        let mut row = rows.next().expect("a row");
        assert_eq!(row.opt_bytes("id").expect("bytes"), Some(vec![0, 255]));
        assert_eq!(row.int("run_at").expect("a number"), i64::MIN);
        assert_eq!(row.text("task_id").expect("text"), "a\"b");
        assert_eq!(row.opt_bytes("payload").expect("nothing"), None);
        let mut row = rows.next().expect("a row");
        assert_eq!(row.opt_bytes("id").expect("bytes"), Some(Vec::new()));
        assert_eq!(row.int("run_at").expect("a number"), 1);
        assert_eq!(row.opt_text("task_id").expect("nothing"), None);
        assert_eq!(row.opt_bytes("payload").expect("bytes"), Some(vec![0x7a]));
        assert!(rows.next().is_none());
    }

    #[tokio::test]
    #[cfg(feature = "sqlite")]
    async fn a_column_that_holds_what_it_should_not_is_read_row_by_row() {
        use sqlx::{AssertSqlSafe, Connection, Row as _, SqliteConnection};

        let mut connection = SqliteConnection::connect("sqlite::memory:").await.expect("memory");
        let good = "SELECT x'00FF', 7, 'a', NULL";
        for (query, is_packed) in [
            (good, true),
            ("SELECT x'', -1, char(0), x'7A'", true),
            ("SELECT x'00', x'1331', 'a', NULL", false),
            ("SELECT x'00', 7, x'00', NULL", false),
            ("SELECT x'00', 7, 'a', 5", false),
            ("SELECT 'sixteen letters.', 7, 'a', NULL", false),
            ("SELECT x'00', 1.5, 'a', NULL", false),
            ("SELECT x'00', 7, CAST(x'FF' AS TEXT), NULL", false),
        ] {
            let text = AssertSqlSafe(packing(&format!("{good} UNION ALL {query}"), &COLUMNS));
            let row = sqlx::query(text).fetch_one(&mut connection).await.expect("one row");
            let rows = row.try_get::<String, _>(0).ok().and_then(|packed| unpacked(&packed, &COLUMNS));
            assert_eq!(rows.map(|rows| rows.len()), is_packed.then_some(2), "{query}");
        }
    }

    #[test]
    fn what_no_column_holds_is_not_guessed() {
        for packed in [
            r#"[["0",1,"a",null]]"#,
            r#"[["xy",1,"a",null]]"#,
            r#"[["00",1.5,"a",null]]"#,
            r#"[["00",1]]"#,
            r#"[["00",18446744073709551615,"a",null]]"#,
            "[[",
        ] {
            assert!(unpacked(packed, &COLUMNS).is_none(), "{packed}");
        }
    }
}
