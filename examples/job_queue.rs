//! A job queue: results, retries, cancelling, and progress as bars on the terminal.
//!
//! cargo run --example job_queue

use apsched::prelude::*;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// Fails twice, as a flaky server would. Up to five attempts, 1 s, 2 s, 4 s … apart, unless the error says otherwise.
#[apsched::task(retry = 5)]
async fn download(file: String, job: JobContext) -> Result<usize, JobError> {
    match job.attempt() {
        attempt @ 1..=2 => {
            println!("  download, attempt {attempt}: connection reset");
            Err(JobError::new("connection reset").retry_after(300.milliseconds()))
        }
        _ => Ok(1_000 * file.len()),
    }
}

/// Says how far it is, and stops soon when it is told to. Two run at once; more wait in the queue.
#[apsched::task(max_running_jobs = 2)]
async fn render(film: String, job: JobContext) -> Result<String, JobError> {
    for frame in 1..=30_u8 {
        tokio::select! {
            reason = job.cancelled() => return Err(JobError::new(format!("stopped at frame {frame}: {reason:?}"))),
            () = tokio::time::sleep(50.milliseconds()) => {} // hard work
        }
        job.progress(f32::from(frame) / 30.0, format!("frame {frame}")).await?;
    }
    Ok(format!("{film}.mp4"))
}

/// Moves the bar of a job until its end, and gives its result.
async fn follow(job: JobHandle<String>, bar: ProgressBar) -> apsched::Result<String> {
    let mut result = std::pin::pin!(job.result().into_future());
    loop {
        tokio::select! {
            result = &mut result => {
                if result.is_ok() { bar.finish_with_message("done") } else { bar.abandon_with_message("not done") }
                return result;
            }
            () = tokio::time::sleep(50.milliseconds()) => {
                if let Some(Progress { fraction, message, .. }) = job.progress().await? {
                    bar.set_position((fraction * 100.0) as u64);
                    bar.set_message(message);
                }
            }
        }
    }
}

#[tokio::main]
async fn main() -> apsched::Result<()> {
    let scheduler = Scheduler::builder().task(download).task(render).start_in_background().await?;

    println!("A job that fails is tried again, and its result is typed:");
    let bytes: usize = scheduler.run_job(download, "film.raw".to_owned()).await?;
    println!("  download, attempt 3: {bytes} bytes\n");

    println!("Three jobs, two at a time, and one of them is cancelled after a second:");
    let style =
        ProgressStyle::with_template("  {prefix:10} {bar:40} {pos:>3} % {msg}").expect("a valid template");
    let bars = MultiProgress::new();
    let mut following = Vec::new();
    for film in ["Metropolis", "Nosferatu", "M"] {
        let job = scheduler.add_job(render, film.to_owned()).keep_result(1.minutes()).await?;
        let bar = bars.add(ProgressBar::new(100).with_prefix(film).with_style(style.clone()));
        following.push((film, job.clone(), tokio::spawn(follow(job, bar))));
    }
    tokio::time::sleep(1.seconds()).await;
    following[1].1.cancel().await?;
    for (film, _, result) in following {
        let result = result.await.expect("it does not panic").unwrap_or_else(|error| error.to_string());
        bars.suspend(|| println!("  {film}: {result}"));
    }
    scheduler.shutdown(1.seconds()).await;
    Ok(())
}
