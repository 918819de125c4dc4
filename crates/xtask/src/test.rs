//! `cargo xtask test`: the steps one after another, up to the first failure, then the report.

use std::io::{BufRead, BufReader};
use std::process::{ExitCode, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::cargo::Cargo;
use crate::closing_line::ClosingLines;
use crate::paint::Paint;
use crate::report::{Report, Verdict};
use crate::step::Step;
use crate::workspace::Workspace;
use crate::{deny, example, house};

/// Runs `only` this step, or every one. Fails when a step does.
pub(crate) fn run(only: Option<Step>) -> Result<ExitCode> {
    let steps = only.map_or_else(|| Step::all().to_vec(), |step| vec![step]);
    let paint = Paint::for_stdout();
    let mut report = Report::new(&steps, paint);
    for step in steps {
        println!("{}  {}", paint.bold(&format!("== {}", step.name())), paint.dim(&step.claim()));
        if let Some(cargo) = step.cargo() {
            println!("{}", paint.dim(&format!("$ {cargo}")));
        }
        let (verdict, elapsed) = timed(|| perform(step, &mut report.closing_lines));
        report.push(verdict?, elapsed);
        if report.failed_step().is_some() {
            break;
        }
    }
    print!("{report}");
    Ok(if report.failed_step().is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[expect(clippy::disallowed_methods, reason = "the report tells how long a step took in real time")]
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let done = work();
    (done, start.elapsed())
}

fn perform(step: Step, closing_lines: &mut ClosingLines) -> Result<Verdict> {
    match (step, step.cargo()) {
        (Step::Deny, _) if !deny::is_installed() => {
            Ok(Verdict::Skipped("cargo-deny is not installed".into()))
        }
        (Step::Test, Some(cargo)) => {
            let status = run_listening(&cargo, |line| closing_lines.observe(line))?;
            Ok(verdict(status, closing_lines.total()))
        }
        (_, Some(cargo)) => {
            let status = cargo.command().status().with_context(|| format!("running `{cargo}`"))?;
            Ok(verdict(status, String::new()))
        }
        (Step::Examples, None) => Ok(example::run()?.map_or_else(Verdict::Failed, Verdict::Passed)),
        (_, None) => check_house(),
    }
}

fn verdict(status: ExitStatus, note: String) -> Verdict {
    if status.success() { Verdict::Passed(note) } else { Verdict::Failed(status.to_string()) }
}

/// Runs `cargo`, shows its output as it comes and lets `listen` hear each line of it.
fn run_listening(cargo: &Cargo, mut listen: impl FnMut(&str)) -> Result<ExitStatus> {
    let running = || format!("running `{cargo}`");
    let mut child = cargo.command().stdout(Stdio::piped()).spawn().with_context(running)?;
    let output = child.stdout.take().expect("standard output is piped");
    for line in BufReader::new(output).split(b'\n') {
        let line = line.with_context(running)?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        listen(&line);
    }
    child.wait().with_context(running)
}

fn check_house() -> Result<Verdict> {
    let workspace = Workspace::load()?;
    let findings = house::findings(&workspace);
    for (rule, finding) in &findings {
        println!("{finding} ({rule})");
    }
    let looked_at = format!("{} rules, {} files", house::RULES.len(), workspace.files.len());
    Ok(match findings.len() {
        0 => Verdict::Passed(looked_at),
        1 => Verdict::Failed("1 finding".into()),
        count => Verdict::Failed(format!("{count} findings")),
    })
}
