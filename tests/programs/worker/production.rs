//! Jobs that the worker adds, batch after batch.

use std::sync::Arc;
use std::time::Duration;

use apsched::Scheduler;
use apsched_tests::{Entry, Ledger, Load, Production};

/// Longer than any test.
const KEEP: Duration = Duration::from_secs(24 * 3600);

pub(crate) async fn produce(scheduler: Scheduler, production: Production, ledger: Arc<Ledger>) {
    let mut added = 0;
    for task in production.tasks.iter().cycle() {
        if added == production.jobs {
            break;
        }
        let batch = production.batch.min(production.jobs - added);
        let loads = (added..added + batch).map(|number| Load::numbered(number).lasting(production.millis));
        match scheduler.add_jobs(Load::task(task), loads).keep_result(KEEP).await {
            Ok(jobs) => {
                added += batch;
                ledger.write(Entry::Added(jobs));
            }
            // The store is away; a producer tries again, with other jobs.
            Err(error) => ledger.write(Entry::Health(Some(error.to_string()))),
        }
    }
    ledger.write(Entry::Produced);
}
