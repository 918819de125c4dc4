//! Kills and freezes workers at random, in the middle of what they do.
//!
//! What decides is the record, not the time: after so many further lines somebody is hit, half of the time somebody who is
//! waiting for the store. Seeded; but processes are not deterministic, so a seed repeats a plan, not a run.

use std::time::Duration;

use apsched_tests::{Entry, Moment};

use super::fleet::Fleet;
use super::record::Story;

/// How a fleet is treated.
#[derive(Debug)]
pub(crate) struct Chaos {
    pub(crate) random: fastrand::Rng,
    /// How many lines the fleet may write between two blows, at most.
    most_lines: usize,
    /// Of a hundred blows, so many freeze; the others kill.
    freezes: u32,
    frozen: Vec<(usize, Moment)>,
}

/// Longest time between two looks at who is to be thawed.
const LOOK: Duration = Duration::from_millis(200);

impl Chaos {
    /// Kills alone.
    pub(crate) fn kills(seed: u64, most_lines: usize) -> Self {
        Self { random: fastrand::Rng::with_seed(seed), most_lines, freezes: 0, frozen: Vec::new() }
    }

    /// Of a hundred blows, so many freeze a worker for longer than its leases live.
    pub(crate) fn with_freezes(self, freezes: u32) -> Self {
        Self { freezes, ..self }
    }

    /// Strikes until `is_over`, and at least so often; then everybody is alive again.
    pub(crate) async fn rage(
        &mut self,
        fleet: &mut Fleet,
        least_blows: usize,
        mut is_over: impl FnMut(&Story) -> bool,
    ) {
        loop {
            let blows = fleet.kills + fleet.freezes;
            let mut is_over = |story: &Story| blows >= least_blows && is_over(story);
            let goal = fleet.record.story().lines + self.random.usize(1..=self.most_lines);
            let in_a_call = self.random.bool();
            let mut victim = None;
            while victim.is_none() {
                let reached = |story: &Story| {
                    is_over(story) || {
                        victim = victim
                            .or_else(|| victim_of(fleet, story, in_a_call))
                            .filter(|_| story.lines >= goal);
                        victim.is_some()
                    }
                };
                fleet.record.wait(LOOK, reached).await;
                self.thaw(fleet);
                if is_over(&fleet.record.story()) {
                    self.frozen.clear();
                    fleet.revive_all();
                    return;
                }
            }
            let Some(victim) = self.another(fleet, victim, in_a_call) else { continue };
            self.strike(fleet, victim).await;
        }
    }

    /// Who is hit: whoever was seen in a call, or anybody.
    fn another(&mut self, fleet: &Fleet, seen: Option<usize>, in_a_call: bool) -> Option<usize> {
        if in_a_call {
            return seen;
        }
        let running: Vec<usize> =
            (0..fleet.workers.len()).filter(|number| fleet.is_running(*number)).collect();
        self.random.choice(running)
    }

    async fn strike(&mut self, fleet: &mut Fleet, victim: usize) {
        let lease = Duration::from_millis(fleet.workers[victim].errand.lease_millis);
        if self.random.u32(0..100) < self.freezes {
            if self.frozen.len() < fleet.workers.len().div_ceil(3) {
                fleet.freeze(victim);
                self.frozen.push((victim, Moment::now() + lease.mul_f64(1.2 + self.random.f64())));
            }
            return;
        }
        fleet.kill(victim).await;
        // Some are away for a while: until somebody else is hit.
        let dead = (0..fleet.workers.len()).filter(|number| fleet.is_dead(*number)).collect::<Vec<_>>();
        for number in dead {
            if self.random.u32(0..100) < 70 {
                fleet.restart(number);
            }
        }
    }

    fn thaw(&mut self, fleet: &mut Fleet) {
        let now = Moment::now();
        self.frozen.retain(|(number, until)| {
            let is_due = *until <= now;
            if is_due {
                fleet.thaw(*number);
            }
            !is_due
        });
    }
}

/// Somebody who runs and, if that is asked for, waits for the store.
fn victim_of(fleet: &Fleet, story: &Story, in_a_call: bool) -> Option<usize> {
    (0..fleet.workers.len()).find(|number| {
        let last = || story.run(fleet.workers[*number].run).entries().last();
        fleet.is_running(*number) && (!in_a_call || matches!(last(), Some(Entry::Call(_))))
    })
}
