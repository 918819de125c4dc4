//! Whether the data store answers, as the scheduler's own calls tell; and the broker, which tells by itself.
//!
//! The store is asked nothing for this: a call that fails makes the store unhealthy, the next that succeeds makes it healthy. Both
//! turns are events.

use super::Scheduler;
use super::shared::Shared;
use crate::event::{Health, StoreHealthChanged};
use crate::store::{StoreError, StoreResult};

impl Scheduler {
    /// Whether the data store answered the scheduler's last call.
    #[must_use]
    pub fn store_health(&self) -> Health {
        self.shared().store_health.borrow().clone()
    }

    /// Whether the event broker reaches other processes. Always, for one that does not leave this process.
    #[must_use]
    pub fn broker_health(&self) -> Health {
        self.shared().broker.health()
    }
}

impl Shared {
    /// Learns from what the store answered, and passes it on.
    pub(super) fn learn_health<T>(&self, answer: StoreResult<T>) -> StoreResult<T> {
        let health = match &answer {
            Ok(_) => Health::Healthy,
            Err(error) => Health::Unhealthy(reason(error)),
        };
        let turned = self.store_health.send_if_modified(|known| {
            let turned = std::mem::discriminant(known) != std::mem::discriminant(&health);
            if turned {
                known.clone_from(&health);
            }
            turned
        });
        if turned {
            match &health {
                Health::Healthy => tracing::info!("the data store answers again"),
                Health::Unhealthy(reason) => tracing::warn!(reason, "the data store does not answer"),
            }
            self.publish(vec![StoreHealthChanged::new(health).into()]);
        }
        answer
    }
}

fn reason(error: &StoreError) -> String {
    crate::job::ErrorChain::of(error).to_string()
}
