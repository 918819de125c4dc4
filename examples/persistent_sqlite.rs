//! Schedules and jobs that outlive the program: the second run catches up what came due after the first.
//!
//! cargo run --example persistent_sqlite --features sqlite              # and once more, whenever you like
//! cargo run --example persistent_sqlite --features sqlite -- --twice   # both runs, three seconds apart

use std::path::Path;
use std::process::Command;

use apsched::prelude::*;

/// Scheduled each second. What is missed while no program runs becomes one job, for the latest of the missed fire times.
#[apsched::task]
async fn tick(job: JobContext) {
    let fire_time = job.fire_time().expect("only the schedule below runs it");
    println!(
        "tick      of {}, {} ms late",
        fire_time.format("%T"),
        (job.now() - fire_time).num_milliseconds()
    );
}

/// Added at the end of each run, and due when that is over: the next run finds it in the queue.
#[apsched::task]
async fn remind(text: String, job: JobContext) {
    println!("reminder  {text:?}, due since {} s", (job.now() - job.run_at()).num_seconds());
}

async fn run(file: &Path) -> apsched::Result<()> {
    // The two lines that differ from a program that keeps everything in memory:
    let store = SqlDataStore::connect(&format!("sqlite:{}", file.display())).await?;
    let scheduler = Scheduler::builder().data_store(store).task(tick).task(remind).build()?;

    // It is not started yet, and can be asked what an earlier run has left.
    match scheduler.schedules().await?.first() {
        None => println!("start     with an empty file, {}", file.display()),
        Some(found) => {
            let next = found.next_fire_time.expect("it has no end");
            let missed = found.trigger.between(next, Utc::now()).count();
            let jobs = scheduler.jobs().queued().await?.len();
            println!(
                "start     found {} fires, {missed} missed since {}, {jobs} queued job",
                found.fires,
                next.format("%T")
            );
        }
    }

    // The same call in every run: a schedule that is there already, and the same, goes on where it was.
    scheduler
        .add_schedule(tick, (), IntervalTrigger::every(1.seconds()))
        .id("tick")
        .conflict_policy(ConflictPolicy::Update)
        .await?;
    scheduler.start_in_background().await?;

    // A program would just `run_until_stopped()`: Ctrl-C or SIGTERM ends it. This one has seen enough soon.
    tokio::time::timeout(3_500.milliseconds(), scheduler.run_until_stopped()).await.unwrap_or(Ok(()))?;
    scheduler.add_job(remind, "say good morning".to_owned()).delay(1.seconds()).await?;
    scheduler.shutdown(5.seconds()).await;
    println!("stop      after {} fires; run it again", scheduler.schedule("tick").await?.fires);
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::temp_dir().join("apsched-example-persistent.db");
    if std::env::args().nth(1).as_deref() != Some("--twice") {
        return Ok(run(&file).await?);
    }
    for file in ["", "-wal", "-shm"].map(|end| format!("{}{end}", file.display())) {
        _ = std::fs::remove_file(file); // begins anew, if there is one
    }
    let run_once = || Command::new(std::env::current_exe()?).status(); // a process of its own
    assert!(run_once()?.success());
    println!("          … no program runs for 3 seconds …");
    tokio::time::sleep(3.seconds()).await;
    assert!(run_once()?.success());
    Ok(())
}
