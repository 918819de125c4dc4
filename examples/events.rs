//! Events: what a scheduler tells while it works, and four ways to listen.
//!
//! cargo run --example events

use apsched::broker::EventItem;
use apsched::prelude::*;

/// Divides, which does not always work.
#[apsched::task]
async fn divide((a, b): (i32, i32)) -> Result<i32, JobError> {
    a.checked_div(b).ok_or_else(|| JobError::new("division by zero"))
}

/// Takes longer than its schedule's interval.
#[apsched::task]
async fn slow() {
    tokio::time::sleep(700.milliseconds()).await;
}

#[tokio::main]
async fn main() -> apsched::Result<()> {
    let scheduler = Scheduler::builder().task(divide).task(slow).identity("example").build()?;

    // 1. A callback for one type of event, for as long as the subscription is kept. `subscribe_async` for one that
    //    awaits, `subscribe_blocking` for one that blocks.
    let failures = scheduler.subscribe(|job: &JobReleased| {
        if job.outcome == JobOutcome::Error {
            println!("callback  the job {} failed", job.job_id);
        }
    });

    // 2. A callback for the next event only.
    scheduler
        .subscribe_once(|added: &ScheduleAdded| println!("once      {} was added", added.schedule_id))
        .detach();

    // 3. The next event, awaited; it listens from here on.
    let started = scheduler.next_event::<SchedulerStarted>();

    // 4. Every event, as a stream. A reader that is too slow loses events, and is told how many.
    let mut events = scheduler.events();
    let reader = tokio::spawn(async move {
        while let Some(item) = events.next().await {
            match item {
                EventItem::Event(Event::Wakeup(_)) => {} // between schedulers
                EventItem::Event(event) => println!("stream    {event}"),
                EventItem::Lagged(lost) => {
                    println!("stream    … {lost} events lost: ask the scheduler how things stand")
                }
            }
        }
    });

    scheduler.start_in_background().await?;
    println!("awaited   {} has started", started.await?.scheduler_id);
    tokio::time::sleep(100.milliseconds()).await;
    println!("\nA job that succeeds and one that fails:");
    scheduler.add_job(divide, (6, 3)).await?;
    let failing = scheduler.add_job(divide, (1, 0)).keep_result(1.minutes()).await?;
    _ = failing.result().await;
    tokio::time::sleep(100.milliseconds()).await;
    drop(failures); // ends the callback

    println!("\nA schedule that fires again while its job still runs, so that fire times are skipped:");
    let every_half_second = IntervalTrigger::every(500.milliseconds());
    scheduler.add_schedule(slow, (), every_half_second).id("slow").max_fires(3).await?;
    tokio::time::sleep(2.seconds()).await;

    println!("\nThe end:");
    scheduler.shutdown(1.seconds()).await;
    tokio::time::sleep(100.milliseconds()).await;
    reader.abort();
    Ok(())
}
