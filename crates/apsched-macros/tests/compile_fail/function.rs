//! Functions, and other things, that cannot be tasks.

#![expect(unused_variables, reason = "only the signatures are looked at")]

use apsched_core::scheduler::JobContext;
use apsched_macros::task;

#[task(crate = "apsched_core")]
struct NoFunction;

struct Mailer;

impl Mailer {
    #[task(crate = "apsched_core")]
    async fn method(&self, mail: String) {}
}

#[task(crate = "apsched_core")]
async fn generic<T>(payload: T) {}

#[task(crate = "apsched_core")]
async fn constrained(payload: String)
where
    String: Clone,
{
}

#[task(crate = "apsched_core")]
async fn opaque(payload: impl ToString) {}

#[task(crate = "apsched_core")]
async fn borrowed(name: &str, context: &JobContext) {}

#[task(crate = "apsched_core")]
async fn two_payloads(name: String, age: u8) {}

#[task(crate = "apsched_core")]
async fn payload_last(context: JobContext, name: String) {}

#[task(crate = "apsched_core")]
async fn marked_payload_last(context: JobContext, #[payload] name: String) {}

#[task(crate = "apsched_core")]
async fn marked_twice(#[payload] #[extract] name: String) {}

#[task(crate = "apsched_core")]
async fn too_many(
    payload: String,
    a: JobContext,
    b: JobContext,
    c: JobContext,
    d: JobContext,
    e: JobContext,
    f: JobContext,
    g: JobContext,
    h: JobContext,
    i: JobContext,
) {
}

#[task(crate = "apsched_core")]
fn missing_async(name: String) -> impl Future<Output = String> {
    async { name }
}

#[task(crate = "apsched_core")]
fn endless() -> ! {
    loop {}
}

#[task(crate = "apsched_core")]
unsafe extern "C" fn foreign(number: i32) {}

#[task(crate = "apsched_core")]
async fn marked_wrongly(#[extract(state)] name: String) {}

#[task(crate = "apsched_core", timeout = "soon")]
async fn all_mistakes_at_once<T>(name: &T) {}

fn main() {}
