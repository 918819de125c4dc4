//! A parsed data item as something serde reads from.
//!
//! The conventions are those by which `ciborium` writes: a variant is its name, or a map from its name to its content;
//! `None` and `()` are null; integers over 64 bits are bignums.

use ciborium::Value;
use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{self, Deserializer, IntoDeserializer, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

/// What an item says that does not fit.
pub(super) type Error = de::value::Error;

/// One data item.
pub(super) struct Item(pub(super) Value);

/// Tags of integers that are written as bytes.
const BIG_POSITIVE: u64 = 2;
const BIG_NEGATIVE: u64 = 3;

impl IntoDeserializer<'_, Error> for Item {
    type Deserializer = Self;
    fn into_deserializer(self) -> Self {
        self
    }
}

impl Item {
    /// The item itself, where a tag says nothing to serde.
    fn untagged(self) -> Value {
        let mut value = self.0;
        loop {
            match value {
                Value::Tag(BIG_POSITIVE | BIG_NEGATIVE, _) => return value,
                Value::Tag(_, inner) => value = *inner,
                other => return other,
            }
        }
    }
}

impl<'de> Deserializer<'de> for Item {
    type Error = Error;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.untagged() {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(value),
            Value::Float(value) => visitor.visit_f64(value),
            Value::Text(value) => visitor.visit_string(value),
            Value::Bytes(value) => visitor.visit_byte_buf(value),
            Value::Integer(value) => integer(value.into(), visitor),
            Value::Tag(tag, value) => big_integer(tag, *value, visitor),
            Value::Array(values) => {
                let mut items = SeqDeserializer::new(values.into_iter().map(Self));
                let value = visitor.visit_seq(&mut items)?;
                items.end()?;
                Ok(value)
            }
            Value::Map(entries) => {
                let entries = entries.into_iter().map(|(key, value)| (Self(key), Self(value)));
                let mut entries = MapDeserializer::new(entries);
                let value = visitor.visit_map(&mut entries)?;
                entries.end()?;
                Ok(value)
            }
            _ => Err(de::Error::custom("expected a data item of a known kind")),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.untagged() {
            Value::Text(name) => visitor.visit_enum(Variant { name: Value::Text(name), content: None }),
            Value::Map(entries) => match <[(Value, Value); 1]>::try_from(entries) {
                Ok([(name, content)]) => visitor.visit_enum(Variant { name, content: Some(content) }),
                Err(entries) => Err(de::Error::invalid_length(
                    entries.len(),
                    &"a map from the name of a variant to its content",
                )),
            },
            other => Err(de::Error::invalid_type(unexpected(&other), &"a variant")),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

fn integer<'de, V: Visitor<'de>>(value: i128, visitor: V) -> Result<V::Value, Error> {
    match (u64::try_from(value), i64::try_from(value)) {
        (Ok(value), _) => visitor.visit_u64(value),
        (_, Ok(value)) => visitor.visit_i64(value),
        _ => visitor.visit_i128(value),
    }
}

fn big_integer<'de, V: Visitor<'de>>(tag: u64, value: Value, visitor: V) -> Result<V::Value, Error> {
    let Value::Bytes(digits) = value else {
        return Err(de::Error::invalid_type(unexpected(&value), &"the bytes of a large integer"));
    };
    if digits.len() > 16 {
        return Err(de::Error::invalid_length(digits.len(), &"an integer of at most 16 bytes"));
    }
    let magnitude = digits.iter().fold(0, |number: u128, byte| number << 8 | u128::from(*byte));
    if tag == BIG_POSITIVE {
        return match i128::try_from(magnitude) {
            Ok(value) => integer(value, visitor),
            Err(_) => visitor.visit_u128(magnitude),
        };
    }
    let magnitude = i128::try_from(magnitude).map_err(|_| {
        de::Error::invalid_value(Unexpected::Other("a larger one"), &"an integer of at most 128 bits")
    })?;
    integer(-1 - magnitude, visitor)
}

fn unexpected(value: &Value) -> Unexpected<'_> {
    match value {
        Value::Null => Unexpected::Unit,
        Value::Bool(value) => Unexpected::Bool(*value),
        Value::Float(value) => Unexpected::Float(*value),
        Value::Text(value) => Unexpected::Str(value),
        Value::Bytes(value) => Unexpected::Bytes(value),
        Value::Array(_) => Unexpected::Seq,
        Value::Map(_) => Unexpected::Map,
        _ => Unexpected::Other("an integer or a tag"),
    }
}

/// A variant: its name, and its content unless it is a unit variant.
struct Variant {
    name: Value,
    content: Option<Value>,
}

impl<'de> de::EnumAccess<'de> for Variant {
    type Error = Error;
    type Variant = Content;

    fn variant_seed<T: de::DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Content), Error> {
        Ok((seed.deserialize(Item(self.name))?, Content(self.content)))
    }
}

struct Content(Option<Value>);

impl Content {
    fn item(self) -> Result<Item, Error> {
        self.0
            .map(Item)
            .ok_or_else(|| de::Error::invalid_type(Unexpected::UnitVariant, &"a variant with content"))
    }
}

impl<'de> de::VariantAccess<'de> for Content {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        match self.0 {
            None | Some(Value::Null) => Ok(()),
            Some(other) => Err(de::Error::invalid_type(unexpected(&other), &"a variant without content")),
        }
    }

    fn newtype_variant_seed<T: de::DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(self.item()?)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, Error> {
        self.item()?.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.item()?.deserialize_any(visitor)
    }
}
