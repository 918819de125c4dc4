#![allow(missing_docs, clippy::all, clippy::disallowed_methods, clippy::print_stdout)]
fn main() {
    let s = apsched::Scheduler::builder().build().unwrap();
    for _ in 0..5 {
        let t = std::time::Instant::now();
        for _ in 0..5_000_000 {
            std::hint::black_box(s.now());
        }
        println!("now: {:?}", t.elapsed() / 5_000_000);
    }
}
