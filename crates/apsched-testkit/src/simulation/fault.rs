//! What goes wrong: calls that fail, processes that crash, freeze or stop, clocks that are stepped.

use std::time::Duration;

use chrono::TimeDelta;

use apsched_core::engine::{Input, Intake, StoreRequest};
use apsched_core::{DataStore, SchedulerId, instant};

use super::breach::Checked;
use super::process::{Arrival, ProcessState, Sent};
use super::scenario::Faults;
use super::world::{Happening, Phase, World};

impl Faults {
    /// How often per second something other than a call is disturbed.
    pub(super) fn strikes(&self) -> f64 {
        self.freezes + self.clock_steps + self.outages + self.stops + self.intake_changes
    }
}

impl<S: DataStore> World<S> {
    /// A call reaches the store; or fails, or crashes its process.
    pub(super) fn perform(&mut self, number: usize, sent: Sent) -> Checked {
        let state = self.processes[number].state;
        if state == ProcessState::Frozen && self.random.bool() {
            self.processes[number].unsent.push(sent);
            return Ok(());
        }
        // What a process sent before it crashed may still be done.
        if state == ProcessState::Gone && self.random.bool() {
            return Ok(());
        }
        let faults = if self.phase == Phase::Turmoil { self.scenario.faults } else { Faults::default() };
        if self.now < self.outage_until || self.chance(faults.fail_before) {
            self.trace.note(self.now, || format!("{}: {} fails", self.processes[number].id, sent.call));
            self.fail(number, sent.request);
            return Ok(());
        }
        if self.chance(faults.crash_before) {
            self.crash(number);
            return Ok(());
        }
        let Self { store, ledger, processes, .. } = self;
        let keeps_its_leases = |holder: &SchedulerId| {
            let holder = processes.iter().find(|process| process.id == *holder);
            holder.is_some_and(|holder| holder.state == ProcessState::Up && !holder.had_trouble)
        };
        self.trace.note(self.now, || format!("{}: {}", processes[number].id, sent.call));
        let (input, events) = sent.call.perform(store, ledger, self.now, keeps_its_leases)?;
        self.summary.calls += 1;
        if self.chance(faults.fail_after) {
            self.trace.note(self.now, || "  its answer is lost".to_owned());
            self.processes[number].has_lost_answer |= sent.call.is_claim();
            self.fail(number, sent.request);
            return Ok(());
        }
        if self.chance(faults.crash_after) {
            self.crash(number);
            return Ok(());
        }
        if self.chance(faults.freeze_after) && self.processes[number].state == ProcessState::Up {
            self.freeze(number);
        }
        let arrival = Arrival::Answer(Box::new((input, events)));
        let at = self.now + self.scenario.latency.draw(&mut self.random);
        self.agenda.add(at, Happening::Arrives { process: number, arrival });
        Ok(())
    }

    fn fail(&mut self, number: usize, request: StoreRequest) {
        self.summary.failures += 1;
        self.processes[number].had_trouble = true;
        let arrival = Arrival::Answer(Box::new((Input::Failed(request), Vec::new())));
        let at = self.now + self.scenario.latency.draw(&mut self.random);
        self.agenda.add(at, Happening::Arrives { process: number, arrival });
    }

    fn crash(&mut self, number: usize) {
        let process = &mut self.processes[number];
        if process.is_gone() {
            return;
        }
        self.trace.note(self.now, || format!("{} crashes", process.id));
        process.state = ProcessState::Gone;
        process.attempts.clear();
        let node = process.node;
        self.summary.crashes += 1;
        let at = self.after(self.scenario.lease * 2);
        self.agenda.add(at, Happening::Boot { node });
    }

    /// Something strikes a process that runs.
    pub(super) fn strike(&mut self) -> Checked {
        let up = |number: &usize| self.processes[*number].state == ProcessState::Up;
        let up: Vec<usize> = (0..self.processes.len()).filter(up).collect();
        let Some(&number) = self.random.choice(&up) else { return Ok(()) };
        let faults = self.scenario.faults;
        let mut drawn = self.random.f64() * faults.strikes();
        let mut is_drawn = |rate: f64| {
            drawn -= rate;
            drawn < 0.0
        };
        if is_drawn(faults.freezes) {
            self.freeze(number);
        } else if is_drawn(faults.clock_steps) {
            self.step_clock(number);
        } else if is_drawn(faults.outages) {
            self.outage_until = self.after(self.scenario.lease * 2);
            self.trace.note(self.now, || format!("the store is gone until {}", self.outage_until));
        } else if is_drawn(faults.stops) {
            return self.stop(number);
        } else {
            // The only one left.
            let intake = if self.random.bool() { Intake::Open } else { Intake::Paused };
            return self.arrive(number, Arrival::Command(Input::SetIntake(intake)));
        }
        Ok(())
    }

    fn freeze(&mut self, number: usize) {
        let process = &mut self.processes[number];
        self.trace.note(self.now, || format!("{} freezes", process.id));
        process.state = ProcessState::Frozen;
        process.had_trouble = true;
        let node = process.node;
        self.summary.freezes += 1;
        let at = self.after(self.scenario.lease * 3);
        self.agenda.add(at, Happening::Thaw { process: number });
        if self.chance(self.scenario.faults.replaced) {
            let at = self.after(self.scenario.lease);
            self.agenda.add(at, Happening::Boot { node });
        }
    }

    /// A process goes on, with all that waited for it.
    pub(super) fn thaw(&mut self, number: usize) -> Checked {
        let process = &mut self.processes[number];
        if process.state != ProcessState::Frozen {
            return Ok(());
        }
        self.trace.note(self.now, || format!("{} goes on", process.id));
        process.state = ProcessState::Up;
        let mut mailbox = std::mem::take(&mut process.mailbox);
        let unsent = std::mem::take(&mut process.unsent);
        for call in unsent {
            let at = self.now + self.scenario.latency.draw(&mut self.random);
            self.agenda.add(at, Happening::CallArrives { process: number, call });
        }
        if self.random.bool() {
            self.random.shuffle(&mut mailbox);
        }
        for arrival in mailbox {
            self.arrive(number, arrival)?;
        }
        Ok(())
    }

    fn step_clock(&mut self, number: usize) {
        let bound = i64::try_from(self.scenario.clock_bound().as_micros()).unwrap_or(i64::MAX);
        let error = TimeDelta::microseconds(self.random.i64(-bound..=bound));
        let process = &mut self.processes[number];
        self.trace.note(self.now, || format!("{}: the clock is stepped to be {error} off", process.id));
        process.clock_error = error;
        self.nodes[process.node].clock_error = error;
        self.summary.clock_steps += 1;
    }

    fn stop(&mut self, number: usize) -> Checked {
        let drain = Duration::from_millis(self.random.u64(0..=3000));
        let process = &mut self.processes[number];
        process.is_stopping = true;
        let deadline = instant::after(process.now(self.now), drain);
        self.arrive(number, Arrival::Command(Input::Stop { deadline }))
    }

    /// From now on nothing goes wrong any more, and every node runs.
    pub(super) fn end_faults(&mut self) -> Checked {
        self.outage_until = self.now;
        for number in 0..self.processes.len() {
            self.thaw(number)?;
            self.arrive(number, Arrival::Command(Input::SetIntake(Intake::Open)))?;
        }
        for node in 0..self.nodes.len() {
            let process = self.nodes[node].process;
            if process.is_none_or(|process| self.processes[process].is_gone()) {
                self.agenda.add(self.now, Happening::Boot { node });
            }
        }
        Ok(())
    }
}
