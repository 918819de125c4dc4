//! One scenario: how many nodes, what they are asked to do, and what goes wrong. Drawn by a seed within its family.

use std::time::Duration;

use fastrand::Rng;

use super::Family;

/// All that is decided before the first event.
#[derive(Clone, Debug)]
pub(super) struct Scenario {
    pub(super) family: Family,
    pub(super) nodes: usize,
    pub(super) lease: Duration,
    pub(super) poll_interval: Duration,
    pub(super) cleanup_interval: Duration,
    pub(super) max_concurrent_jobs: usize,
    pub(super) schedule_batch: usize,
    /// How long users act and faults happen. Afterwards everything has to settle.
    pub(super) turmoil: Duration,
    pub(super) latency: Latency,
    pub(super) faults: Faults,
    pub(super) load: Load,
}

/// How long a message takes one way: a random multiple of `grain`. A coarse grain makes things happen at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Latency {
    pub(super) grain: Duration,
    pub(super) most_grains: u32,
}

impl Latency {
    pub(super) fn draw(self, random: &mut Rng) -> Duration {
        self.grain * random.u32(0..=self.most_grains)
    }

    pub(super) fn most(self) -> Duration {
        self.grain * self.most_grains
    }
}

/// What goes wrong. Chances are per call or hint, rates per second of the whole scenario.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Faults {
    pub(super) lost_hint: f64,
    pub(super) repeated_hint: f64,
    pub(super) late_hint: f64,
    pub(super) fail_before: f64,
    pub(super) fail_after: f64,
    pub(super) crash_before: f64,
    pub(super) crash_after: f64,
    pub(super) freezes: f64,
    /// Chance that a process freezes between a call and its answer.
    pub(super) freeze_after: f64,
    /// Chance that a frozen node is replaced by one of its name before it goes on.
    pub(super) replaced: f64,
    pub(super) clock_steps: f64,
    pub(super) outages: f64,
    pub(super) stops: f64,
    pub(super) intake_changes: f64,
}

impl Faults {
    /// Whether calls can fail while their process lives.
    pub(super) fn let_calls_fail(&self) -> bool {
        self.outages + self.fail_before + self.fail_after > 0.0
    }

    /// Whether a lease is lost only by a crash: nobody freezes, and the store answers.
    pub(super) fn leave_leases_alone(&self) -> bool {
        !self.let_calls_fail() && self.freezes + self.freeze_after == 0.0
    }

    /// Whether nothing at all keeps a node from its work.
    pub(super) fn leave_nodes_alone(&self) -> bool {
        self.leave_leases_alone()
            && self.crash_before + self.crash_after + self.stops + self.intake_changes + self.clock_steps
                == 0.0
    }
}

/// What users ask for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Load {
    pub(super) schedules: usize,
    pub(super) kind: ScheduleKind,
    /// Actions of users per second.
    pub(super) actions: f64,
    /// Share of the actions that touch schedules; the others touch jobs.
    pub(super) edits: f64,
    /// Jobs of the saturated task, queued at the start.
    pub(super) backlog: usize,
    pub(super) jobs: JobKind,
}

/// Which settings schedules have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum ScheduleKind {
    /// `All` and `Queue`, without bounds: every fire time must become a job.
    #[default]
    Every,
    /// Anything.
    Any,
    /// Not due within the scenario, whatever the settings.
    NeverDue,
}

/// Which direct jobs are added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum JobKind {
    /// Of any task, with any settings.
    #[default]
    Any,
    /// Short ones of tasks that have room.
    Light,
    /// Only such as nobody can run.
    Stuck,
}

impl Scenario {
    /// The scenario of a seed.
    pub(super) fn draw(family: Family, random: &mut Rng) -> Self {
        let lease = Duration::from_millis(random.u64(3_000..=10_000));
        let mut scenario = Self {
            family,
            nodes: random.usize(1..=4),
            lease,
            poll_interval: Duration::from_secs(1),
            cleanup_interval: Duration::from_secs(random.u64(5..=30)),
            max_concurrent_jobs: random.usize(1..=8),
            schedule_batch: if random.bool() { random.usize(1..=3) } else { 500 },
            turmoil: Duration::from_secs(random.u64(15..=40)),
            latency: draw_latency(random),
            faults: Faults {
                lost_hint: draw_share(random),
                repeated_hint: 0.1,
                late_hint: 0.1,
                ..Faults::default()
            },
            load: Load { schedules: random.usize(1..=5), actions: 1.5, edits: 0.2, ..Load::default() },
        };
        scenario.shape(random);
        scenario
    }

    fn shape(&mut self, random: &mut Rng) {
        let (faults, load) = (&mut self.faults, &mut self.load);
        match self.family {
            Family::Calm => {
                self.max_concurrent_jobs = 100;
                self.schedule_batch = random.usize(2..=4);
                *load = Load {
                    schedules: random.usize(8..=12),
                    jobs: JobKind::Light,
                    actions: 2.0,
                    edits: 0.0,
                    ..*load
                };
            }
            Family::EveryFireTime => {
                (faults.crash_before, faults.crash_after) = (0.01, 0.01);
                faults.fail_after = draw_share(random) * 0.05;
                *load = Load { schedules: random.usize(2..=6), actions: 0.2, edits: 0.0, ..*load };
            }
            Family::Coalescing => {
                (faults.crash_before, faults.crash_after) = (0.02, 0.02);
                faults.freeze_after = 0.02;
                *load = Load { kind: ScheduleKind::Any, actions: 0.3, edits: 0.0, ..*load };
            }
            Family::Edits => {
                (faults.fail_before, faults.fail_after) = (0.02, 0.02);
                *load = Load { kind: ScheduleKind::Any, actions: 3.0, edits: 0.9, ..*load };
            }
            Family::Takeover => {
                (faults.crash_before, faults.crash_after) = (0.01, 0.01);
                *load = Load { schedules: random.usize(0..=2), actions: 4.0, edits: 0.05, ..*load };
            }
            Family::Frozen => {
                (faults.freezes, faults.freeze_after, faults.replaced) = (0.1, 0.02, 0.3);
                *load = Load { actions: 2.5, edits: 0.3, kind: ScheduleKind::Any, ..*load };
            }
            Family::ClockSteps => {
                faults.clock_steps = 0.5;
                faults.crash_before = draw_share(random) * 0.02;
            }
            Family::Outages => {
                (faults.fail_before, faults.fail_after, faults.outages) = (0.1, 0.1, 0.05);
                load.actions = 2.5;
            }
            Family::Stops => {
                faults.stops = 0.3;
                faults.intake_changes = 0.1;
                load.actions = 3.0;
            }
            Family::Saturation => {
                self.max_concurrent_jobs = random.usize(10..=20);
                *load = Load {
                    schedules: 1,
                    backlog: 300,
                    jobs: JobKind::Light,
                    actions: 3.0,
                    edits: 0.0,
                    ..*load
                };
            }
            Family::Idle => {
                self.turmoil = Duration::from_secs(3);
                *load = Load { kind: ScheduleKind::NeverDue, jobs: JobKind::Stuck, actions: 4.0, ..*load };
            }
            Family::Everything => {
                *faults = Faults {
                    lost_hint: draw_share(random),
                    repeated_hint: 0.1,
                    late_hint: 0.1,
                    fail_before: 0.02,
                    fail_after: 0.02,
                    crash_before: 0.005,
                    crash_after: 0.005,
                    freezes: 0.05,
                    freeze_after: 0.005,
                    replaced: 0.3,
                    clock_steps: 0.2,
                    outages: 0.02,
                    stops: 0.1,
                    intake_changes: 0.05,
                };
                *load = Load { kind: ScheduleKind::Any, actions: 3.0, edits: 0.4, ..*load };
            }
        }
    }

    /// Longest time until something that became due is noticed, when hints are lost and everything else works.
    ///
    /// One poll interval, and then some messages one after another: an answer that is on its way, a look, a claim, a
    /// write, and those that had begun before.
    pub(super) fn notice(&self) -> Duration {
        self.poll_interval + self.latency.most() * 16 + Duration::from_millis(1)
    }

    /// Furthest a node's clock may be from the true time: schedulers are told to agree up to a fraction of a lease.
    pub(super) fn clock_bound(&self) -> Duration {
        self.lease / 16
    }
}

fn draw_latency(random: &mut Rng) -> Latency {
    let (grain, most_grains) = match random.u8(0..4) {
        0 => (Duration::ZERO, 0),
        1 => (Duration::from_millis(5), 3),
        2 => (Duration::from_micros(1), 20_000),
        _ => (Duration::from_micros(10), 25_000),
    };
    Latency { grain, most_grains }
}

/// None, some or all.
fn draw_share(random: &mut Rng) -> f64 {
    match random.u8(0..4) {
        0 => 0.0,
        1 => 1.0,
        _ => random.f64(),
    }
}
