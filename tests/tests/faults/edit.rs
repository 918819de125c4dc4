//! Guarantee 8: what a user wrote last stays, whatever is under way with the schedule.
//!
//! Each definition of a schedule has a number of its own, which its load carries. Between two edits of a schedule is an *era*:
//! from the moment at which the first was answered to the moment at which the next was asked for. Who begins to write jobs in
//! an era may write those of its definition; of others the store must refuse every one. And what the user reads at the end of
//! an era must be what was written at its beginning.

use std::collections::BTreeMap;
use std::time::Duration;

use apsched::chrono::TimeDelta;
use apsched::clock::{Clock, SystemClock};
use apsched::id::JobId;
use apsched::job::JobStatus;
use apsched::prelude::*;
use apsched::schedule::Schedule;
use apsched::serializer::Serializers;
use apsched_tests::{Entry, Errand, Line, Load, Moment, Side, Springs, Trap};

use super::account;
use super::client::{Client, KEEP};
use super::fire_times;
use super::fleet::Fleet;
use super::record::Story;
use super::site::Ground;
use super::verdict::Verdict;

const SCHEDULES: usize = 12;

/// What the user has written last.
#[derive(Clone, Debug, PartialEq)]
enum Written {
    /// It fires, with this number.
    Active(u64),
    /// It is paused, and was like this when it was.
    Paused(u64, String),
    Removed,
}

/// The time between two edits of a schedule.
#[derive(Debug)]
struct Era {
    from: Moment,
    to: Moment,
    written: Written,
}

/// A user who edits schedules.
struct User<'c> {
    client: &'c Client,
    random: fastrand::Rng,
    definitions: u64,
    /// What was written last of each schedule, and when.
    last: Vec<(Moment, Written)>,
    eras: BTreeMap<String, Vec<Era>>,
    overwritten: Vec<String>,
}

/// Where some workers stand still again and again: with claims, and with plans.
const TRAPS: [Option<(&str, Side)>; 4] =
    [Some(("acquire_schedules", Side::After)), Some(("release_schedules", Side::Before)), None, None];

/// Schedules are edited at random, most of all while somebody stands still with them, and processes are killed.
pub(crate) async fn what_a_user_wrote_last_stays(ground: Ground, seed: u64) -> Verdict {
    let (mut fleet, client) = (Fleet::new(), Client::of(&ground).await);
    for trap in TRAPS {
        let trap = trap.map(|(operation, side)| Trap {
            after_calls: 3,
            springs: Springs::AgainAndAgain,
            ..super::freezing_once(operation, side)
        });
        let tasks = fire_times::tasks();
        fleet.start(Errand { trap, tasks, ..Errand::at(&ground.url, &ground.prefix) });
    }
    fleet.wait_until_up().await;
    let mut user = User::new(&client, seed);
    user.add_all().await;
    let over_at = Moment::now() + super::load_time();
    while Moment::now() < over_at {
        let goal = fleet.record.story().lines + user.random.usize(1..30);
        fleet.record.wait(Duration::from_millis(50), |story| story.lines >= goal).await;
        user.edit_some(1).await;
        for number in 0..TRAPS.len() {
            if fleet.has_frozen_itself(number) {
                user.edit_some(SCHEDULES / 2).await;
                fleet.thaw(number);
            }
        }
        if user.random.u32(0..20) == 0 {
            let number = user.random.usize(0..TRAPS.len());
            fleet.kill(number).await;
            fleet.restart(number);
        }
    }
    user.remove_all().await;
    for number in 0..TRAPS.len() {
        fleet.kill(number).await;
        fleet.workers[number].errand.trap = None;
        fleet.restart(number);
    }
    client.until_no_job_is_left().await;

    let (eras, overwritten) = (user.eras, user.overwritten);
    let (kills, freezes) = (fleet.kills, fleet.freezes);
    let mut verdict = Verdict::of(fleet.end().await);
    judge(&client, &eras, &mut verdict).await;
    account::judge(&client, &fire_times::tasks(), &mut verdict).await;
    verdict.none_of("overwritten edits", overwritten);
    verdict.count("kills", kills);
    verdict.count("freezes", freezes);
    verdict
}

impl<'c> User<'c> {
    fn new(client: &'c Client, seed: u64) -> Self {
        Self {
            client,
            random: fastrand::Rng::with_seed(seed),
            definitions: 0,
            last: vec![(Moment::now(), Written::Removed); SCHEDULES],
            eras: BTreeMap::new(),
            overwritten: Vec::new(),
        }
    }

    async fn add_all(&mut self) {
        for schedule in 0..SCHEDULES {
            self.edit(schedule).await;
        }
    }

    async fn edit_some(&mut self, count: usize) {
        for _ in 0..count {
            let schedule = self.random.usize(0..SCHEDULES);
            self.edit(schedule).await;
        }
    }

    async fn remove_all(&mut self) {
        for schedule in 0..SCHEDULES {
            if self.last[schedule].1 != Written::Removed {
                let asked_at = Moment::now();
                let removed = self.client.scheduler.remove_schedule(id(schedule)).await;
                removed.expect("it is there");
                self.turn(schedule, asked_at, Written::Removed);
            }
        }
    }

    /// Makes an edit that is possible now; looks before whether the last one still stands.
    async fn edit(&mut self, schedule: usize) {
        let before = self.last[schedule].1.clone();
        self.look(schedule, &before).await;
        self.definitions += 1;
        let number = self.definitions;
        let trigger = IntervalTrigger::every(Duration::from_millis(self.random.u64(1..4) * 50));
        let load = Load::numbered(number);
        let (scheduler, id) = (&self.client.scheduler, id(schedule));
        let add = || {
            let added = scheduler.add_schedule(Load::task("tick"), load, trigger).id(&id);
            added.overlap(Overlap::Queue).keep_results(KEEP)
        };
        let asked_at = Moment::now();
        let written = match (before, self.random.u32(0..5)) {
            (Written::Removed, _) => {
                add().await.expect("there is none of this id");
                Written::Active(number)
            }
            (_, 0) => {
                scheduler.remove_schedule(&id).await.expect("it is there");
                Written::Removed
            }
            (_, 1) => {
                add().conflict_policy(ConflictPolicy::Replace).await.expect("it may be replaced");
                Written::Active(number)
            }
            (Written::Paused(..), 2) => {
                let payload = scheduler.update_schedule(&id).trigger(trigger).payload(load);
                payload.await.expect("it is there");
                Written::Paused(number, self.read(&id).await)
            }
            (Written::Paused(number, _), _) => {
                scheduler.unpause_schedule(&id).await.expect("it is there");
                Written::Active(number)
            }
            (Written::Active(_), 2) => {
                scheduler.update_schedule(&id).payload(load).await.expect("it is there");
                Written::Active(number)
            }
            (Written::Active(number), _) => {
                scheduler.pause_schedule(&id).await.expect("it is there");
                Written::Paused(number, self.read(&id).await)
            }
        };
        self.turn(schedule, asked_at, written);
    }

    /// An era ends and another begins.
    fn turn(&mut self, schedule: usize, asked_at: Moment, written: Written) {
        let (from, before) = std::mem::replace(&mut self.last[schedule], (Moment::now(), written));
        let era = Era { from, to: asked_at, written: before };
        self.eras.entry(id(schedule)).or_default().push(era);
    }

    /// Whether the user reads what was written last.
    async fn look(&mut self, schedule: usize, written: &Written) {
        let id = id(schedule);
        let found = self.client.scheduler.schedule(&id).await.ok();
        let stands = match (written, &found) {
            (Written::Removed, None) => true,
            (Written::Active(number), Some(found)) => {
                found.state == ScheduleState::Active && number_of(found) == *number
            }
            (Written::Paused(number, snapshot), Some(found)) => {
                *snapshot == format!("{found:?}") && number_of(found) == *number
            }
            _ => false,
        };
        if !stands {
            self.overwritten.push(format!("{id}: {written:?} was written, and {found:?} is there"));
        }
    }

    async fn read(&self, id: &str) -> String {
        format!("{:?}", self.client.scheduler.schedule(id).await.expect("it is there"))
    }
}

fn id(schedule: usize) -> String {
    format!("edited-{schedule}")
}

fn number_of(schedule: &Schedule) -> u64 {
    let load = schedule.payload.clone().into_value::<Load>(&Serializers::default());
    load.expect("the schedules of the test have loads").number
}

/// Compares what was written in each era with what its definition allows.
async fn judge(client: &Client, eras: &BTreeMap<String, Vec<Era>>, verdict: &mut Verdict) {
    let plans: Vec<(Moment, String, u64, JobId)> = {
        let lines = verdict.story().all_lines().into_iter();
        let plan = |(_, line): (_, &Line)| match &line.1 {
            Entry::Planned { schedule, number, job, .. } => {
                Some((line.0, schedule.to_string(), *number, *job))
            }
            _ => None,
        };
        lines.filter_map(plan).collect()
    };
    let statuses = client.statuses(plans.iter().map(|plan| plan.3)).await;
    let (mut stale, mut fires) = (Vec::new(), 0);
    for (at, schedule, number, job) in &plans {
        if matches!(statuses[job], JobStatus::Unknown) {
            continue;
        }
        fires += 1;
        let era = eras[schedule].iter().find(|era| era.from < *at && *at < era.to);
        let is_allowed = |era: &Era| era.written == Written::Active(*number);
        if era.is_some_and(|era| !is_allowed(era)) {
            let told = verdict.story().told_of(*job);
            stale.push(format!("{schedule} had number {number} written at {at}, in {era:?}\n{told}"));
        }
    }
    verdict.count("edits", eras.values().map(Vec::len).sum());
    verdict.count("fires", fires);
    verdict.none_of("stale definitions that fired", stale);
}

/// What is done to schedules while somebody has them in hand.
const EDITS: [&str; 4] = ["pause", "update", "replace", "remove"];

/// The same for certain: a worker stands still with claims, or with plans, while the schedules are edited.
pub(crate) async fn an_edit_in_the_middle_of_a_plan_stays(ground: Ground, _seed: u64) -> Verdict {
    let (mut fleet, client) = (Fleet::new(), Client::of(&ground).await);
    let (mut changed, mut refused) = (Vec::new(), 0);
    for (operation, side) in [("acquire_schedules", Side::After), ("release_schedules", Side::Before)] {
        add_due(&client).await;
        let trap = super::freezing_once(operation, side);
        let tasks = fire_times::tasks();
        let errand = Errand { trap: Some(trap), tasks, ..Errand::at(&ground.url, &ground.prefix) };
        let number = fleet.start(errand);
        fleet.wait_for_freeze(number).await;
        edit_all(&client).await;
        let before = snapshot(&client).await;

        let (run, lines) = fleet.mark(number);
        fleet.thaw(number);
        let is_refused = |line: &Line| matches!(line.1, Entry::RefusedSchedule(_));
        let refusals =
            move |story: &Story| story.run(run).lines[lines..].iter().filter(|line| is_refused(line)).count();
        fleet.record.until("the plans are refused", |story| refusals(story) == EDITS.len()).await;

        refused += refusals(&fleet.record.story());
        let after = snapshot(&client).await;
        if before != after {
            changed.push(format!("{operation}: {before:?} became {after:?}"));
        }
        changed.extend(client.jobs().await.into_iter().map(|job| format!("{operation}: made {job:?}")));
        fleet.kill(number).await;
        for schedule in client.schedules().await {
            client.scheduler.remove_schedule(&schedule.id).await.expect("it is there");
        }
    }
    let freezes = fleet.freezes;
    let mut verdict = Verdict::of(fleet.end().await);
    verdict.count("freezes", freezes);
    verdict.count("refused advances", refused);
    verdict.none_of("stale writes", changed);
    verdict
}

/// Schedules that are due at once.
async fn add_due(client: &Client) {
    let past = SystemClock.now() - TimeDelta::seconds(1);
    for id in EDITS {
        let trigger = IntervalTrigger::every(Duration::from_millis(100)).starting_at(past);
        let added = client.scheduler.add_schedule(Load::task("tick"), Load::numbered(0), trigger);
        added.id(id).coalesce(Coalesce::All).await.expect("the schedule is right");
    }
}

/// None of them is due afterwards.
async fn edit_all(client: &Client) {
    let (scheduler, load) = (&client.scheduler, Load::numbered(1));
    let later = DateTrigger::at(SystemClock.now() + TimeDelta::days(1));
    scheduler.pause_schedule("pause").await.expect("it is there");
    scheduler.update_schedule("update").trigger(later).payload(load).await.expect("it is there");
    let replaced = scheduler.add_schedule(Load::task("tick"), load, later).id("replace");
    replaced.conflict_policy(ConflictPolicy::Replace).await.expect("it may be replaced");
    scheduler.remove_schedule("remove").await.expect("it is there");
}

async fn snapshot(client: &Client) -> Vec<String> {
    client.schedules().await.into_iter().map(|schedule| format!("{schedule:?}")).collect()
}
