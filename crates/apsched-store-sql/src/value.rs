//! What goes into a statement and what comes out of it, the same for every database.
//!
//! Instants are microseconds since 1970, ids of jobs are sixteen bytes, all other ids and words are text, definitions
//! are JSON. What a column holds that it should not (somebody else wrote it) is an [`Unreadable`], never a panic.

use std::fmt;

use apsched_core::{ExecutorName, JobId, Payload, ScheduleId, SchedulerId, TaskId};
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// What a column or parameter holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// A number, an instant, a flag.
    Int,
    /// An id or a word: compared byte by byte, at most some hundred bytes.
    Text,
    /// A definition or message of any length.
    Json,
    /// A payload.
    Bytes,
    /// The id of a job.
    Id,
}

/// A parameter of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Int(Option<i64>),
    Text(Option<String>),
    Json(Option<String>),
    Bytes(Option<Vec<u8>>),
    Id(Uuid),
}

/// A long text, as opposed to an id or a word.
#[derive(Clone, Debug)]
pub(crate) struct Json(pub(crate) Option<String>);

impl From<Json> for Value {
    fn from(Json(text): Json) -> Self {
        Self::Json(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(Some(number))
    }
}

impl From<Option<i64>> for Value {
    fn from(number: Option<i64>) -> Self {
        Self::Int(number)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Int(Some(number.into()))
    }
}

impl From<u64> for Value {
    /// Numbers above what a database keeps do not occur: they count claims, fires and edits.
    fn from(number: u64) -> Self {
        Self::Int(Some(i64::try_from(number).unwrap_or(i64::MAX)))
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Self {
        Self::from(u64::try_from(number).unwrap_or(u64::MAX))
    }
}

impl From<DateTime<Utc>> for Value {
    fn from(at: DateTime<Utc>) -> Self {
        Self::Int(Some(at.timestamp_micros()))
    }
}

impl From<Option<DateTime<Utc>>> for Value {
    fn from(at: Option<DateTime<Utc>>) -> Self {
        Self::Int(at.map(|at| at.timestamp_micros()))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Some(text))
    }
}

impl From<Option<&str>> for Value {
    fn from(text: Option<&str>) -> Self {
        Self::Text(text.map(str::to_owned))
    }
}

impl From<&TaskId> for Value {
    fn from(id: &TaskId) -> Self {
        id.as_str().into()
    }
}

impl From<&ScheduleId> for Value {
    fn from(id: &ScheduleId) -> Self {
        id.as_str().into()
    }
}

impl From<&ExecutorName> for Value {
    fn from(name: &ExecutorName) -> Self {
        name.as_str().into()
    }
}

impl From<&SchedulerId> for Value {
    fn from(id: &SchedulerId) -> Self {
        id.to_string().into()
    }
}

impl From<JobId> for Value {
    fn from(id: JobId) -> Self {
        Self::Id(id.as_uuid())
    }
}

/// The parameters of one run of a statement: single ones by name, and sets of rows by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Params {
    singles: Vec<(&'static str, Value)>,
    pub(crate) sets: Vec<Rows>,
}

/// A set of rows, one cell after another.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    pub(crate) name: &'static str,
    pub(crate) width: usize,
    pub(crate) cells: Vec<Value>,
}

impl Rows {
    pub(crate) fn new<const WIDTH: usize>(
        name: &'static str,
        rows: impl IntoIterator<Item = [Value; WIDTH]>,
    ) -> Self {
        Self { name, width: WIDTH, cells: rows.into_iter().flatten().collect() }
    }

    pub(crate) const fn len(&self) -> usize {
        self.cells.len() / self.width
    }

    /// Takes away as many rows from the front.
    pub(crate) fn take_first(&mut self, count: usize) -> Self {
        let rest = self.cells.split_off(count * self.width);
        Self { name: self.name, width: self.width, cells: std::mem::replace(&mut self.cells, rest) }
    }

    /// Adds rows without values, up to so many rows.
    pub(crate) fn fill_up_to(&mut self, count: usize) {
        self.cells.resize(count * self.width, Value::Int(None));
    }
}

impl Params {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.singles.push((name, value.into()));
        self
    }

    /// The same parameters, with this set of rows alone.
    pub(crate) fn with_set(mut self, rows: Rows) -> Self {
        self.sets = vec![rows];
        self
    }

    pub(crate) fn rows<const WIDTH: usize>(
        mut self,
        name: &'static str,
        rows: impl IntoIterator<Item = [Value; WIDTH]>,
    ) -> Self {
        self.sets.push(Rows::new(name, rows));
        self
    }

    /// The value of a parameter; a statement and its call stand side by side and are tested together.
    pub(crate) fn single(&self, name: &str) -> &Value {
        let found = self.singles.iter().find(|(known, _)| *known == name);
        &found.unwrap_or_else(|| unreachable!("the statement asks for :{name}, which its caller gives")).1
    }

    /// One cell of a set, which no other placeholder asks for.
    #[cfg(any(feature = "sqlite", feature = "mysql"))]
    pub(crate) fn take_cell(&mut self, name: &str, cell: usize) -> Value {
        let found = self.sets.iter_mut().find(|rows| rows.name == name);
        let rows = found.unwrap_or_else(|| unreachable!("the statement was made for the rows {name}"));
        std::mem::replace(&mut rows.cells[cell], Value::Int(None))
    }

    pub(crate) fn set(&self, name: &str) -> &Rows {
        let found = self.sets.iter().find(|rows| rows.name == name);
        found
            .unwrap_or_else(|| unreachable!("the statement asks for the rows {name}, which its caller gives"))
    }
}

/// One column of a row that was read.
#[derive(Clone, Debug)]
pub(crate) enum Cell {
    Null,
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
    #[cfg_attr(not(feature = "postgres"), expect(dead_code, reason = "the others give ids as bytes"))]
    Id(Uuid),
}

/// Why a row cannot be decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable(pub(crate) String);

impl Unreadable {
    pub(crate) fn column(name: &str, reason: impl fmt::Display) -> Self {
        Self(format!("column {name}: {reason}"))
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A row that was read; its columns are taken from left to right.
#[derive(Debug)]
pub(crate) struct Row(std::vec::IntoIter<Cell>);

type Read<T> = Result<T, Unreadable>;

impl Row {
    pub(crate) fn new(cells: Vec<Cell>) -> Self {
        Self(cells.into_iter())
    }

    fn next(&mut self) -> Cell {
        self.0.next().unwrap_or(Cell::Null)
    }

    fn required<T>(name: &str, value: Option<T>) -> Read<T> {
        value.ok_or_else(|| Unreadable::column(name, "expected a value, found none"))
    }

    pub(crate) fn opt_int(&mut self, name: &str) -> Read<Option<i64>> {
        match self.next() {
            Cell::Null => Ok(None),
            Cell::Int(number) => Ok(Some(number)),
            other => Err(Unreadable::column(name, format_args!("expected a number, found {}", other.kind()))),
        }
    }

    pub(crate) fn int(&mut self, name: &str) -> Read<i64> {
        let number = self.opt_int(name)?;
        Self::required(name, number)
    }

    /// A number that is not negative.
    pub(crate) fn count(&mut self, name: &str) -> Read<u64> {
        let number = self.int(name)?;
        u64::try_from(number)
            .map_err(|_| Unreadable::column(name, format_args!("expected 0 or more, found {number}")))
    }

    pub(crate) fn opt_instant(&mut self, name: &str) -> Read<Option<DateTime<Utc>>> {
        let Some(micros) = self.opt_int(name)? else { return Ok(None) };
        let at = DateTime::from_timestamp_micros(micros);
        at.map(Some).ok_or_else(|| Unreadable::column(name, format_args!("{micros} is no instant")))
    }

    pub(crate) fn instant(&mut self, name: &str) -> Read<DateTime<Utc>> {
        let at = self.opt_instant(name)?;
        Self::required(name, at)
    }

    /// An instant by which something is looked for: what lies beyond the ends of time counts as its end.
    pub(crate) fn opt_moment(&mut self, name: &str) -> Read<Option<DateTime<Utc>>> {
        let moment = |micros: i64| {
            let end = if micros < 0 { DateTime::<Utc>::MIN_UTC } else { DateTime::<Utc>::MAX_UTC };
            DateTime::from_timestamp_micros(micros).unwrap_or(end)
        };
        Ok(self.opt_int(name)?.map(moment))
    }

    pub(crate) fn opt_text(&mut self, name: &str) -> Read<Option<String>> {
        match self.next() {
            Cell::Null => Ok(None),
            Cell::Text(text) => Ok(Some(text)),
            Cell::Bytes(bytes) => String::from_utf8(bytes)
                .map(Some)
                .map_err(|_| Unreadable::column(name, "expected text, found bytes that are no UTF-8")),
            other => Err(Unreadable::column(name, format_args!("expected text, found {}", other.kind()))),
        }
    }

    pub(crate) fn text(&mut self, name: &str) -> Read<String> {
        let text = self.opt_text(name)?;
        Self::required(name, text)
    }

    /// The id of a row; of one that is no text, what it is, by which the row is found again.
    pub(crate) fn key(&mut self, name: &str) -> Result<String, (Value, Unreadable)> {
        match self.next() {
            Cell::Text(text) => Ok(text),
            Cell::Bytes(bytes) => String::from_utf8(bytes).map_err(|error| {
                let reason = Unreadable::column(name, "expected text, found bytes that are no UTF-8");
                (Value::Bytes(Some(error.into_bytes())), reason)
            }),
            other => {
                let reason = format_args!("expected text, found {}", other.kind());
                Err((Value::Text(None), Unreadable::column(name, reason)))
            }
        }
    }

    /// A text that reads as a `T`, such as an id or an outcome.
    pub(crate) fn opt_word<T>(&mut self, name: &str) -> Read<Option<T>>
    where
        T: std::str::FromStr<Err: fmt::Display>,
    {
        let text = self.opt_text(name)?;
        text.map(|text| text.parse().map_err(|error| Unreadable::column(name, error))).transpose()
    }

    pub(crate) fn word<T>(&mut self, name: &str) -> Read<T>
    where
        T: std::str::FromStr<Err: fmt::Display>,
    {
        let word = self.opt_word(name)?;
        Self::required(name, word)
    }

    /// A definition.
    pub(crate) fn opt_json<T: serde::de::DeserializeOwned>(&mut self, name: &str) -> Read<Option<T>> {
        let text = self.opt_text(name)?;
        text.map(|text| serde_json::from_str(&text).map_err(|error| Unreadable::column(name, error)))
            .transpose()
    }

    pub(crate) fn json<T: serde::de::DeserializeOwned>(&mut self, name: &str) -> Read<T> {
        let value = self.opt_json(name)?;
        Self::required(name, value)
    }

    pub(crate) fn opt_bytes(&mut self, name: &str) -> Read<Option<Vec<u8>>> {
        match self.next() {
            Cell::Null => Ok(None),
            Cell::Bytes(bytes) => Ok(Some(bytes)),
            other => Err(Unreadable::column(name, format_args!("expected bytes, found {}", other.kind()))),
        }
    }

    pub(crate) fn job_id(&mut self, name: &str) -> Read<JobId> {
        let id = match self.next() {
            Cell::Id(id) => Some(id),
            Cell::Bytes(bytes) => Uuid::from_slice(&bytes).ok(),
            _ => None,
        };
        id.map(JobId::from)
            .ok_or_else(|| Unreadable::column(name, "expected the sixteen bytes of a job's id"))
    }

    pub(crate) fn opt_scheduler_id(&mut self, name: &str) -> Read<Option<SchedulerId>> {
        let text = self.opt_text(name)?;
        text.map(|text| crate::row::scheduler_id(&text).map_err(|error| Unreadable::column(name, error)))
            .transpose()
    }

    /// A payload: the serializer's name, then the bytes. `None` of bytes: they stand apart.
    pub(crate) fn payload(&mut self) -> Read<StoredPayload> {
        let serializer = self.opt_text("payload_serializer")?;
        let bytes = self.opt_bytes("payload")?;
        Ok(match (serializer, bytes) {
            (None, _) => StoredPayload::Here(Payload::unit()),
            (Some(serializer), Some(bytes)) => StoredPayload::Here(crate::row::encoded(serializer, bytes)),
            (Some(serializer), None) => StoredPayload::Apart(serializer),
        })
    }
}

/// A payload as it is read with its row.
#[derive(Clone, Debug)]
pub(crate) enum StoredPayload {
    Here(Payload),
    /// In the table of large payloads; with its serializer's name.
    Apart(String),
}

impl Cell {
    const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Int(_) => "a number",
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytes",
            Self::Id(_) => "the id of a job",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_column_should_not_hold_is_told_by_name() {
        let error = Row::new(vec![Cell::Text("x".to_owned())]).int("attempt").unwrap_err();
        assert_eq!(error.to_string(), "column attempt: expected a number, found text");
        let error = Row::new(vec![Cell::Int(-1)]).count("fires").unwrap_err();
        assert_eq!(error.to_string(), "column fires: expected 0 or more, found -1");
        let error = Row::new(Vec::new()).text("id").unwrap_err();
        assert_eq!(error.to_string(), "column id: expected a value, found none");
        let error = Row::new(vec![Cell::Int(i64::MAX)]).instant("run_at").unwrap_err();
        assert_eq!(error.to_string(), "column run_at: 9223372036854775807 is no instant");
    }
}
