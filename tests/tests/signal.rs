//! SIGTERM and Ctrl-C drain a scheduler in the foreground.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

struct Program {
    process: Child,
    input: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Program {
    /// Starts the program and waits until its job runs.
    fn running() -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_drain"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = process.stdin.take().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut program = Self { process, input, lines };
        assert_eq!(program.line(), "running");
        program
    }

    fn line(&mut self) -> String {
        self.lines.next().unwrap().unwrap()
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.process.id().to_string()).status();
        assert!(sent.unwrap().success());
    }

    fn exit_code(self) -> Option<i32> {
        let Self { mut process, input, .. } = self;
        // A thread of the program may still read what nobody will write.
        drop(input);
        process.wait().unwrap().code()
    }
}

#[test]
fn a_signal_lets_the_running_job_finish() {
    for name in ["TERM", "INT"] {
        let mut program = Program::running();
        program.signal(name);
        program.input.write_all(b"done\n").unwrap();
        assert_eq!(program.line(), r#"stopped after the job returned "done""#, "{name}");
        assert_eq!(program.exit_code(), Some(0));
    }
}

#[test]
fn a_second_signal_cancels_what_runs() {
    let mut program = Program::running();
    program.signal("TERM");
    program.signal("INT");
    let line = program.line();
    assert!(line.starts_with("stopped: job ") && line.ends_with("the scheduler was stopped"), "{line}");
    assert_eq!(program.exit_code(), Some(0));
}
