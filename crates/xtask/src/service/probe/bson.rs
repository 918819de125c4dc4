//! As much of BSON as it takes to ask a MongoDB server two questions: documents of texts and numbers out, the top level of
//! a document in.
//!
//! # Source
//! The BSON specification, version 1.1.

use std::io;

use super::{four, nonsense, text_to_zero};

/// A document that is being written.
#[derive(Clone, Debug, Default)]
pub(super) struct Document(Vec<u8>);

/// What a field of an answer holds, as far as it is of interest.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Number(f64),
    Bool(bool),
    Text(String),
    Other,
}

impl Document {
    pub(super) fn number(self, name: &str, number: i32) -> Self {
        self.field(0x10, name, &number.to_le_bytes())
    }

    pub(super) fn text(self, name: &str, text: &str) -> Self {
        // A length of text counts the zero at its end.
        let length = (text.len() as u32 + 1).to_le_bytes();
        self.field(0x02, name, &[&length[..], text.as_bytes(), b"\0"].concat())
    }

    pub(super) fn document(self, name: &str, document: Self) -> Self {
        self.field(0x03, name, &document.finished())
    }

    /// With an array of this one document.
    pub(super) fn array_of(self, name: &str, document: Self) -> Self {
        let array = Self::default().document("0", document);
        self.field(0x04, name, &array.finished())
    }

    /// Its bytes: the length, which counts itself and the zero at the end, and the fields.
    pub(super) fn finished(self) -> Vec<u8> {
        let length = (self.0.len() as u32 + 5).to_le_bytes();
        [&length[..], &self.0, b"\0"].concat()
    }

    fn field(mut self, kind: u8, name: &str, value: &[u8]) -> Self {
        self.0.push(kind);
        self.0.extend([name.as_bytes(), b"\0", value].concat());
        self
    }
}

/// The names and values at the top level of a document.
pub(super) fn fields(document: &[u8]) -> io::Result<Vec<(String, Value)>> {
    let mut fields = Vec::new();
    let mut rest = document.get(4..).ok_or_else(too_short)?;
    while let Some((&kind, behind)) = rest.split_first().filter(|(kind, _)| **kind != 0) {
        let (name, behind) = text_to_zero(behind)?;
        let length = match kind {
            0x01 | 0x09 | 0x11 | 0x12 => 8,
            0x02 => 4 + length(behind)?,
            0x03 | 0x04 => length(behind)?,
            0x05 => 5 + length(behind)?,
            0x07 => 12,
            0x08 => 1,
            0x0a => 0,
            0x10 => 4,
            _ => return Err(nonsense(format!("a field of the unknown kind {kind:#04x}"))),
        };
        let bytes = behind.get(..length).ok_or_else(too_short)?;
        fields.push((name, value(kind, bytes)?));
        rest = &behind[length..];
    }
    Ok(fields)
}

fn value(kind: u8, bytes: &[u8]) -> io::Result<Value> {
    Ok(match kind {
        0x01 => Value::Number(f64::from_le_bytes(bytes.try_into().map_err(|_| too_short())?)),
        0x10 => Value::Number(f64::from(i32::from_le_bytes(four(bytes, 0)?))),
        0x08 => Value::Bool(bytes == [1]),
        0x02 => Value::Text(text_to_zero(&bytes[4..])?.0),
        _ => Value::Other,
    })
}

fn length(bytes: &[u8]) -> io::Result<usize> {
    Ok(u32::from_le_bytes(four(bytes, 0)?) as usize)
}

fn too_short() -> io::Error {
    nonsense("a document that is too short")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn document_is_written_as_specified() {
        // The example of the specification.
        let written = Document::default().text("hello", "world").finished();

        assert_eq!(written, b"\x16\0\0\0\x02hello\0\x06\0\0\0world\0\0");
    }

    #[test]
    fn what_is_written_reads_back() {
        let inner = Document::default().text("host", "a:1");
        let document = Document::default()
            .number("hello", 1)
            .document("inner", inner.clone())
            .array_of("members", inner)
            .text("$db", "admin");

        let expected = [
            ("hello".to_owned(), Value::Number(1.0)),
            ("inner".to_owned(), Value::Other),
            ("members".to_owned(), Value::Other),
            ("$db".to_owned(), Value::Text("admin".into())),
        ];
        assert_eq!(fields(&document.finished()).unwrap(), expected);
    }

    #[test]
    fn values_of_answers_are_understood() {
        let answer = b"\x1e\0\0\0\x08a\0\x01\x01ok\0\0\0\0\0\0\0\xf0\x3f\x12b\x00\x01\0\0\0\0\0\0\0\0";

        let expected = [
            ("a".to_owned(), Value::Bool(true)),
            ("ok".to_owned(), Value::Number(1.0)),
            ("b".to_owned(), Value::Other),
        ];
        assert_eq!(fields(answer).unwrap(), expected);
    }

    #[test]
    fn any_piece_of_a_document_is_an_error_or_shorter_and_never_a_panic() {
        let whole = Document::default().text("hello", "world").number("n", 7).finished();

        for end in 0..whole.len() {
            let read = fields(&whole[..end]);
            assert!(read.is_err() || read.is_ok_and(|it| it.len() <= 2), "up to {end}");
        }
        assert!(fields(b"\xff\xff\xff\xff\x02a\0\xff\xff\xff\xffb").is_err());
    }
}
