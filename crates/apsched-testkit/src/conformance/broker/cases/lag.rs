//! What a reader that does not keep up is told; the publisher never waits for it.

use apsched_core::broker::{EventItem, QUEUE_CAPACITY, Subscription};
use apsched_core::event::{Event, EventInterest};
use futures_util::FutureExt;

use crate::conformance::broker::BrokerHarness;
use crate::conformance::broker::listener::{events, numbered, received, started};

/// More events than a reader may leave unread.
const FLOOD: usize = QUEUE_CAPACITY + 1_000;

/// What was received, and how many events the reader was told it lost before them.
fn received_after_loss(subscription: &mut Subscription) -> (u64, Vec<Event>) {
    let (mut lost, mut kept) = (0, Vec::new());
    for item in received(subscription) {
        match item {
            EventItem::Lagged(count) => lost += count,
            EventItem::Event(event) => kept.push(event),
        }
    }
    (lost, kept)
}

pub(crate) async fn a_reader_that_falls_behind_is_told_how_many_it_lost(harness: &dyn BrokerHarness) {
    let broker = started(harness).await;
    let mut slow = broker.subscribe(EventInterest::ALL);

    for start in (0..FLOOD).step_by(100) {
        broker.publish((start..FLOOD.min(start + 100)).map(numbered).collect());
    }
    let (lost, kept) = received_after_loss(&mut slow);
    broker.publish(vec![numbered(FLOOD)]);
    let afterwards = events(received(&mut slow));

    assert!(lost > 0, "{FLOOD} events do not fit");
    assert_eq!(
        usize::try_from(lost).map(|lost| lost + kept.len()),
        Ok(FLOOD),
        "every event was read or counted"
    );
    let is_in_order =
        kept.iter().eq((0..FLOOD).map(numbered).collect::<Vec<_>>().iter().filter(|it| kept.contains(it)));
    assert!(is_in_order, "what remains is in order");
    assert_eq!(afterwards, [numbered(FLOOD)], "a reader that has caught up goes on as before");
}

pub(crate) async fn a_slow_reader_costs_others_nothing(harness: &dyn BrokerHarness) {
    let broker = started(harness).await;
    let mut slow = broker.subscribe(EventInterest::ALL);
    let mut quick = broker.subscribe(EventInterest::ALL);

    let mut heard = 0;
    for start in (0..FLOOD).step_by(100) {
        broker.publish((start..FLOOD.min(start + 100)).map(numbered).collect());
        heard += events(received(&mut quick)).len();
    }

    assert_eq!(heard, FLOOD);
    assert!(received_after_loss(&mut slow).0 > 0);
}

pub(crate) async fn dropping_a_wait_loses_nothing(harness: &dyn BrokerHarness) {
    let broker = started(harness).await;
    let mut subscription = broker.subscribe(EventInterest::ALL);

    for _ in 0..3 {
        assert_eq!(subscription.next().now_or_never(), None, "nothing is there yet, and the wait is dropped");
    }
    broker.publish(vec![numbered(1), numbered(2)]);
    let first = subscription.next().await;

    assert_eq!(first, Some(EventItem::Event(numbered(1))));
    assert_eq!(events(received(&mut subscription)), [numbered(2)]);
}
