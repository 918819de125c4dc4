//! The life of a worker.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use apsched::chrono::TimeDelta;
use apsched::event::{Health, SchedulerStarted};
use apsched::prelude::*;
use apsched_tests::{Entry, Errand, Ledger, open_store};

use crate::handler;
use crate::production::produce;
use crate::shifted_clock::ShiftedClock;
use crate::witnessed_store::WitnessedStore;

pub(crate) async fn work(errand: Errand) -> Result<(), Box<dyn Error>> {
    let ledger = Arc::new(Ledger::on_stdout()?);
    let acquire_timeout = Duration::from_millis(errand.acquire_timeout_millis);
    let store = open_store(&errand.url, &errand.prefix, errand.most_connections, acquire_timeout)?;
    let scheduler =
        scheduler(&errand, WitnessedStore::new(store, errand.trap.clone(), ledger.clone()), &ledger)?;
    let _health = {
        let ledger = ledger.clone();
        scheduler.subscribe(move |event: &StoreHealthChanged| {
            ledger.write(Entry::Health(match &event.health {
                Health::Healthy => None,
                Health::Unhealthy(reason) => Some(reason.clone()),
            }));
        })
    };
    let _start = {
        let ledger = ledger.clone();
        scheduler.subscribe(move |event: &SchedulerStarted| {
            ledger.write(Entry::Up(event.scheduler_id.clone()));
        })
    };
    if let Some(production) = &errand.production {
        tokio::spawn(produce(scheduler.clone(), production.clone(), ledger.clone()));
    }
    if errand.role().is_none() {
        std::future::pending::<()>().await;
    }
    // Whoever starts a program while its database is away starts it again.
    while let Err(error) = scheduler.run_until_stopped().await {
        ledger.write(Entry::Health(Some(error.to_string())));
        let _ = tokio::time::timeout(Duration::from_millis(100), std::future::pending::<()>()).await;
    }
    ledger.write(Entry::Stopped);
    Ok(())
}

fn scheduler(errand: &Errand, store: WitnessedStore, ledger: &Arc<Ledger>) -> apsched::Result<Scheduler> {
    let mut builder = Scheduler::builder()
        .data_store(store)
        .clock(ShiftedClock::new(TimeDelta::milliseconds(errand.clock_ahead_millis)))
        .tasks(handler::tasks(&errand.tasks, ledger))
        .lease_duration(Duration::from_millis(errand.lease_millis))
        .poll_interval(Duration::from_millis(errand.poll_millis))
        .drain_timeout(Duration::from_millis(errand.drain_millis))
        .cancel_grace_period(Duration::ZERO)
        .max_concurrent_jobs(errand.most_jobs);
    if let Some(role) = errand.role() {
        builder = builder.role(role);
    }
    if let Some(identity) = &errand.identity {
        builder = builder.identity(identity);
    }
    builder.build()
}
