//! Mistakes in `#[task(…)]` itself.

use apsched_macros::task;

#[task(crate = "apsched_core", id = "")]
fn no_name() {}

#[task(crate = "apsched_core", id = "two\nlines")]
fn control_character() {}

#[task(crate = "apsched_core", id = 7)]
fn name_that_is_no_text() {}

#[task("send_email")]
fn text_alone() {}

#[task(crate = "apsched_core", max_running_jobs)]
fn no_value() {}

#[task(crate = "apsched_core", max_runing_jobs = 4)]
fn unknown_setting() {}

#[task(crate = "apsched_core", priority = 1, priority = 2)]
fn setting_given_twice() {}

#[task(crate = "apsched_core", max_running_jobs = 99999999999)]
fn too_many_jobs() {}

#[task(crate = "apsched_core", timeout = "5min")]
fn unknown_unit() {}

#[task(crate = "apsched_core", misfire_grace_time = 300)]
fn duration_without_a_unit() {}

#[task(crate = "apsched_core", job_executor = "")]
fn no_executor() {}

#[task(crate = "not a path")]
fn wrong_crate() {}

fn main() {}
