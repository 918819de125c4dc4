//! Whether the data store answers, as the scheduler's own calls tell; and the broker, which tells by itself.
//!
//! The store is asked nothing for this: a call that fails makes the store unhealthy, the next that succeeds makes it healthy. Both
//! turns are events. Calls for users count like those of the loop, also where the store waits and tries again before it
//! answers (`caller.rs`).

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
    /// Learns from what the store answered the loop, and passes it on.
    pub(super) fn learn_health<T>(&self, answer: StoreResult<T>) -> StoreResult<T> {
        match &answer {
            Ok(_) => self.learn(Health::Healthy),
            Err(error) => self.learn_failure(error),
        }
        answer
    }

    pub(super) fn learn_failure(&self, error: &StoreError) {
        self.learn(Health::Unhealthy(crate::job::ErrorChain::of(error).to_string()));
    }

    pub(super) fn learn(&self, health: Health) {
        let is_turn = |known: &Health| std::mem::discriminant(known) != std::mem::discriminant(&health);
        // Almost always nothing is new: many users look at once, and nobody waits for another.
        if !is_turn(&self.store_health.borrow()) {
            return;
        }
        let turned = self.store_health.send_if_modified(|known| {
            let turned = is_turn(known);
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
    }
}
