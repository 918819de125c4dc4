//! Several runtimes on one handle: what becomes of one of them concerns nobody else.

use std::time::Duration;

use apsched_core::Job;
use futures_util::FutureExt;
use futures_util::future::join_all;
use tokio::runtime::{Builder, Runtime};

use crate::conformance::store::StoreHarness;
use crate::conformance::store::process::Process;
use crate::sample;

/// Much longer than any of these calls takes, shorter than a server that does not answer is waited for.
const PATIENCE: Duration = Duration::from_secs(15);

/// Calls at once: more than a pool has connections, as far as it is ours.
const CALLS: usize = 12;

pub(crate) async fn a_runtime_that_stands_still_holds_up_nobody(harness: &dyn StoreHarness) {
    let (a, still) = used_by_another_runtime(harness);

    check_that_all_is_well(&a).await;

    still.shutdown_background();
}

pub(crate) async fn a_runtime_that_has_ended_holds_up_nobody(harness: &dyn StoreHarness) {
    let (a, ended) = used_by_another_runtime(harness);

    ended.shutdown_background();

    check_that_all_is_well(&a).await;
}

fn jobs() -> Vec<Job> {
    vec![sample::job().build()]
}

/// Writes and reads by all connections that there may be.
async fn use_store(a: &Process) {
    join_all((0..CALLS).map(|_| a.add_jobs(jobs()))).await;
    join_all((0..CALLS).map(|_| a.job_ids())).await;
}

/// Starts a store in a runtime of its own, uses it there, and at last asks for what is not waited for: the runtime stands still then.
fn used_by_another_runtime(harness: &dyn StoreHarness) -> (Process, Runtime) {
    std::thread::scope(|scope| {
        let used = scope.spawn(|| {
            let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
            let a = runtime.block_on(async {
                let a = Process::start(harness, "a").await;
                use_store(&a).await;
                // Begun, and seldom done at once.
                let _ = a.job_ids().now_or_never();
                let _ = a.add_jobs(jobs()).now_or_never();
                a
            });
            (a, runtime)
        });
        used.join().expect("the store can be used")
    })
}

async fn check_that_all_is_well(a: &Process) {
    for _ in 0..CALLS {
        let used = tokio::time::timeout(PATIENCE, use_store(a)).await;
        used.expect("nobody waits for a runtime that is not his own");
    }
    assert!(a.job_ids().await.len() >= CALLS * (1 + CALLS), "what both runtimes added is there");
}
