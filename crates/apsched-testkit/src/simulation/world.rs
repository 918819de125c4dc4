//! The run of one scenario: what happens next, until everything has settled.
//!
//! Virtual time jumps from event to event. One random generator decides everything, so a seed is a story that can be
//! told again.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use fastrand::Rng;

use apsched_core::engine::{Action, Engine, EngineConfig, Input, Role, StopReason};
use apsched_core::{Abilities, DataStore, Job, JobIds, SchedulerId, SchedulerName, TriggerRegistry, instant};

use super::agenda::Agenda;
use super::breach::{Check, Checked, ensure};
use super::ledger::Ledger;
use super::probe;
use super::process::{Arrival, Process, ProcessState, Sent};
use super::scenario::Scenario;
use super::store_call::StoreCall;
use super::stumbling::Stumbling;
use super::summary::Summary;
use super::trace::Trace;
use super::workload::Names;

/// More events than this within one instant are a spin.
const MOST_EVENTS_AT_ONCE: u32 = 20_000;

/// Everything there is in one run.
#[derive(Debug)]
pub(super) struct World<S> {
    pub(super) scenario: Scenario,
    pub(super) store: S,
    pub(super) random: Rng,
    pub(super) now: DateTime<Utc>,
    pub(super) start: DateTime<Utc>,
    pub(super) agenda: Agenda<Happening>,
    pub(super) phase: Phase,
    pub(super) processes: Vec<Process>,
    pub(super) nodes: Vec<Node>,
    pub(super) outage_until: DateTime<Utc>,
    pub(super) ledger: Ledger,
    pub(super) names: Names,
    pub(super) ids: JobIds,
    pub(super) made: u32,
    pub(super) trace: Trace,
    pub(super) summary: Summary,
}

/// What can happen.
#[derive(Debug)]
pub(super) enum Happening {
    Boot { node: usize },
    CallArrives { process: usize, call: Sent },
    Arrives { process: usize, arrival: Arrival },
    Thaw { process: usize },
    FaultStrikes,
    UserActs,
    UserRepeats(Vec<Job>),
    TurmoilEnds,
    Look,
    IdleBegins,
    IdleEnds { calls: BTreeMap<usize, u64> },
}

/// Where the run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Users act, faults strike.
    Turmoil,
    /// Neither; what is open is to end.
    Quiet {
        since: DateTime<Utc>,
    },
    Over,
}

/// A machine: what survives its processes.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) role: Role,
    pub(super) clock_error: TimeDelta,
    pub(super) process: Option<usize>,
}

impl<S: DataStore> World<S> {
    pub(super) fn new(scenario: Scenario, seed: u64, store: S, traced: Traced) -> Self {
        let start = DateTime::from_timestamp(1_767_225_600, 0).expect("an instant in the year 2026");
        let mut random = Rng::with_seed(seed);
        let ids = JobIds::seeded(random.u64(..));
        let nodes = (0..scenario.nodes).map(|node| Node {
            role: draw_role(node, scenario.nodes, &mut random),
            clock_error: TimeDelta::zero(),
            process: None,
        });
        Self {
            nodes: nodes.collect(),
            ledger: Ledger::new(&scenario),
            scenario,
            store,
            random,
            now: start,
            start,
            agenda: Agenda::new(),
            phase: Phase::Turmoil,
            processes: Vec::new(),
            outage_until: start,
            names: Names::new(),
            ids,
            made: 0,
            trace: match traced {
                Traced::No => Trace::Off,
                Traced::Yes => Trace::on(start),
            },
            summary: Summary::default(),
        }
    }

    /// Runs to the end, or to the first check that does not hold.
    pub(super) fn run(&mut self) -> Checked<Summary> {
        let mut registry = TriggerRegistry::new();
        registry.register::<Stumbling>().expect("the only trigger of this registry");
        probe::read(self.store.start(&registry))?;
        self.prepare()?;
        for node in 0..self.scenario.nodes {
            let at = self.after(Duration::from_millis(1000));
            self.agenda.add(at, Happening::Boot { node });
        }
        self.plan_next(Happening::UserActs);
        self.plan_next(Happening::FaultStrikes);
        self.agenda.add(self.start + self.scenario.turmoil, Happening::TurmoilEnds);
        let mut at_once = 0;
        while self.phase != Phase::Over
            && let Some((at, happening)) = self.agenda.next()
        {
            at_once = if at == self.now { at_once + 1 } else { 0 };
            ensure(at_once <= MOST_EVENTS_AT_ONCE, Check::NothingSpins, || {
                format!("more than {MOST_EVENTS_AT_ONCE} events at one instant, the next: {happening:?}")
            })?;
            self.now = at;
            self.summary.events += 1;
            self.happen(happening)?;
        }
        self.ledger.balance(&self.store)?;
        let prober = SchedulerId::new(SchedulerName::new("prober").expect("a valid name"), 0);
        self.ledger.check_slots(&self.store, &prober, &mut self.ids, self.now)?;
        self.summary.add_tally(self.ledger.tally, instant::between(self.start, self.now));
        Ok(self.summary)
    }

    fn happen(&mut self, happening: Happening) -> Checked {
        match happening {
            Happening::Boot { node } => self.boot(node)?,
            Happening::CallArrives { process, call } => self.perform(process, call)?,
            Happening::Arrives { process, arrival } => self.arrive(process, arrival)?,
            Happening::Thaw { process } => self.thaw(process)?,
            Happening::FaultStrikes if self.phase == Phase::Turmoil => {
                self.strike()?;
                self.plan_next(Happening::FaultStrikes);
            }
            Happening::UserActs if self.phase == Phase::Turmoil => {
                self.act()?;
                self.plan_next(Happening::UserActs);
            }
            Happening::UserRepeats(jobs) => self.add_jobs(jobs)?,
            Happening::FaultStrikes | Happening::UserActs => {}
            Happening::TurmoilEnds => {
                self.phase = Phase::Quiet { since: self.now };
                self.ledger.end_of_turmoil();
                self.end_faults()?;
                self.free_the_saturated()?;
                self.agenda.add(self.now, Happening::Look);
            }
            Happening::Look => self.look()?,
            Happening::IdleBegins => self.begin_idle(),
            Happening::IdleEnds { calls } => self.check_idle(&calls)?,
        }
        Ok(())
    }

    // ----- processes -----

    fn boot(&mut self, node: usize) -> Checked {
        let is_running = |process: usize| self.processes[process].state == ProcessState::Up;
        if self.nodes[node].process.is_some_and(is_running) {
            return Ok(());
        }
        let fresh =
            if self.random.u8(0..10) < 3 { format!("-{}", self.processes.len()) } else { String::new() };
        let name = SchedulerName::new(format!("node-{node}{fresh}")).expect("a valid name");
        let id = SchedulerId::new(name, self.random.u64(..));
        let config = EngineConfig {
            role: self.nodes[node].role,
            max_concurrent_jobs: self.scenario.max_concurrent_jobs,
            lease_duration: self.scenario.lease,
            poll_interval: self.scenario.poll_interval,
            cleanup_interval: self.scenario.cleanup_interval,
            schedule_batch: self.scenario.schedule_batch,
            ..EngineConfig::new(id.clone(), self.random.u64(..))
        };
        let clock_error = self.nodes[node].clock_error;
        let process = Process {
            engine: Engine::new(config, self.now + clock_error),
            id,
            node,
            abilities: Abilities::new(self.names.known_tasks(), self.names.executors_of(node)).into(),
            state: ProcessState::Up,
            clock_error,
            alarm: None,
            alarms: 0,
            attempts: Vec::new(),
            mailbox: Vec::new(),
            unsent: Vec::new(),
            calls: 0,
            has_lost_answer: false,
            had_trouble: false,
            is_stopping: false,
        };
        self.trace.note(self.now, || format!("{} starts", process.id));
        self.processes.push(process);
        self.nodes[node].process = Some(self.processes.len() - 1);
        self.drain(self.processes.len() - 1)
    }

    /// Something reaches a process.
    pub(super) fn arrive(&mut self, number: usize, arrival: Arrival) -> Checked {
        let process = &mut self.processes[number];
        match process.state {
            ProcessState::Gone => return Ok(()),
            ProcessState::Frozen => {
                process.mailbox.push(arrival);
                return Ok(());
            }
            ProcessState::Up => {}
        }
        let now = process.now(self.now);
        let input = match arrival {
            Arrival::Hint(input) | Arrival::Command(input) => input,
            Arrival::Answer(answer) => {
                let (input, events) = *answer;
                if let Input::SchedulesAcquired(claimed) = &input {
                    self.ledger.planned(claimed, now);
                }
                self.publish(&events);
                input
            }
            Arrival::AttemptEnds { job_id, token } => match self.end_attempt(number, job_id, token) {
                Some(input) => input,
                None => return Ok(()),
            },
            Arrival::Alarm(alarm) => {
                if process.alarm.is_none() || process.alarms != alarm {
                    return Ok(());
                }
                process.alarm = None;
                Input::TimePassed
            }
        };
        let process = &mut self.processes[number];
        self.trace.note(self.now, || format!("{} hears {}", process.id, brief(&input)));
        process.engine.handle(input, now);
        self.drain(number)
    }

    /// Performs what the engine asks for, until it waits.
    fn drain(&mut self, number: usize) -> Checked {
        let mut actions = 0;
        while let Some(action) = self.processes[number].engine.poll_action() {
            actions += 1;
            ensure(actions < MOST_EVENTS_AT_ONCE, Check::NothingSpins, || {
                format!("{action:?} again and again")
            })?;
            let seed = self.random.u64(..);
            let process = &mut self.processes[number];
            let now = process.now(self.now);
            if let Some(call) = StoreCall::of(&action, process, now, seed) {
                process.calls += 1;
                let at = self.now + self.scenario.latency.draw(&mut self.random);
                let request = action.request().expect("a call to the store is a request");
                self.agenda.add(at, Happening::CallArrives { process: number, call: Sent { call, request } });
                continue;
            }
            match action {
                Action::StartJobs(jobs) => self.start_jobs(number, jobs)?,
                Action::StopJobs { jobs, reason } => self.stop_jobs(number, &jobs, reason)?,
                _ => return self.stopped(number),
            }
        }
        let process = &mut self.processes[number];
        let (now, timeout) = (process.now(self.now), process.engine.poll_timeout());
        ensure(timeout.is_none_or(|at| at > now), Check::NothingSpins, || {
            format!("{} has nothing to do, and wants to be woken at once", process.id)
        })?;
        if let Some(delay) = process.new_alarm(self.now) {
            let arrival = Arrival::Alarm(process.alarms);
            self.agenda.add(self.now + delay, Happening::Arrives { process: number, arrival });
        }
        Ok(())
    }

    fn stopped(&mut self, number: usize) -> Checked {
        let process = &mut self.processes[number];
        self.trace.note(self.now, || format!("{} has stopped", process.id));
        process.state = ProcessState::Gone;
        self.summary.stops += 1;
        // A handler whose lease was lost is none of its jobs any more, and may be a thread that cannot be stopped.
        let is_left = process.attempts.iter().any(|attempt| attempt.told != Some(StopReason::LeaseLost));
        ensure(!is_left, Check::CleanStop, || {
            format!("{} has stopped while handlers ran: {:?}", process.id, process.attempts)
        })?;
        if !process.has_lost_answer && !process.had_trouble {
            let held = self.ledger.held_by(&process.id);
            let id = &process.id;
            ensure(held.is_none(), Check::CleanStop, || format!("{id} has stopped and holds {held:?}"))?;
        }
        let node = process.node;
        let at = self.after(Duration::from_secs(3));
        self.agenda.add(at, Happening::Boot { node });
        Ok(())
    }

    // ----- chance -----

    pub(super) fn chance(&mut self, share: f64) -> bool {
        share > 0.0 && self.random.f64() < share
    }

    /// An instant within `most` from now.
    pub(super) fn after(&mut self, most: Duration) -> DateTime<Utc> {
        let micros = u64::try_from(most.as_micros()).unwrap_or(u64::MAX);
        instant::after(self.now, Duration::from_micros(self.random.u64(0..=micros)))
    }

    /// Plans the next of something that happens at a rate.
    fn plan_next(&mut self, happening: Happening) {
        let rate = match happening {
            Happening::UserActs => self.scenario.load.actions,
            _ => self.scenario.faults.strikes(),
        };
        if rate > 0.0 {
            let at = self.after(Duration::from_secs_f64(2.0 / rate));
            self.agenda.add(at, happening);
        }
    }
}

/// Whether the events of a run are written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Traced {
    No,
    Yes,
}

/// The first node does both, so that every scenario has a scheduler and a worker.
fn draw_role(node: usize, nodes: usize, random: &mut Rng) -> Role {
    match random.u8(0..6) {
        0 if node > 0 && nodes > 1 => Role::Scheduler,
        1 if node > 0 && nodes > 1 => Role::Worker,
        _ => Role::Both,
    }
}

/// An input in few words.
fn brief(input: &Input) -> String {
    match input {
        Input::SchedulesAcquired(claimed) => {
            let names: Vec<String> = claimed
                .iter()
                .map(|claimed| format!("{} {:?}", claimed.schedule.id, claimed.schedule.token))
                .collect();
            format!("schedules acquired: {}", names.join(", "))
        }
        Input::JobsAcquired(jobs) => {
            let names: Vec<String> = jobs.iter().map(|job| format!("{} {:?}", job.id, job.token)).collect();
            format!("jobs acquired: {}", names.join(", "))
        }
        other => format!("{other:?}").chars().take(300).collect(),
    }
}
