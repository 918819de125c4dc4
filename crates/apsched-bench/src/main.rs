//! Benchmarks of apsched beside its peers and the limit of the machine.
fn main() {}
