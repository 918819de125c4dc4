//! What a crontab file says: comments, variables, and lines that say when to run which command; see crontab(5).

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use apsched::prelude::*;
use serde::{Deserialize, Serialize};

/// A command, what it reads, and the variables set above it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Command {
    pub text: String,
    pub input: String,
    pub variables: BTreeMap<String, String>,
}

impl Command {
    pub fn shell(&self) -> &str {
        self.variables.get("SHELL").map_or("/bin/sh", String::as_str)
    }
}

/// The lines with a command, and their numbers.
pub fn lines(file: &str) -> impl Iterator<Item = (usize, Result<(AnyTrigger, Command)>)> {
    let mut variables = BTreeMap::new();
    let lines = file.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')).filter_map(move |(number, line)| {
        if let Some((name, value)) = variable(line) {
            variables.insert(name.to_owned(), value.to_owned());
            return None;
        }
        Some((number, schedule(line, &variables)))
    })
}

/// `NAME = value`, or `NAME = "value"`.
fn variable(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once('=').map(|(name, value)| (name.trim(), value.trim()))?;
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let unquoted = |quote| value.strip_prefix(quote)?.strip_suffix(quote);
    is_name.then(|| (name, unquoted('"').or_else(|| unquoted('\'')).unwrap_or(value)))
}

/// `30 4 * * mon command`, `@daily command`, `@reboot command`, `@every 90s command`.
fn schedule(line: &str, variables: &BTreeMap<String, String>) -> Result<(AnyTrigger, Command)> {
    let words = match line.split_whitespace().next() {
        Some("@every") => 2,
        Some(nickname) if nickname.starts_with('@') => 1,
        _ => 5,
    };
    let command =
        (0..words).try_fold(line, |rest, _| Some(rest.split_once(char::is_whitespace)?.1.trim_start()));
    let command = command.context("expected a time and a command")?;
    let when = line[..line.len() - command.len()].trim_end();
    let trigger = match when.split_once(char::is_whitespace) {
        Some(("@every", every)) => {
            let every = humantime::parse_duration(every.trim()).with_context(|| format!("{when:?}"))?;
            IntervalTrigger::every(every).into()
        }
        _ if when == "@reboot" => DateTrigger::at(Utc::now()).into(),
        _ => CronTrigger::from_crontab(when)?.with_timezone(zone(variables)?).into(),
    };
    Ok((trigger, command_of(command, variables)))
}

fn zone(variables: &BTreeMap<String, String>) -> Result<Tz> {
    let name = variables.get("CRON_TZ").map_or("UTC", String::as_str);
    name.parse()
        .with_context(|| format!("CRON_TZ: expected a time zone such as Europe/Berlin, found {name:?}"))
}

/// The first `%` ends the command, the rest is what it reads, with a new line for each further `%`; `\%` is a percent sign.
fn command_of(text: &str, variables: &BTreeMap<String, String>) -> Command {
    let text = text.replace("\\%", "\0");
    let (text, input) = text.split_once('%').unwrap_or((&text, ""));
    let plain = |text: &str, percent| text.replace('%', percent).replace('\0', "%");
    Command { text: plain(text, "%"), input: plain(input, "\n"), variables: variables.clone() }
}
