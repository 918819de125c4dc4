//! The broker: tells every process what became due, as far as it pleases.

use std::time::Duration;

use apsched_core::engine::Input;
use apsched_core::event::Event;
use apsched_core::{DataStore, instant};

use super::process::Arrival;
use super::world::{Happening, World};

impl<S: DataStore> World<S> {
    /// Sends hints; each may be lost, come twice, or come late.
    pub(super) fn publish(&mut self, events: &[Event]) {
        let inputs = events.iter().filter_map(|event| match event {
            Event::Wakeup(wakeup) => Some(Input::Woken(wakeup.clone())),
            Event::JobCancelRequested(_) => Some(Input::CancelRequested),
            _ => None,
        });
        let faults = self.scenario.faults;
        for input in inputs {
            for process in 0..self.processes.len() {
                if self.processes[process].is_gone() {
                    continue;
                }
                let mut hint = input.clone();
                if self.chance(faults.lost_hint) {
                    if self.chance(0.9) {
                        continue;
                    }
                    hint = Input::HintsLost;
                }
                let copies = if self.chance(faults.repeated_hint) { 2 } else { 1 };
                for _ in 0..copies {
                    let mut at = self.now + self.scenario.latency.draw(&mut self.random);
                    if self.chance(faults.late_hint) {
                        at = instant::after(at, Duration::from_millis(self.random.u64(0..5000)));
                    }
                    self.agenda.add(at, Happening::Arrives { process, arrival: Arrival::Hint(hint.clone()) });
                }
            }
        }
    }
}
