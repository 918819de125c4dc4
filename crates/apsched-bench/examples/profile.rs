#![allow(missing_docs, clippy::all, clippy::disallowed_methods, clippy::print_stdout)]
use apsched::{Scheduler, handler::Tasks, store::MemoryStore, task::Task};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
const NOTHING: Task = Task::new("nothing");
static DONE: AtomicUsize = AtomicUsize::new(0);
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let n: usize = args[2].parse().unwrap();
    let rounds: usize = args[3].parse().unwrap();
    let conc: usize = args.get(4).map_or(1000, |s| s.parse().unwrap());
    let workers: usize = args.get(5).map_or(2, |s| s.parse().unwrap());
    let rt =
        tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build().unwrap();
    let mode = args[1].clone();
    rt.block_on(async move {
        tokio::spawn(async move {
            let mut rates = vec![];
            for _ in 0..rounds {
                DONE.store(0, Ordering::SeqCst);
                let tasks = Tasks::<()>::new().task_with(
                    NOTHING,
                    async || {
                        DONE.fetch_add(1, Ordering::Relaxed);
                    },
                    |s| s.max_running_jobs(None),
                );
                let s = Scheduler::builder()
                    .data_store(MemoryStore::new())
                    .tasks(tasks)
                    .max_concurrent_jobs(conc)
                    .start_in_background()
                    .await
                    .unwrap();
                let t = Instant::now();
                let mut added = None;
                match &*mode {
                    "batch" => {
                        for _ in 0..n / 1000 {
                            s.add_jobs(NOTHING, std::iter::repeat_n((), 1000)).await.unwrap();
                        }
                    }
                    "paced" => {
                        for i in 0..n / 1000 {
                            s.add_jobs(NOTHING, std::iter::repeat_n((), 1000)).await.unwrap();
                            while DONE.load(Ordering::Relaxed) + 4000 < i * 1000 {
                                tokio::task::yield_now().await;
                            }
                        }
                    }
                    "add" => {
                        let p = t;
                        for _ in 0..n / 1000 {
                            s.add_jobs(NOTHING, std::iter::repeat_n((), 1000)).await.unwrap();
                        }
                        added = Some(p.elapsed());
                    }
                    _ => {
                        for _ in 0..n {
                            s.add_job(NOTHING, ()).await.unwrap();
                        }
                    }
                }
                while DONE.load(Ordering::Relaxed) < n {
                    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                }
                s.wait_until_idle().await;
                rates.push(n as f64 / t.elapsed().as_secs_f64());
                if let Some(a) = added {
                    println!("added after {:?} of {:?}", a, t.elapsed());
                }
                s.shutdown(std::time::Duration::ZERO).await;
            }
            rates.sort_by(f64::total_cmp);
            println!(
                "{mode} {n} conc {conc} workers {workers}: median {:.0} k/s  [{:.0} - {:.0}]",
                rates[rates.len() / 2] / 1e3,
                rates[0] / 1e3,
                rates[rates.len() - 1] / 1e3
            );
        })
        .await
        .unwrap()
    });
}
