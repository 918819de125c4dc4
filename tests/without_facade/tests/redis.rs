//! Two processes of a program without the facade: what one adds the other runs, told by Redis.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use apsched_testkit::backend::Backend;
use apsched_testkit::report_skipped;

/// Where the processes of one test meet.
struct Meeting<'a> {
    channel: String,
    directory: &'a Path,
}

impl Meeting<'_> {
    /// A process with these arguments besides.
    fn start(&self, number: Option<u64>) -> Child {
        let database = format!("sqlite:{}?mode=rwc", self.directory.join("jobs.db").display());
        Command::new(env!("CARGO_BIN_EXE_without_facade"))
            .args([&Backend::Redis.url(), &self.channel, &database])
            .args(number.map(|number| number.to_string()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program is there")
    }
}

/// The next line that the process says; empty when it has ended.
fn line(process: &mut Child) -> String {
    let mut line = String::new();
    let output = process.stdout.as_mut().expect("it is piped");
    BufReader::new(output).read_line(&mut line).expect("text");
    line.trim_end().to_owned()
}

#[test]
fn a_job_added_in_one_process_is_run_by_another() {
    if let Some(why) = Backend::Redis.missing() {
        return report_skipped("a_job_added_in_one_process_is_run_by_another", &why);
    }
    let directory = tempfile::tempdir().expect("a directory");
    let channel = format!("apsched-test-{:016x}", fastrand::u64(..));
    let meeting = Meeting { channel, directory: directory.path() };
    let mut worker = meeting.start(None);
    assert_eq!(line(&mut worker), "ready");

    let mut client = meeting.start(Some(21));
    let answer = line(&mut client);

    // Each would look at the database by itself in an hour, so they were told.
    assert_eq!(answer, format!("42 by {}", worker.id()));
    assert!(client.wait().expect("it was started").success());
    drop(worker.stdin.take());
    assert!(worker.wait().expect("it was started").success());
}
