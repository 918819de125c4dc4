//! A producer and a worker, two programs: the producer knows what a task is called, what goes in and what comes out, the worker how
//! it is done. They share a database and nothing else, and neither waits for the other to be there.
//!
//! cargo run --example separate_worker --features sqlite -- producer jobs.db   # adds jobs and waits for their results
//! cargo run --example separate_worker --features sqlite -- worker jobs.db     # in another terminal; Ctrl-C ends it
//! cargo run --example separate_worker --features sqlite                       # or both by itself

use std::path::Path;
use std::process::{Child, Command};

use apsched::prelude::*;

/// What both programs know of the task; a crate of types that both depend on is the place for it.
const COUNT_WORDS: Task<String, usize> = Task::new("count-words");

const TEXTS: [&str; 3] = ["to be or not to be", "nothing will come of nothing", "the rest is silence"];

/// A web server would do the same for each request, and need not wait for the results.
async fn produce(database: &Path) -> anyhow::Result<()> {
    let store = SqlDataStore::open(&url(database))?;
    let producer = Scheduler::builder().data_store(store).build()?; // never started, so it runs nothing
    let mut jobs = Vec::new();
    for text in TEXTS {
        jobs.push(producer.add_job(COUNT_WORDS, text.to_owned()).keep_result(10.minutes()).await?);
    }
    println!("producer {} has added {} jobs", std::process::id(), jobs.len());
    for (text, job) in TEXTS.iter().zip(jobs) {
        let words = job.result().await?;
        println!("{text:?} has {words} words");
        anyhow::ensure!(words == text.split(' ').count(), "the worker cannot count");
    }
    Ok(())
}

/// Without an event broker it is told of nothing: it looks at the database, here five times a second.
async fn work(database: &Path) -> anyhow::Result<()> {
    let tasks = Tasks::<()>::new().task(COUNT_WORDS, async |text: String| {
        println!("worker {} counts the words of {text:?}", std::process::id());
        text.split_whitespace().count()
    });
    let worker = Scheduler::builder()
        .data_store(SqlDataStore::open(&url(database))?)
        .role(Role::Worker)
        .tasks(tasks)
        .poll_interval(200.milliseconds())
        .build()?;
    Ok(worker.run_until_stopped().await?)
}

fn url(database: &Path) -> String {
    format!("sqlite:{}?mode=rwc", database.display())
}

/// The jobs are in the database before a worker is there.
fn play() -> anyhow::Result<()> {
    let directory = std::env::temp_dir().join(format!("apsched-worker-{}", std::process::id()));
    std::fs::create_dir(&directory)?;
    let this = std::env::current_exe()?;
    let start = |role: &str| -> std::io::Result<Child> {
        Command::new(&this).args([role.as_ref(), directory.join("jobs.db").as_os_str()]).spawn()
    };
    let mut producer = start("producer")?;
    let mut worker = start("worker")?;
    let results = producer.wait()?;
    worker.kill()?; // it has nothing left to do
    worker.wait()?;
    std::fs::remove_dir_all(directory)?;
    anyhow::ensure!(results.success(), "the producer ended with {results}");
    Ok(())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["producer", database] => produce(database.as_ref()).await,
        ["worker", database] => work(database.as_ref()).await,
        _ => play(),
    }
}
