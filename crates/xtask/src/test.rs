//! `cargo xtask test`: the steps one after another, up to the first failure, then the report.

use std::io::{self, BufRead, BufReader};
use std::process::{Command, ExitCode, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::cargo::Cargo;
use crate::cli::TestOptions;
use crate::paint::Paint;
use crate::report::{Report, Verdict};
use crate::server::Servers;
use crate::skipped::{self, Skipped};
use crate::step::Step;
use crate::workspace::Workspace;
use crate::{deny, example, house};

/// Runs the steps that `options` name. Fails when a step does.
pub(crate) fn run(options: &TestOptions) -> Result<ExitCode> {
    let steps = options.steps();
    let mut servers = Servers::of(options)?;
    let paint = Paint::for_stdout();
    let mut report = Report::new(&steps, options, paint);
    for step in steps {
        println!("{}  {}", paint.bold(&format!("== {}", step.name())), paint.dim(&step.claim()));
        let cargo = servers.cargo().filter(|_| step == Step::Test).or_else(|| step.cargo());
        if let Some(cargo) = &cargo {
            println!("{}", paint.dim(&format!("$ {cargo}")));
        }
        let (verdict, elapsed) = timed(|| perform(step, cargo.as_ref(), &mut servers, &mut report));
        report.push(verdict?, cargo, elapsed);
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

fn perform(step: Step, cargo: Option<&Cargo>, servers: &mut Servers, report: &mut Report) -> Result<Verdict> {
    match (step, cargo) {
        (Step::Deny, _) if !deny::is_installed() => {
            Ok(Verdict::Skipped("cargo-deny is not installed".into()))
        }
        (Step::Test, Some(cargo)) => run_tests(cargo, servers, report),
        (_, Some(cargo)) => {
            let status = cargo.command().status().with_context(|| format!("running `{cargo}`"))?;
            Ok(verdict(status, String::new()))
        }
        (Step::Services, None) => servers.start(),
        (Step::Examples, None) => {
            servers.look()?;
            Ok(example::run(servers)?.map_or_else(Verdict::Failed, Verdict::Passed))
        }
        (_, None) => check_house(),
    }
}

fn run_tests(cargo: &Cargo, servers: &mut Servers, report: &mut Report) -> Result<Verdict> {
    servers.look()?;
    let skipped_file = skipped::empty_file(&servers.metadata.target_directory)?;
    let mut command = cargo.command();
    command.envs(servers.environment(&skipped_file));
    let closing_lines = &mut report.closing_lines;
    let status = run_listening(command, |line| closing_lines.observe(line))
        .with_context(|| format!("running `{cargo}`"))?;
    let total = closing_lines.total();
    report.skipped = Skipped::read(skipped_file)?;
    if status.success() {
        report.backends = servers.to_string();
    }
    let note = match report.skipped.count() {
        0 => total,
        count => format!("{total}; {count} of the passed were skipped"),
    };
    Ok(verdict(status, note))
}

fn verdict(status: ExitStatus, note: String) -> Verdict {
    if status.success() { Verdict::Passed(note) } else { Verdict::Failed(status.to_string()) }
}

/// Runs `command`, shows its output as it comes and lets `listen` hear each line of it.
fn run_listening(mut command: Command, mut listen: impl FnMut(&str)) -> io::Result<ExitStatus> {
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let output = child.stdout.take().expect("standard output is piped");
    for line in BufReader::new(output).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        listen(&line);
    }
    child.wait()
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
