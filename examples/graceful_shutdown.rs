//! What a stop means for the jobs that run: one finishes, one tidies up, one goes on another day.
//!
//! cargo run --example graceful_shutdown

use std::time::Instant;

use apsched::prelude::*;

/// Prints with the time since the start; what the handlers share.
#[derive(Clone)]
struct Log(Instant);

impl Log {
    fn say(&self, text: impl std::fmt::Display) {
        println!("{:.1} s  {text}", self.0.elapsed().as_secs_f32());
    }
}

/// Takes one second: less than the drain timeout below, so a stop does not touch it.
#[apsched::task]
async fn short(State(log): State<Log>) -> String {
    tokio::time::sleep(1.seconds()).await;
    log.say("short     is done");
    "all of it".to_owned()
}

/// Takes a minute, but listens: when it is told to stop, it keeps what it has.
#[apsched::task]
async fn attentive(job: JobContext, State(log): State<Log>) -> String {
    tokio::select! {
        () = tokio::time::sleep(1.minutes()) => "all of it".to_owned(),
        reason = job.cancelled() => {
            log.say(format_args!("attentive is told to stop ({reason:?}), and keeps what it has"));
            "half of it".to_owned()
        }
    }
}

/// Takes a minute and does not listen: it is dropped, and as an attempt is left, another scheduler may run it again.
#[apsched::task(retry = 2)]
async fn deaf() -> String {
    tokio::time::sleep(1.minutes()).await;
    "all of it".to_owned()
}

#[tokio::main]
async fn main() -> apsched::Result<()> {
    let log = Log(Instant::now());
    let tasks = Tasks::new().add(short).add(attentive).add(deaf).with_state(log.clone());
    let scheduler = Scheduler::builder()
        .tasks(tasks)
        .drain_timeout(1_500.milliseconds()) // running jobs may finish for so long …
        .cancel_grace_period(500.milliseconds()) // … then they are told to stop, and have this to tidy up
        .start_in_background()
        .await?;
    let jobs = [
        ("short", scheduler.add_job(short, ()).keep_result(1.hours()).await?),
        ("attentive", scheduler.add_job(attentive, ()).keep_result(1.hours()).await?),
        ("deaf", scheduler.add_job(deaf, ()).keep_result(1.hours()).await?),
    ];
    log.say("three jobs run; press Ctrl-C, or wait for half a second");

    // Ctrl-C and SIGTERM stop it as well.
    if tokio::time::timeout(500.milliseconds(), scheduler.run_until_stopped()).await.is_err() {
        log.say("stop: nothing new is taken");
        scheduler.stop();
        scheduler.wait_until_stopped().await;
    }
    log.say("stopped: every job is accounted for\n");
    for (name, job) in jobs {
        match job.status().await? {
            JobStatus::Finished(_) => println!("{name}: {}", job.result().await?),
            JobStatus::Active(job) => {
                println!("{name}: {} again, for attempt {}", job.state(), job.attempt + 1)
            }
            JobStatus::Unknown => println!("{name}: lost, which does not happen"),
        }
    }
    Ok(())
}
