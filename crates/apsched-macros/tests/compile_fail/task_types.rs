//! Types that do not fit, in functions marked `#[task]`.

use std::rc::Rc;

use apsched_core::scheduler::handler::{State, Tasks};
use apsched_core::scheduler::JobContext;
use apsched_macros::task;

struct App;

#[derive(Clone)]
struct Db;

struct NoValue;

struct NoExtractor;

#[task(crate = "apsched_core")]
async fn payload(_payload: NoValue) {}

#[task(crate = "apsched_core")]
async fn result() -> NoValue {
    NoValue
}

#[task(crate = "apsched_core")]
async fn error_that_is_none() -> Result<String, NoValue> {
    Ok(String::new())
}

#[task(crate = "apsched_core")]
async fn not_send(context: JobContext) -> u32 {
    let shared = Rc::new(1);
    context.cancelled().await;
    *shared
}

#[task(crate = "apsched_core")]
async fn state(_name: String, _db: State<Db>) {}

#[task(crate = "apsched_core")]
async fn extractor(_name: String, _extractor: NoExtractor) {}

fn not_marked() {}

fn main() {
    let _ = Tasks::<App>::new().add(state);
    let _ = Tasks::<App>::new().add(extractor);
    let _ = Tasks::<App>::new().add(not_marked);
}
