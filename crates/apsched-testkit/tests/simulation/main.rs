//! The guarantees on the store in memory, family by family.

use apsched_core::MemoryStore;
use apsched_testkit::simulation::{self, Family, Seeds};

/// Seeds of each family in a plain test run; `APSCHED_SEEDS` runs more.
const SEEDS: u64 = 20;

fn hold(family: Family) {
    let seeds = Seeds::from_env(SEEDS).unwrap();
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
