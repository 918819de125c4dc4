//! A scheduler that writes down all it does, for tests that kill it, freeze it and cut it off.
//!
//! Its argument is an [`Errand`](apsched_tests::Errand), its standard output the [`Ledger`](apsched_tests::Ledger). It ends
//! by SIGTERM, as programs with a scheduler do, and when nobody reads its ledger any more.

#[cfg(unix)]
mod handler;
#[cfg(unix)]
mod production;
#[cfg(unix)]
mod shifted_clock;
#[cfg(unix)]
mod trap;
#[cfg(unix)]
mod witnessed_store;
#[cfg(unix)]
mod work;

#[cfg(unix)]
#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let errand = std::env::args().nth(1).ok_or("expected an errand as the argument")?;
    work::work(serde_json::from_str(&errand)?).await
}

#[cfg(not(unix))]
fn main() {}
