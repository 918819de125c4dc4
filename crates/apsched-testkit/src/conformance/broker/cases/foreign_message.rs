//! Messages that none of our brokers wrote, by mistake or on purpose: they hurt nobody and hide nothing.

use apsched_core::event::EventInterest;

use crate::conformance::broker::BrokerHarness;
use crate::conformance::broker::listener::{numbered, two_processes, until};

/// One event of each kind of nonsense.
fn garbage() -> Vec<Vec<u8>> {
    let texts = [
        "",
        " ",
        "hello",
        "{}",
        "apsched-events/",
        "apsched-events/1",
        "apsched-events/1 0000000000000002",
        "apsched-events/1 0000000000000002 json",
        "apsched-events/1 0000000000000002 json ",
        "apsched-events/1 0000000000000002 json {",
        "apsched-events/1 0000000000000002 json {}",
        "apsched-events/1 0000000000000002 json {\"number\":-1,\"listens\":1e99}",
        "apsched-events/1 0000000000000002 json {\"number\":1,\"listens\":0,\"events\":[{\"type\":\"task_added\"}]}",
        "apsched-events/1 0000000000000002 no-such-format {}",
        "apsched-events/1 ffffffffffffffffffff json {}",
    ];
    let mut garbage: Vec<_> = texts.into_iter().map(|text| text.as_bytes().to_vec()).collect();
    garbage.push((0..=u8::MAX).collect());
    garbage.push(format!("apsched-events/1 2 json {}", "[".repeat(5_000)).into_bytes());
    garbage.push(vec![b'x'; 7_000]);
    garbage.push(vec![b'x'; 100_000]);
    garbage
}

pub(crate) async fn garbage_is_passed_over(harness: &dyn BrokerHarness) {
    let (here, there) = two_processes(harness).await;
    let mut listener = there.subscribe(EventInterest::ALL);

    for message in garbage() {
        harness.inject(message).await;
    }
    here.publish(vec![numbered(1)]);

    assert_eq!(until(&mut listener, &numbered(1)).await, [numbered(1)]);
}

/// As while programs are being updated one after the other.
pub(crate) async fn a_message_of_a_later_version_is_passed_over(harness: &dyn BrokerHarness) {
    let (here, there) = two_processes(harness).await;
    let mut listener = there.subscribe(EventInterest::ALL);

    harness.inject(b"apsched-events/2 all is different here".to_vec()).await;
    harness.inject(b"apsched-events/18446744073709551616 {}".to_vec()).await;
    here.publish(vec![numbered(1)]);

    assert_eq!(until(&mut listener, &numbered(1)).await, [numbered(1)]);
}

pub(crate) async fn a_flood_of_garbage_drowns_nothing(harness: &dyn BrokerHarness) {
    let (here, there) = two_processes(harness).await;
    let mut listener = there.subscribe(EventInterest::ALL);

    for number in 0..200_u64 {
        // Each is of another process, as far as anybody can tell.
        let message = format!("apsched-events/1 {number:016x} json {{\"number\":1,\"listens\":0}}");
        harness.inject(message.into_bytes()).await;
    }
    here.publish((0..100).map(numbered).collect());

    assert_eq!(until(&mut listener, &numbered(99)).await, (0..100).map(numbered).collect::<Vec<_>>());
}
