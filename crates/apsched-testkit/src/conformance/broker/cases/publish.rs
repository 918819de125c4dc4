//! `publish`: subscribers of the process get events at once, in order.

use apsched_core::event::EventInterest;

use crate::conformance::broker::BrokerHarness;
use crate::conformance::broker::listener::{events, job_event, local, named, numbered, received, started};

pub(crate) async fn starting_again_changes_nothing(harness: &dyn BrokerHarness) {
    let broker = started(harness).await;
    let mut subscription = broker.subscribe(EventInterest::ALL);

    assert_eq!(broker.start().await, Ok(()));
    broker.publish(vec![numbered(1)]);

    assert_eq!(events(received(&mut subscription)), [numbered(1)]);
}

pub(crate) async fn subscribers_get_events_at_once(harness: &dyn BrokerHarness) {
    let broker = started(harness).await;
    let mut subscription = broker.subscribe(EventInterest::ALL);
    let published = [vec![job_event()], local()].concat();

    broker.publish(published.clone());

    assert_eq!(events(received(&mut subscription)), published);
}

pub(crate) async fn events_arrive_in_the_order_of_publishing(harness: &dyn BrokerHarness) {
    let broker = started(harness).await;
    let mut subscription = broker.subscribe(EventInterest::ALL);

    broker.publish((0..10).map(numbered).collect());
    broker.publish(Vec::new());
    for number in 10..20 {
        broker.publish(vec![numbered(number)]);
    }

    assert_eq!(events(received(&mut subscription)), (0..20).map(numbered).collect::<Vec<_>>());
}

pub(crate) async fn each_subscriber_gets_every_event(harness: &dyn BrokerHarness) {
    let broker = started(harness).await;
    let mut subscriptions = [(); 3].map(|()| broker.subscribe(EventInterest::ALL));

    broker.publish(vec![numbered(1), numbered(2)]);

    for subscription in &mut subscriptions {
        assert_eq!(events(received(subscription)), [numbered(1), numbered(2)]);
    }
}

pub(crate) async fn events_of_each_publisher_keep_their_order(harness: &dyn BrokerHarness) {
    const EVENTS: usize = 200;
    let broker = started(harness).await;
    let mut subscription = broker.subscribe(EventInterest::ALL);

    let publishers = ["a", "b", "c"].map(|publisher| {
        let broker = broker.clone();
        tokio::spawn(async move {
            for number in 0..EVENTS {
                broker.publish(vec![named(&format!("{publisher}{number}"))]);
                tokio::task::yield_now().await;
            }
        })
    });
    for publisher in publishers {
        publisher.await.expect("publishes to the end");
    }

    let received = events(received(&mut subscription));
    assert_eq!(received.len(), 3 * EVENTS);
    for publisher in ["a", "b", "c"] {
        let expected: Vec<_> = (0..EVENTS).map(|number| named(&format!("{publisher}{number}"))).collect();
        let own: Vec<_> = received.iter().filter(|event| expected.contains(event)).cloned().collect();
        assert_eq!(own, expected, "those of {publisher}");
    }
}

pub(crate) async fn publishing_to_nobody_is_harmless(harness: &dyn BrokerHarness) {
    let broker = started(harness).await;

    broker.publish(vec![numbered(1)]);
    let mut subscription = broker.subscribe(EventInterest::ALL);
    broker.publish(vec![numbered(2)]);

    assert_eq!(events(received(&mut subscription)), [numbered(2)]);
}
