//! What the cases publish and how they listen.

use std::sync::Arc;
use std::time::Duration;

use apsched_core::broker::{EventBroker, EventItem, Subscription};
use apsched_core::event::{
    BrokerHealthChanged, Event, EventInterest, EventType, FireTimesCutOff, Health, JobAcquired, JobAdded,
    JobCancelRequested, JobProgressed, JobQuarantined, JobReleased, JobRemoved, JobRequeued, ScheduleAdded,
    ScheduleQuarantined, ScheduleRemoved, ScheduleUpdated, SchedulerStarted, SchedulerStopped,
    StoreHealthChanged, TaskAdded, TaskRemoved, TaskUpdated, Wakeup,
};
use apsched_core::{JobId, JobOutcome};

use super::BrokerHarness;
use crate::sample::{at, at_micros, job_id, schedule_id, scheduler_id, task_id};

/// Longest wait for an event of another process.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often, and how long each time, two processes are given to hear of each other.
const GREETINGS: usize = 200;
const GREETING: Duration = Duration::from_millis(100);

/// How long a broker is given to learn that an event is not listened to; it need not be able to.
const ACQUAINTANCE: Duration = Duration::from_secs(3);

/// Time between two looks at what nobody tells of.
const LOOK: Duration = Duration::from_millis(5);

/// A started broker, as a process of its own has one.
pub(crate) async fn started(harness: &dyn BrokerHarness) -> Arc<dyn EventBroker> {
    let broker = harness.open().await;
    broker.start().await.unwrap_or_else(|error| panic!("start fails: {error}"));
    broker
}

/// Two started brokers that hear each other.
pub(crate) async fn two_processes(
    harness: &dyn BrokerHarness,
) -> (Arc<dyn EventBroker>, Arc<dyn EventBroker>) {
    let (here, there) = (started(harness).await, started(harness).await);
    hear_each_other(&here, &there).await;
    (here, there)
}

/// Waits until events get through in both directions.
pub(crate) async fn hear_each_other(here: &Arc<dyn EventBroker>, there: &Arc<dyn EventBroker>) {
    for (from, to) in [(here, there), (there, here)] {
        let greeting = greeting();
        let mut listener = to.subscribe(greeting.interest());
        let mut is_heard = false;
        for _ in 0..GREETINGS {
            from.publish(vec![greeting.clone()]);
            is_heard = tokio::time::timeout(GREETING, next_event(&mut listener)).await.is_ok();
            if is_heard {
                break;
            }
        }
        assert!(is_heard, "two processes on one bus hear each other");
    }
}

fn greeting() -> Event {
    TaskAdded::new(task_id("greeting")).into()
}

async fn next_event(listener: &mut Subscription) -> Event {
    loop {
        if let Some(EventItem::Event(event)) = listener.next().await {
            return event;
        }
    }
}

/// The result of what must not take long.
pub(crate) async fn soon<F: IntoFuture>(what: &str, future: F) -> F::Output {
    let done = tokio::time::timeout(PATIENCE, future).await;
    done.unwrap_or_else(|_| panic!("{what}: expected within {PATIENCE:?}"))
}

/// Gives the broker the time to learn that nobody listens to such events, if it can.
pub(crate) async fn let_it_learn_that_nobody_listens(broker: &Arc<dyn EventBroker>, to: EventInterest) {
    let mut looks = tokio::time::interval(LOOK);
    let learn = async {
        while broker.interest().includes(to) {
            looks.tick().await;
        }
    };
    // A broker that takes everything for listened to is right as well.
    tokio::time::timeout(ACQUAINTANCE, learn).await.ok();
}

/// Waits until what nobody tells of has become so.
pub(crate) async fn until_true(what: &str, condition: impl Fn() -> bool) {
    let mut looks = tokio::time::interval(LOOK);
    soon(what, async {
        while !condition() {
            looks.tick().await;
        }
    })
    .await;
}

/// Waits until the broker is, or is not, healthy.
pub(crate) async fn until_health(broker: &Arc<dyn EventBroker>, is_expected: fn(&Health) -> bool) {
    let mut turns = broker.subscribe(BrokerHealthChanged::INTEREST);
    while !is_expected(&broker.health()) {
        let turn = format!("a turn of the broker's health, which is {:?}", broker.health());
        soon(&turn, turns.next()).await;
    }
}

pub(crate) fn is_healthy(health: &Health) -> bool {
    *health == Health::Healthy
}

pub(crate) fn is_unhealthy(health: &Health) -> bool {
    !is_healthy(health)
}

/// An event that can be told from others by its number.
pub(crate) fn numbered(number: usize) -> Event {
    named(&format!("event {number}"))
}

pub(crate) fn named(id: &str) -> Event {
    ScheduleRemoved::new(schedule_id(id), task_id("send")).into()
}

/// An event of another type.
pub(crate) fn job_event() -> Event {
    JobCancelRequested::new(job_id()).into()
}

/// Everything that is there, without waiting.
pub(crate) fn received(subscription: &mut Subscription) -> Vec<EventItem> {
    std::iter::from_fn(|| subscription.try_next()).collect()
}

/// The events of what was received; none may have been lost.
pub(crate) fn events(items: Vec<EventItem>) -> Vec<Event> {
    let event = |item| match item {
        EventItem::Event(event) => event,
        EventItem::Lagged(lost) => panic!("{lost} events were lost, though few were published"),
    };
    items.into_iter().map(event).collect()
}

/// The events up to the one that ends the case, waiting for them. What was published before the case is passed over.
pub(crate) async fn until(subscription: &mut Subscription, last: &Event) -> Vec<Event> {
    let greeting = greeting();
    let mut heard = Vec::new();
    while heard.last() != Some(last) {
        let next = tokio::time::timeout(PATIENCE, subscription.next()).await;
        let next = next.unwrap_or_else(|_| panic!("expected {last:?} within {PATIENCE:?}, heard {heard:?}"));
        match next {
            Some(EventItem::Event(event)) if event == greeting => {}
            Some(EventItem::Event(event)) => heard.push(event),
            Some(EventItem::Lagged(0)) => {}
            other => panic!("expected {last:?}, found {other:?} after {heard:?}"),
        }
    }
    heard
}

/// One event of each type that other processes hear, with the longest ids.
pub(crate) fn every_type() -> Vec<Event> {
    let longest = "ü".repeat(127);
    let (task, schedule) = (task_id(&longest), schedule_id("\"quoted\" \\ 'id'"));
    let scheduler = scheduler_id(&longest);
    let job: JobId = job_id();
    vec![
        TaskAdded::new(task.clone()).into(),
        TaskUpdated::new(task.clone()).into(),
        TaskRemoved::new(task.clone()).into(),
        ScheduleAdded::new(schedule.clone(), task.clone(), Some(at_micros(1))).into(),
        ScheduleUpdated::new(schedule.clone(), task.clone(), None).into(),
        ScheduleRemoved::new(schedule.clone(), task.clone()).into(),
        ScheduleQuarantined::new(schedule.clone(), "the calendar is gone".to_owned()).into(),
        FireTimesCutOff::new(schedule.clone(), at(0), at(9)).into(),
        JobAdded::new(job, task.clone(), Some(schedule.clone()), at(1)).into(),
        JobAcquired::new(job, task.clone(), None, scheduler.clone(), 1).into(),
        JobReleased::new(job, task.clone(), Some(schedule), Some(scheduler), JobOutcome::TimedOut).into(),
        JobRequeued::new(job, task.clone(), at(2), u32::MAX).into(),
        JobRemoved::new(job, task).into(),
        JobQuarantined::new(job, "unreadable".to_owned()).into(),
        JobCancelRequested::new(job).into(),
        JobProgressed::new(job).into(),
        Wakeup::new(Some(at(3)), None).into(),
    ]
}

/// Events that concern one process only.
pub(crate) fn local() -> Vec<Event> {
    vec![
        SchedulerStarted::new(scheduler_id("a")).into(),
        StoreHealthChanged::new(Health::Unhealthy("gone".to_owned())).into(),
        SchedulerStopped::new(scheduler_id("a"), None).into(),
    ]
}
