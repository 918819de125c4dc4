//! A schedule that fires each second, a job with a typed result, and a clean stop.
//!
//! cargo run --example quickstart

use apsched::prelude::*;

/// A task: the attribute gives the function a name, a handler and, if you like, settings.
#[apsched::task]
async fn greet(name: String) -> String {
    format!("hello {name}")
}

/// A task that wants to know about the job it runs for.
#[apsched::task]
async fn tick(job: JobContext) {
    let fire_time = job.fire_time().expect("only the schedule below runs it");
    let late = (job.now() - fire_time).as_seconds_f64() * 1_000.0;
    println!("schedule  fired at {}, ran {late:.1} ms later", fire_time.format("%H:%M:%S%.3f"));
}

#[tokio::main]
async fn main() -> apsched::Result<()> {
    // Everything in memory, with every default: nothing to install, nothing to configure.
    let scheduler = Scheduler::builder().task(greet).task(tick).start_in_background().await?;

    // A job: runs now, and comes back as what `greet` returns.
    let greeting: String = scheduler.run_job(greet, "Ada".to_owned()).await?;
    println!("job       greet(\"Ada\") returned {greeting:?}");

    // A trigger is a value: it can be asked without a scheduler, and says in English what it means.
    let weekdays = CronTrigger::from_crontab("0 9 * * mon-fri")?.with_timezone(Tz::Europe__Berlin);
    println!("trigger   {}", weekdays.describe());
    for fire_time in weekdays.preview(2)? {
        println!(
            "          {}",
            fire_time.with_timezone(&Tz::Europe__Berlin).format("%A, %-d %B %Y at %H:%M %Z")
        );
    }

    // A schedule: a task, what it is given (`tick` takes nothing), and a trigger.
    let id = scheduler.add_schedule(tick, (), IntervalTrigger::every(1.seconds())).await?;

    // A program would just `run_until_stopped()`: Ctrl-C or SIGTERM ends it. This one has seen enough soon.
    let enough = Duration::from_millis(3_500);
    tokio::time::timeout(enough, scheduler.run_until_stopped()).await.unwrap_or(Ok(()))?;

    // Nothing new is taken, running jobs may finish for 5 seconds, and nothing is left behind.
    scheduler.shutdown(5.seconds()).await;
    println!("stopped   cleanly, after {} fires", scheduler.schedule(&id).await?.fires);
    Ok(())
}
