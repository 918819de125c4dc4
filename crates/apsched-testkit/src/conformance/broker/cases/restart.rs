//! The server is restarted, and has forgotten everybody.

use apsched_core::event::EventInterest;

use crate::conformance::broker::listener::{
    hear_each_other, is_healthy, numbered, two_processes, until, until_health,
};
use crate::conformance::broker::{BrokerHarness, Disturbance};
use crate::report_skipped;

pub(crate) async fn events_flow_again_after_a_restart(harness: &dyn BrokerHarness) {
    let alone = match harness.restartable().await {
        Ok(alone) => alone,
        Err(why) => return report_skipped("events_flow_again_after_a_restart", &why),
    };
    let (here, there) = two_processes(&*alone).await;

    for _ in 0..2 {
        alone.disturb(Disturbance::Restart).await;
        hear_each_other(&here, &there).await;
    }
    let mut listener = there.subscribe(EventInterest::ALL);
    here.publish(vec![numbered(1)]);

    assert_eq!(until(&mut listener, &numbered(1)).await, [numbered(1)]);
    until_health(&here, is_healthy).await;
    until_health(&there, is_healthy).await;
}
