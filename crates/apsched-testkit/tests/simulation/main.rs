//! The guarantees on the store in memory, family by family; and that a store that breaks a rule is found out.

mod broken;
mod mutation;

use apsched_core::MemoryStore;
use apsched_testkit::simulation::{self, Family, Seeds};

use crate::broken::Broken;
use crate::mutation::Mutation;

/// Seeds of each family in a plain test run; `APSCHED_SEEDS` runs more.
const SEEDS: u64 = 50;

#[expect(clippy::print_stdout, reason = "a run says how many seeds it was, and what they went through")]
fn hold(family: Family) {
    let seeds = Seeds::from_env(SEEDS).expect("numbers in the environment");
    match simulation::run(family, seeds, MemoryStore::new) {
        Ok(summary) => println!("{family}: {summary}"),
        Err(breach) => panic!("{breach}"),
    }
}

macro_rules! families {
    ($($name:ident: $family:ident),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                hold(Family::$family);
            }
        )*

        #[test]
        fn every_family_has_its_test() {
            assert_eq!([$(Family::$family),*], Family::ALL);
            assert_eq!([$(stringify!($name)),*], Family::ALL.map(Family::as_str));
        }
    };
}

families! {
    calm: Calm,
    every_fire_time: EveryFireTime,
    coalescing: Coalescing,
    edits: Edits,
    takeover: Takeover,
    frozen: Frozen,
    clock_steps: ClockSteps,
    outages: Outages,
    stops: Stops,
    saturation: Saturation,
    idle: Idle,
    everything: Everything,
}

/// Most seeds that it may take to find a mutation.
const SEEDS_TO_FIND: u64 = 50;

/// Runs one family on a store with this mutation, up to the breach.
fn find(mutation: Mutation, family: Family) -> Option<Box<simulation::Breach>> {
    simulation::run(family, Seeds::first(SEEDS_TO_FIND), || Broken::new(MemoryStore::new(), mutation)).err()
}

#[test]
fn every_mutation_is_found() {
    let mut missed = Vec::new();
    for (mutation, family, check) in Mutation::ALL {
        match find(mutation, family) {
            Some(breach) if breach.check == check => println!("{mutation:?}: found at seed {}", breach.seed),
            Some(breach) => missed.push(format!("{mutation:?}: expected {check}, found\n{breach}")),
            None => missed.push(format!("{mutation:?}: {family} did not find it in {SEEDS_TO_FIND} seeds")),
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn a_breach_tells_the_seed_the_check_the_last_events_and_the_command_to_see_it_again() {
    let breach = find(Mutation::ForgetsCancels, Family::Takeover).unwrap();
    let text = breach.to_string();
    let command = format!("again: APSCHED_SEED={} cargo test", breach.seed);
    assert!(text.contains(&command) && text.ends_with(" takeover"), "{text}");
    assert!(text.contains(&format!("seed {}: CancelHolds (guarantee 8)", breach.seed)), "{text}");
    assert!(breach.trace.last().is_some_and(|line| line.contains("user cancels")), "{text}");
    let again = simulation::simulate(breach.family, breach.seed, || {
        Broken::new(MemoryStore::new(), Mutation::ForgetsCancels)
    });
    assert_eq!(again.unwrap_err().to_string(), text, "the same seed tells the same story");
}
