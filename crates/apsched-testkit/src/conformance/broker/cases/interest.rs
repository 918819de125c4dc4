//! `interest`, `subscribe`: who listens to what, and from when to when.

use apsched_core::broker::EventItem;
use apsched_core::event::{
    EventInterest, EventType, JobAdded, JobCancelRequested, ScheduleRemoved, TaskAdded,
};

use crate::conformance::broker::BrokerHarness;
use crate::conformance::broker::listener::{events, job_event, numbered, received, started};

pub(crate) async fn subscribers_get_what_they_listen_to_and_nothing_else(harness: &dyn BrokerHarness) {
    let broker = started(harness).await;
    let mut to_jobs = broker.subscribe(JobCancelRequested::INTEREST | JobAdded::INTEREST);
    let mut to_schedules = broker.subscribe(ScheduleRemoved::INTEREST);
    let mut to_nothing = broker.subscribe(EventInterest::NONE);
    let job = job_event();

    broker.publish(vec![numbered(1), job.clone(), numbered(2)]);

    assert_eq!(events(received(&mut to_jobs)), [job]);
    assert_eq!(events(received(&mut to_schedules)), [numbered(1), numbered(2)]);
    assert_eq!(received(&mut to_nothing), []);
}

pub(crate) async fn the_interest_is_at_least_the_union_of_all(harness: &dyn BrokerHarness) {
    let broker = started(harness).await;

    let first = broker.subscribe(JobAdded::INTEREST);
    let with_first = broker.interest();
    let second = broker.subscribe(TaskAdded::INTEREST);
    let with_both = broker.interest();
    drop(first);
    broker.publish(vec![numbered(1)]);
    let with_second = broker.interest();
    drop(second);

    assert!(with_first.includes(JobAdded::INTEREST));
    assert!(with_both.includes(JobAdded::INTEREST | TaskAdded::INTEREST));
    assert!(with_second.includes(TaskAdded::INTEREST));
}

pub(crate) async fn a_subscription_begins_with_the_call(harness: &dyn BrokerHarness) {
    let broker = started(harness).await;
    let mut early = broker.subscribe(EventInterest::ALL);

    broker.publish(vec![numbered(1)]);
    let mut late = broker.subscribe(EventInterest::ALL);
    broker.publish(vec![numbered(2)]);

    assert_eq!(events(received(&mut early)), [numbered(1), numbered(2)]);
    assert_eq!(events(received(&mut late)), [numbered(2)]);
}

pub(crate) async fn dropping_a_subscription_ends_it_alone(harness: &dyn BrokerHarness) {
    let broker = started(harness).await;
    let dropped = broker.subscribe(EventInterest::ALL);
    let mut kept = broker.subscribe(EventInterest::ALL);

    broker.publish(vec![numbered(1)]);
    drop(dropped);
    broker.publish(vec![numbered(2)]);

    assert_eq!(events(received(&mut kept)), [numbered(1), numbered(2)]);
}

pub(crate) async fn the_next_event_of_a_type_can_be_waited_for_once(harness: &dyn BrokerHarness) {
    let broker = started(harness).await;

    let job = job_event();

    let mut once = broker.subscribe(JobCancelRequested::INTEREST);
    broker.publish(vec![numbered(1), job.clone(), job_event()]);
    let first = once.next().await;
    drop(once);
    broker.publish(vec![job_event()]);
    let mut again = broker.subscribe(JobCancelRequested::INTEREST);

    assert_eq!(first, Some(EventItem::Event(job)));
    assert_eq!(received(&mut again), [], "nothing of before is waited for again");
}
