//! What the first page promises, through the facade alone.

use std::time::Duration;

use apsched::prelude::*;

/// Says hello.
#[apsched::task]
async fn greet(name: String) -> String {
    format!("hello {name}")
}

/// Counts letters, on a thread.
#[apsched::task(id = "count_letters", max_running_jobs = 4, timeout = "30s")]
fn count(word: String, job: JobContext) -> Result<usize, JobError> {
    assert_eq!(job.task_id().as_str(), "count_letters");
    Ok(word.len())
}

#[tokio::test]
async fn functions_marked_as_tasks_run_by_their_own_name() {
    let scheduler = Scheduler::builder().task(greet).task(count).start_in_background().await.unwrap();
    assert_eq!(scheduler.run_job(greet, "Ada".into()).await.unwrap(), "hello Ada");
    assert_eq!(scheduler.run_job(count, "seven".into()).await.unwrap(), 5);
    let task = scheduler
        .tasks()
        .await
        .unwrap()
        .into_iter()
        .find(|task| task.id.as_str() == "count_letters")
        .unwrap();
    assert_eq!((task.max_running_jobs, task.timeout), (Some(4), Some(Duration::from_secs(30))));
    assert_eq!(task.job_executor.as_str(), "threadpool");
    scheduler.shutdown(Duration::from_secs(60)).await;
}

#[test]
fn the_same_runs_without_async() {
    let scheduler = apsched::blocking::Scheduler::builder(|builder| builder.task(greet).task(count));
    let scheduler = scheduler.start_in_background().unwrap();
    assert_eq!(scheduler.run_job(greet, "Ada".into()).unwrap(), "hello Ada");
    let job = scheduler.add_job_with(count, "nine".into(), |job| job.keep_result(Duration::from_secs(60)));
    assert_eq!(job.unwrap().result(Duration::from_secs(60)).unwrap(), 4);
    scheduler.shutdown(Duration::from_secs(60));
}

#[tokio::test]
async fn a_main_that_fails_prints_what_a_person_can_read() {
    let error = Scheduler::builder().identity("").build().unwrap_err();
    assert_eq!(format!("{error:?}"), format!("{error}"));
}
