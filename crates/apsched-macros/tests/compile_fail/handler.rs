//! Functions that are not handlers of the tasks they are given to.

use std::rc::Rc;

use apsched_core::Task;
use apsched_core::scheduler::JobContext;
use apsched_core::scheduler::handler::{State, Tasks};

struct App;

#[derive(Clone)]
struct Db;

struct NoError;

const SEND: Task<String, u64> = Task::new("send");
const TICK: Task = Task::new("tick");

async fn state(_mail: String, _db: State<Db>) -> u64 {
    0
}

async fn whole_state(_mail: String, _app: State<App>) -> u64 {
    0
}

async fn extractor(_mail: String, _count: u32) -> u64 {
    0
}

async fn other_payload(_mail: Vec<u8>) -> u64 {
    0
}

async fn no_payload(_context: JobContext) -> u64 {
    0
}

async fn borrowed_payload(_mail: &str) -> u64 {
    0
}

async fn other_result(_mail: String) -> String {
    String::new()
}

async fn no_error(_mail: String) -> Result<u64, NoError> {
    Ok(0)
}

fn blocking(_mail: String) -> u64 {
    0
}

async fn not_send(_mail: String, context: JobContext) -> u64 {
    let shared = Rc::new(1);
    context.cancelled().await;
    *shared
}

fn main() {
    let _ = Tasks::<App>::new().task(SEND, state);
    let _ = Tasks::<App>::new().task(SEND, whole_state);
    let _ = Tasks::<App>::new().task(SEND, extractor);
    let _ = Tasks::<App>::new().task(SEND, other_payload);
    let _ = Tasks::<App>::new().task(SEND, no_payload);
    let _ = Tasks::<App>::new().task(SEND, borrowed_payload);
    let _ = Tasks::<App>::new().task(SEND, other_result);
    let _ = Tasks::<App>::new().task(SEND, no_error);
    let _ = Tasks::<App>::new().task(SEND, blocking);
    let _ = Tasks::<App>::new().task(SEND, not_send);
    let _ = Tasks::<App>::new().task(TICK, async |_count: u32| ());
    let _ = Tasks::<App>::new().task(TICK, "tick");
    let _ = Tasks::<App>::new().blocking(TICK, "tick");
    let _ = Tasks::<App>::new().blocking(SEND, state);
}
