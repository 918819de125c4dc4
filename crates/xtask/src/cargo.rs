//! One cargo command: how it is run and how it reads, so that the user can run it again by hand.

use std::ffi::OsString;
use std::fmt;
use std::process::Command;

#[derive(Clone, Debug)]
pub(crate) struct Cargo {
    arguments: Vec<String>,
    environment: Vec<(&'static str, &'static str)>,
}

impl Cargo {
    pub(crate) fn new(arguments: &[&str]) -> Self {
        Self { arguments: arguments.iter().map(|&it| it.to_owned()).collect(), environment: Vec::new() }
    }

    /// With one more variable in the environment.
    pub(crate) fn env(mut self, name: &'static str, value: &'static str) -> Self {
        self.environment.push((name, value));
        self
    }

    /// With further arguments at the end.
    pub(crate) fn args<'a>(mut self, arguments: impl IntoIterator<Item = &'a str>) -> Self {
        self.arguments.extend(arguments.into_iter().map(str::to_owned));
        self
    }

    /// The command, by the same cargo that runs this program.
    pub(crate) fn command(&self) -> Command {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        let mut command = Command::new(cargo);
        command.args(&self.arguments).envs(self.environment.iter().copied());
        command
    }
}

impl fmt::Display for Cargo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.environment {
            write!(f, "{name}={} ", quoted(value))?;
        }
        f.write_str("cargo")?;
        self.arguments.iter().try_for_each(|argument| write!(f, " {}", quoted(argument)))
    }
}

/// As a shell takes it: in single quotes where it holds a space.
fn quoted(word: &str) -> String {
    if word.contains(char::is_whitespace) { format!("'{word}'") } else { word.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_reads_as_a_shell_takes_it() {
        let cargo =
            Cargo::new(&["test", "--", "a name"]).env("RUSTFLAGS", "-D warnings").args(["--nocapture"]);

        assert_eq!(cargo.to_string(), "RUSTFLAGS='-D warnings' cargo test -- 'a name' --nocapture");
    }
}
