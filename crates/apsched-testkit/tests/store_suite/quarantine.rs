//! What a store says of rows that cannot be decoded reaches who listens to the scheduler.

use std::time::Duration;

use apsched_core::DataStore;
use apsched_core::event::ScheduleQuarantined;
use apsched_core::scheduler::Scheduler;
use apsched_testkit::ManualClock;
use apsched_testkit::conformance::store::{StoreHarness, StoredRow};
use apsched_testkit::sample::{self, at, schedule_id};

use super::double::Double;

#[tokio::test]
async fn a_scheduler_tells_of_a_schedule_that_cannot_be_read() {
    let store = Double::whole();
    store.add_schedule(sample::schedule("spoiled").build(), Default::default()).await.unwrap();
    store.spoil(StoredRow::Schedule(&schedule_id("spoiled"))).await;
    let scheduler = Scheduler::builder().data_store(store).clock(ManualClock::new(at(0))).build().unwrap();
    let quarantined = scheduler.next_event::<ScheduleQuarantined>();

    scheduler.start_in_background().await.unwrap();

    let told = tokio::time::timeout(Duration::from_secs(60), quarantined).await.unwrap().unwrap();
    assert_eq!(told.schedule_id, schedule_id("spoiled"));
}
