//! Values as users define them, one of each shape that serde knows.

use std::collections::BTreeMap;
use std::fmt;

use apsched_core::Serializer;
use apsched_core::serializer;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer as SerdeSerializer};

/// Writes the value and reads it back.
pub(crate) fn round_trip<T: Serialize + DeserializeOwned>(serializer: &dyn Serializer, value: &T) -> T {
    let bytes = written(serializer, value);
    serializer::read(serializer, &bytes)
        .unwrap_or_else(|error| panic!("reading back what was written: {error}"))
}

/// Checks that each value reads back as it was.
pub(crate) fn assert_read_back<T>(serializer: &dyn Serializer, values: impl IntoIterator<Item = T>)
where
    T: Serialize + DeserializeOwned + PartialEq + fmt::Debug,
{
    for value in values {
        assert_eq!(round_trip(serializer, &value), value);
    }
}

pub(crate) fn written<T: Serialize>(serializer: &dyn Serializer, value: &T) -> Vec<u8> {
    serializer.serialize(value).unwrap_or_else(|error| panic!("writing a value: {error}"))
}

/// An order of a shop: text, numbers, options, lists, maps and variants in one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) customer: String,
    pub(crate) number: u64,
    pub(crate) discount: Option<f64>,
    pub(crate) lines: Vec<Line>,
    pub(crate) notes: BTreeMap<String, String>,
    pub(crate) shipping: Shipping,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Line {
    pub(crate) article: String,
    pub(crate) count: i32,
}

/// A variant of each form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Shipping {
    Pickup,
    Post(u32),
    Courier(String, i64),
    Drone { altitude: f32, pilot: Option<String> },
}

impl Order {
    pub(crate) fn sample() -> Self {
        Self {
            customer: "Ada ☾".to_owned(),
            number: u64::MAX,
            discount: Some(0.25),
            lines: vec![
                Line { article: "книга".to_owned(), count: -1 },
                Line { article: String::new(), count: 7 },
            ],
            notes: BTreeMap::from([
                (String::new(), "empty key".to_owned()),
                ("ключ".to_owned(), "\0\n\"".to_owned()),
            ]),
            shipping: Shipping::Drone { altitude: 1.5, pilot: None },
        }
    }
}

/// Read by its tag, as triggers are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Shape {
    Circle { radius: f64 },
    Path { points: Vec<(i64, i64)>, name: Option<String> },
    Empty,
}

/// Fields of another struct among its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Flattened {
    pub(crate) id: u32,
    #[serde(flatten)]
    pub(crate) line: Line,
    #[serde(flatten)]
    pub(crate) others: BTreeMap<String, i64>,
}

/// Either of two types, told apart by what is there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Either {
    Number(i64),
    Text(String),
    Both(i64, String),
}

/// A list in a list in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Nested(pub(crate) Vec<Self>);

impl Nested {
    pub(crate) fn deep(levels: usize) -> Self {
        (0..levels).fold(Self(Vec::new()), |inner, _| Self(vec![inner]))
    }
}

/// Bytes that are written as bytes, not as a list of numbers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Blob(pub(crate) Vec<u8>);

impl Serialize for Blob {
    fn serialize<S: SerdeSerializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl<'de> serde::de::Visitor<'de> for Bytes {
            type Value = Vec<u8>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                Ok(bytes.to_vec())
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<Vec<u8>, A::Error> {
                let mut bytes = Vec::new();
                while let Some(byte) = items.next_element()? {
                    bytes.push(byte);
                }
                Ok(bytes)
            }
        }
        deserializer.deserialize_byte_buf(Bytes).map(Self)
    }
}
