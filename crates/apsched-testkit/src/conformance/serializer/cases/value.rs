//! What a user's task may be given or return reads back as it was.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::time::Duration;

use apsched_core::{MAX_ID_BYTES, Serializer};
use serde_json::json;

use crate::conformance::serializer::sample_value::{
    Blob, Either, Flattened, Line, Nested, Order, Shape, Shipping, assert_read_back, round_trip, written,
};

pub(crate) fn the_name_is_an_id_and_stays_the_same(serializer: &dyn Serializer) {
    let name = serializer.name();

    assert!((1..=MAX_ID_BYTES).contains(&name.len()), "{name:?}");
    assert!(!name.chars().any(char::is_control), "{name:?}");
    assert_eq!(name, serializer.name());
}

pub(crate) fn integers_read_back_to_their_extremes(serializer: &dyn Serializer) {
    assert_read_back(serializer, [0, 1, -1, i64::MIN, i64::MAX, i64::from(i32::MIN) - 1]);
    assert_read_back(serializer, [0, 23, 24, 255, 256, u64::from(u32::MAX) + 1, u64::MAX]);
    assert_read_back(serializer, [i8::MIN, i8::MAX]);
    assert_read_back(serializer, [u32::MAX, 9_007]);
    assert_read_back(serializer, [9_007_199_254_740_993_i64, -9_007_199_254_740_993]);
    assert_read_back(serializer, [true, false]);
    assert_read_back(serializer, [i128::from(i64::MIN) - 1, i128::MIN, i128::MAX]);
    assert_read_back(serializer, [u128::from(u64::MAX) + 1, u128::MAX]);
}

pub(crate) fn floats_read_back(serializer: &dyn Serializer) {
    let floats =
        [0.0, 0.1, -1.5, 1e300, f64::MIN, f64::MAX, f64::MIN_POSITIVE, f64::EPSILON, 123_456_789.123_456_78];
    assert_read_back(serializer, floats);
    assert_read_back(serializer, [0.1_f32, f32::MIN, f32::MAX, f32::MIN_POSITIVE]);
    assert!(round_trip(serializer, &-0.0_f64).is_sign_negative(), "the sign of zero");
    let mut random = fastrand::Rng::with_seed(3);
    let any = std::iter::repeat_with(|| f64::from_bits(random.u64(..))).filter(|float| float.is_finite());
    assert_read_back(serializer, [any.take(5_000).collect::<Vec<_>>()]);
}

pub(crate) fn texts_read_back(serializer: &dyn Serializer) {
    let texts =
        ["", "plain", "ünïcode ☾ 日本 \u{1F4A5}", "\0\u{1}\u{7f}\u{2028}", "\"quoted\" \\ /", "é e\u{301}"];
    assert_read_back(serializer, texts.map(str::to_owned));
    assert_read_back(serializer, ['a', '\0', '\u{1F4A5}', char::MAX]);
}

pub(crate) fn bytes_read_back(serializer: &dyn Serializer) {
    let all: Vec<u8> = (0..=255).collect();
    assert_read_back(serializer, [vec![], all.clone(), vec![0; 10_000]]);
    assert_read_back(serializer, [Blob(vec![]), Blob(all), Blob(vec![255; 10_000])]);
}

pub(crate) fn nothing_and_something_are_told_apart(serializer: &dyn Serializer) {
    assert_read_back(serializer, [None, Some(0_u8), Some(1)]);
    assert_read_back(serializer, [None, Some(String::new())]);
    assert_read_back(serializer, [None, Some(Vec::<u8>::new())]);
    assert_read_back(serializer, [vec![None, Some(1_u8)], vec![]]);
    assert_read_back(serializer, [()]);
}

pub(crate) fn sequences_and_tuples_read_back(serializer: &dyn Serializer) {
    assert_read_back(serializer, [vec![], vec![vec![1_i64], vec![], vec![-2, 3]]]);
    assert_read_back(serializer, [(1_u8, "two".to_owned(), 3.5_f64, ('4', (true,)))]);
    assert_read_back(serializer, [[1_u16, 2, 3]]);
    assert_read_back(serializer, [BTreeSet::from([3, 1, 2])]);
}

pub(crate) fn maps_read_back(serializer: &dyn Serializer) {
    let texts = BTreeMap::from([(String::new(), 1_u8), ("ключ".to_owned(), 2), ("a".repeat(1_000), 3)]);
    assert_read_back(serializer, [BTreeMap::new(), texts]);
    assert_read_back(serializer, [HashMap::from([(1_u32, "one".to_owned()), (u32::MAX, "many".to_owned())])]);
    assert_read_back(serializer, [BTreeMap::from([(-1_i64, vec![1]), (i64::MIN, vec![])])]);
}

pub(crate) fn variants_read_back(serializer: &dyn Serializer) {
    assert_read_back(
        serializer,
        [
            Shipping::Pickup,
            Shipping::Post(u32::MAX),
            Shipping::Courier("Ada".to_owned(), i64::MIN),
            Shipping::Drone { altitude: -0.5, pilot: Some("Grace".to_owned()) },
            Shipping::Drone { altitude: 1e10, pilot: None },
        ],
    );
    assert_read_back(serializer, [Ok(1_u8), Err("why".to_owned())]);
}

pub(crate) fn tagged_and_flattened_values_read_back(serializer: &dyn Serializer) {
    let points = vec![(i64::MIN, 0), (1, i64::MAX)];
    let shapes =
        [Shape::Circle { radius: 2.5 }, Shape::Path { points, name: Some("x".to_owned()) }, Shape::Empty];
    assert_read_back(serializer, shapes);
    let line = Line { article: "ü".to_owned(), count: 3 };
    assert_read_back(
        serializer,
        [Flattened { id: 7, line, others: BTreeMap::from([("more".to_owned(), -1)]) }],
    );
    assert_read_back(
        serializer,
        [Either::Number(-5), Either::Text("5".to_owned()), Either::Both(5, "5".to_owned())],
    );
}

pub(crate) fn nested_values_read_back(serializer: &dyn Serializer) {
    assert_read_back(serializer, [Order::sample()]);
    assert_read_back(serializer, [Nested::deep(50)]);
    assert_read_back(serializer, [Duration::MAX, Duration::from_nanos(1)]);
    let addresses = ["127.0.0.1", "::1"].map(|text| text.parse::<IpAddr>().expect("an address"));
    assert_read_back(serializer, addresses);
}

pub(crate) fn json_values_read_back(serializer: &dyn Serializer) {
    assert_read_back(
        serializer,
        [
            json!(null),
            json!([1, -1, 1.5, "text", true, null, [], {}]),
            json!({"a": {"b": [{"c": u64::MAX}, {"d": i64::MIN}]}, "": ""}),
        ],
    );
}

pub(crate) fn large_values_read_back(serializer: &dyn Serializer) {
    assert_read_back(serializer, ["ü".repeat(500_000)]);
    assert_read_back(serializer, [(0..50_000).collect::<Vec<i64>>()]);
    assert_read_back(serializer, [(0..5_000).map(|n| (n.to_string(), n)).collect::<BTreeMap<String, u32>>()]);
    assert_read_back(serializer, [vec![Order::sample(); 500]]);
}

pub(crate) fn a_field_that_the_reader_does_not_know_is_passed_over(serializer: &dyn Serializer) {
    let newer = json!({"count": 3, "article": "ü", "added": [{"later": [1, 2]}, null], "also": "this"});

    let bytes = written(serializer, &newer);

    let read = apsched_core::serializer::read::<Line>(serializer, &bytes);
    assert_eq!(read.ok(), Some(Line { article: "ü".to_owned(), count: 3 }));
}
