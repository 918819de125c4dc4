//! What is not a value gives an error: never a panic, never more work than the bytes deserve.

use std::collections::BTreeMap;

use apsched_core::trigger::AnyTrigger;
use apsched_core::{Event, Serializer, SerializerError, serializer};
use serde_json::Value;

use crate::conformance::serializer::sample_value::{Blob, Line, Nested, Order, Shape, written};

/// Most bytes of one piece of garbage.
const GARBAGE_BYTES: usize = 64;

/// Levels that no stack holds if each takes a frame.
const ENDLESS: usize = 200_000;

/// Reads the bytes as many things; whether that works does not matter, only that it comes to an end.
fn read_as_anything(serializer: &dyn Serializer, bytes: &[u8]) {
    drop(serializer::read::<Value>(serializer, bytes));
    drop(serializer::read::<Order>(serializer, bytes));
    drop(serializer::read::<Shape>(serializer, bytes));
    drop(serializer::read::<Nested>(serializer, bytes));
    drop(serializer::read::<Blob>(serializer, bytes));
    drop(serializer::read::<AnyTrigger>(serializer, bytes));
    drop(serializer::read::<Event>(serializer, bytes));
    drop(serializer::read::<(i8, u64, f32, char)>(serializer, bytes));
    drop(serializer::read::<BTreeMap<String, Option<()>>>(serializer, bytes));
}

pub(crate) fn bytes_after_the_value_are_refused(serializer: &dyn Serializer) {
    let bytes = written(serializer, &Order::sample());

    for rest in [&[0][..], &[0xff], b"x", b"{}", &bytes] {
        let longer = [&bytes[..], rest].concat();
        let read = serializer::read::<Order>(serializer, &longer);
        assert!(matches!(read, Err(SerializerError::Read { .. })), "{rest:?} after the value: {read:?}");
    }
}

pub(crate) fn half_a_value_is_refused(serializer: &dyn Serializer) {
    let bytes = written(serializer, &Order::sample());

    for length in 0..bytes.len() {
        let read = serializer::read::<Order>(serializer, &bytes[..length]);
        assert!(
            matches!(read, Err(SerializerError::Read { .. })),
            "{length} of {} bytes: {read:?}",
            bytes.len()
        );
    }
}

pub(crate) fn a_value_of_another_type_is_refused(serializer: &dyn Serializer) {
    let text = written(serializer, &"text");
    let negative = written(serializer, &-1_i64);
    let large = written(serializer, &256_u64);
    let order = written(serializer, &Order::sample());

    assert!(serializer::read::<u64>(serializer, &text).is_err());
    assert!(serializer::read::<Line>(serializer, &text).is_err());
    assert!(serializer::read::<u64>(serializer, &negative).is_err());
    assert!(serializer::read::<u8>(serializer, &large).is_err());
    assert!(serializer::read::<Line>(serializer, &order).is_err(), "fields are missing");
    assert!(serializer::read::<Vec<Order>>(serializer, &order).is_err());
    assert!(serializer::read::<AnyTrigger>(serializer, &order).is_err());
}

pub(crate) fn an_error_names_the_serializer(serializer: &dyn Serializer) {
    let bytes = written(serializer, &"text");

    let error = serializer::read::<u64>(serializer, &bytes).expect_err("a text is no number");

    assert!(
        matches!(&error, SerializerError::Read { serializer: name, reason } if *name == serializer.name() && !reason.is_empty()),
        "{error:?}"
    );
}

pub(crate) fn garbage_gives_an_error_and_no_panic(serializer: &dyn Serializer) {
    let mut random = fastrand::Rng::with_seed(1);
    for _ in 0..3_000 {
        let length = random.usize(0..GARBAGE_BYTES);
        let bytes: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(length).collect();
        read_as_anything(serializer, &bytes);
    }
    assert!(serializer::read::<Order>(serializer, &[]).is_err());
}

pub(crate) fn damaged_values_give_no_panic(serializer: &dyn Serializer) {
    let mut random = fastrand::Rng::with_seed(2);
    let whole = written(serializer, &Order::sample());
    for _ in 0..3_000 {
        let mut bytes = whole.clone();
        for _ in 0..random.usize(1..4) {
            let place = random.usize(0..bytes.len());
            match random.u8(0..3) {
                0 => bytes[place] = random.u8(..),
                1 => drop(bytes.remove(place)),
                _ => bytes.insert(place, random.u8(..)),
            }
        }
        read_as_anything(serializer, &bytes);
    }
}

pub(crate) fn endless_nesting_gives_an_error(serializer: &dyn Serializer) {
    let shallow = written(serializer, &Nested::deep(1));
    let opening = shallow.iter().copied().chain(0..=255).map(|byte| vec![byte; ENDLESS]);
    for bytes in opening {
        assert!(serializer::read::<Nested>(serializer, &bytes).is_err(), "{ENDLESS} times {:#04x}", bytes[0]);
    }
    read_as_anything(serializer, &b"{\"a\":".repeat(ENDLESS));
    read_as_anything(serializer, &[0xa1, 0x61, b'a'].repeat(ENDLESS));
}

pub(crate) fn a_length_that_is_only_claimed_is_not_believed(serializer: &dyn Serializer) {
    for first in 0..=255 {
        for claimed in [[0x7f; 8], [0xff; 8], [0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff]] {
            let bytes: Vec<u8> = std::iter::once(first).chain(claimed).collect();
            read_as_anything(serializer, &bytes);
        }
    }
}
