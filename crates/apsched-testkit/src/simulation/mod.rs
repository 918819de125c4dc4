//! Proves the guarantees: several engines on one store, in virtual time, with everything that can go wrong.
//!
//! A scenario is drawn from a seed: nodes with their own clocks, a broker that loses, repeats and delays hints, users
//! who change their minds, and, by [`Family`], crashes before and after any store call, freezes longer than a lease,
//! clock steps, failing calls, outages and stops. Then faults end, and everything has to settle.
//!
//! A ledger of its own follows every call at the moment at which the store performs it, and works out what must be
//! true: which fire times became jobs, who holds what, how each job ended, what the user wrote last. What is compared
//! is named by [`Check`]. A [`Breach`] tells the seed, what was found, the last events, and the command that runs
//! this seed again.
//!
//! # Testing your store
//!
//! ```
//! use apsched_testkit::simulation::{self, Family, Seeds};
//! # use apsched_core::MemoryStore as MyStore;
//!
//! // One test for each family keeps a failure readable; here are all of them.
//! for family in Family::ALL {
//!     let seeds = Seeds::from_env(1)?; // APSCHED_SEEDS=10000 runs more, APSCHED_SEED=17 runs one again
//!     match simulation::run(family, seeds, MyStore::new) {
//!         Ok(summary) => println!("{family}: {summary}"),
//!         Err(breach) => panic!("{breach}"),
//!     }
//! }
//! # Ok::<(), simulation::SeedsError>(())
//! ```
//!
//! The futures of the store have to be ready at the first poll: there is no runtime, because time is virtual. A store
//! in memory or an embedded one that blocks is; a client of a server is not, and the simulation says so
//! ([`Check::StoreAnswers`]).
//!
//! What is deliberately not here: whether a store keeps its contract call by call, which is the conformance suite's
//! part, and real processes, threads and servers.

mod agenda;
mod breach;
mod family;
mod fault;
mod handler;
mod hint;
mod ledger;
mod probe;
mod process;
mod scenario;
mod seeds;
mod settling;
mod store_call;
mod stumbling;
mod summary;
mod trace;
mod user;
mod workload;
mod world;

use apsched_core::DataStore;
use fastrand::Rng;

pub use breach::{Breach, Check};
pub use family::Family;
pub use seeds::{Seeds, SeedsError};
pub use summary::Summary;

use breach::Violation;
use scenario::Scenario;
use trace::Trace;
use world::{Traced, World};

/// Runs many seeds of a family, each on a store of its own, up to the first breach.
///
/// ```
/// use apsched_core::MemoryStore;
/// use apsched_testkit::simulation::{self, Family, Seeds};
///
/// let summary = simulation::run(Family::Takeover, Seeds::first(2), MemoryStore::new)?;
/// assert_eq!(summary.seeds, 2);
/// # Ok::<(), Box<simulation::Breach>>(())
/// ```
///
/// # Errors
/// The first [`Breach`].
pub fn run<S: DataStore>(
    family: Family,
    seeds: Seeds,
    mut make_store: impl FnMut() -> S,
) -> Result<Summary, Box<Breach>> {
    seeds.map(|seed| simulate(family, seed, &mut make_store)).sum()
}

/// Runs one seed of a family on a new store.
///
/// After a breach the seed is run a second time, on another new store, to write down how it came to it.
///
/// # Errors
/// The [`Breach`] that was found.
pub fn simulate<S: DataStore>(
    family: Family,
    seed: u64,
    mut make_store: impl FnMut() -> S,
) -> Result<Summary, Box<Breach>> {
    let mut play = |traced| {
        let mut random = Rng::with_seed(seed.wrapping_mul(31).wrapping_add(family as u64));
        let scenario = Scenario::draw(family, &mut random);
        let mut world = World::new(scenario, random.u64(..), make_store(), traced);
        let end = world.run();
        (end, std::mem::replace(&mut world.trace, Trace::Off))
    };
    let Violation { check, what } = match play(Traced::No).0 {
        Ok(summary) => return Ok(summary),
        Err(violation) => violation,
    };
    let (again, trace) = play(Traced::Yes);
    let trace = if again.is_err() { trace.into_lines() } else { Vec::new() };
    Err(Box::new(Breach { family, seed, check, what, trace }))
}
