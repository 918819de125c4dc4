//! Benchmarks of apsched beside its peers and the limit of the machine.
//!
//! One run measures some workloads ([`workload::Workload`]), prints a table and writes the same figures as JSON. A
//! figure is taken several times in one run; its median counts, and is only comparable with figures of the same run.
//! Nothing fails because it is slow: a benchmark is not a test. `docs/benchmarks.md` says how to read the table.

mod broker;
mod figure;
mod machine;
mod raw;
mod report;
mod stopwatch;
mod store;
mod workload;

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Parser;

use crate::broker::Broker;
use crate::report::Report;
use crate::store::Store;
use crate::workload::{Effort, Workload};

/// Benchmarks of apsched beside its peers and the limit of the machine
#[derive(Debug, Parser)]
#[command(name = "apsched-bench")]
struct Cli {
    /// What to measure; all of it when nothing is named
    #[arg(value_enum, value_name = "WORKLOAD")]
    workloads: Vec<Workload>,
    /// The stores that schedulers work on, one after another; W4 needs none, W5 is measured in memory alone
    #[arg(long = "store", value_enum, value_delimiter = ',', value_name = "STORE", default_value = "memory")]
    stores: Vec<Store>,
    /// Event brokers between processes: W2 is measured from one process to another with each, too
    #[arg(long = "broker", value_enum, value_delimiter = ',', value_name = "BROKER")]
    brokers: Vec<Broker>,
    /// Measure little: figures within seconds, and noisy
    #[arg(long)]
    quick: bool,
    /// Where the figures are written as JSON
    #[arg(long, value_name = "FILE", default_value = "target/benchmark.json")]
    json: PathBuf,
    /// Print one figure of a workload that needs a process of its own, and end
    #[arg(long, hide = true, value_enum, value_name = "CASE")]
    alone: Option<workload::schedule_size::Case>,
    /// Run the jobs that another process adds
    #[arg(long, hide = true, value_name = "JSON")]
    worker: Option<String>,
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    if let Some(worker) = cli.worker {
        return serde_json::from_str::<workload::cross_latency::Worker>(&worker)?.run();
    }
    let effort = if cli.quick { Effort::Quick } else { Effort::Full };
    let mut out = std::io::stdout().lock();
    if let Some(case) = cli.alone {
        writeln!(out, "{}", case.bytes_per_schedule(effort)?)?;
        return Ok(());
    }
    let workloads = if cli.workloads.is_empty() { Workload::ALL.to_vec() } else { cli.workloads };
    let mut report = Report::new();
    writeln!(out, "{}", report.machine)?;
    for store in cli.stores {
        for workload in &workloads {
            let table = workload
                .measure(store, effort)
                .with_context(|| format!("measuring {workload:?} on {}", store.name()))?;
            writeln!(out, "\n{table}")?;
            report.tables.push(table);
            for broker in &cli.brokers {
                let Some(table) = workload.measure_across(store, *broker, effort) else { continue };
                let measuring =
                    || format!("measuring {workload:?} on {} with {}", store.name(), broker.name());
                let table = table.with_context(measuring)?;
                writeln!(out, "\n{table}")?;
                report.tables.push(table);
            }
        }
    }
    report.write_json(&cli.json)?;
    writeln!(out, "\nwritten to {}", cli.json.display())?;
    Ok(())
}
