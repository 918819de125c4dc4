//! Wake-ups make every other scheduler look at its store, so that many in a row become a few.

use std::collections::BTreeSet;

use apsched_core::broker::{EventItem, Subscription};
use apsched_core::event::{Event, EventType, Wakeup};

use crate::conformance::broker::BrokerHarness;
use crate::conformance::broker::listener::{soon, two_processes};
use crate::sample::at;

/// The wake-ups up to the first that `is_last`.
async fn wakeups_until(listener: &mut Subscription, is_last: impl Fn(&Wakeup) -> bool) -> Vec<Wakeup> {
    let mut heard = Vec::new();
    soon("a wake-up with the earliest times", async {
        while !heard.last().is_some_and(&is_last) {
            if let Some(EventItem::Event(Event::Wakeup(wakeup))) = listener.next().await {
                heard.push(wakeup);
            }
        }
    })
    .await;
    heard
}

pub(crate) async fn a_burst_of_wakeups_reaches_others_as_a_few(harness: &dyn BrokerHarness) {
    const JOBS: i64 = 10_000;
    let (here, there) = two_processes(harness).await;
    let mut listener = there.subscribe(Wakeup::INTEREST);

    for job in (0..JOBS).rev() {
        here.publish(vec![Wakeup::jobs(at(job)).into()]);
    }

    let heard = wakeups_until(&mut listener, |wakeup| wakeup.jobs_at == Some(at(0))).await;
    assert!(heard.len() <= 1_000, "{JOBS} jobs, {} wake-ups", heard.len());
}

pub(crate) async fn a_wakeup_stands_for_the_earliest_of_those_it_sums_up(harness: &dyn BrokerHarness) {
    let (here, there) = two_processes(harness).await;
    let mut listener = there.subscribe(Wakeup::INTEREST);
    let (jobs, schedules) = ([5, 2, 9, 7], [8, 6, 3, 4]);

    for (job, schedule) in jobs.into_iter().zip(schedules) {
        here.publish(vec![Wakeup::jobs(at(job)).into()]);
        here.publish(vec![Wakeup::schedules(at(schedule)).into()]);
    }

    let mut missing = BTreeSet::from(["jobs", "schedules"]);
    soon("the earliest job and the earliest schedule", async {
        while !missing.is_empty() {
            let heard = wakeups_until(&mut listener, |_| true).await;
            for wakeup in heard {
                if wakeup.jobs_at == Some(at(2)) {
                    missing.remove("jobs");
                }
                if wakeup.schedules_at == Some(at(3)) {
                    missing.remove("schedules");
                }
            }
        }
    })
    .await;
}
