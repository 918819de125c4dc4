//! The table of `cargo xtask services status`.

use std::fmt::Write;

use anyhow::Result;

use super::place::Place;
use super::{Health, compose, probe, process, program};
use crate::backend::{Address, Backend, Server};
use crate::metadata::Metadata;
use crate::paint::Paint;

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    backend: &'static str,
    address: String,
    named_by: &'static str,
    state: State,
    /// Where the server comes from, what is wrong with it, or how to get one.
    note: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Up,
    Unusable,
    Down,
}

impl State {
    fn word(self, paint: Paint) -> String {
        match self {
            Self::Up => paint.green("up      "),
            Self::Unusable => paint.red("unusable"),
            Self::Down => paint.yellow("down    "),
        }
    }
}

/// The table: backend, address and who names it, state, and where the server comes from or how to get one.
pub(super) fn table(backends: &[(Backend, Server)], metadata: &Metadata, paint: Paint) -> Result<String> {
    let rows: Result<Vec<_>> =
        backends.iter().map(|(backend, server)| row(*backend, server, metadata)).collect();
    Ok(written(&rows?, paint))
}

fn row(backend: Backend, server: &Server, metadata: &Metadata) -> Result<Row> {
    let value = super::set_value(server);
    let (url, address) = server.locate(value.as_deref())?;
    let place = Place::of(backend, metadata);
    let (state, note) = match probe(backend, &url, &address) {
        Health::Up(server) => (State::Up, format!("{server}, {}", origin(&place))),
        Health::Unusable(why) => (State::Unusable, why),
        Health::Down(_) if value.is_some() => {
            (State::Down, format!("start that server, or unset {}", server.variable))
        }
        Health::Down(_) => (State::Down, how_to_get(&place)),
    };
    let named_by = if value.is_some() { server.variable } else { "default" };
    Ok(Row { backend: backend.as_str(), address: Address::to_string(&address), named_by, state, note })
}

fn origin(place: &Place) -> String {
    match process::running(place) {
        Some(number) => format!("process {number} of `up`, log in {}", place.log().display()),
        None if place.is_composed() => "container of `up`".into(),
        None => "not started by `up`".into(),
    }
}

fn how_to_get(place: &Place) -> String {
    let source = match compose::engine() {
        Some(engine) => Ok(engine.to_string()),
        None => match program::installed(place) {
            Some(program) => Ok(program.display().to_string()),
            None => program::source(place.backend),
        },
    };
    match source {
        Ok(source) => format!("`cargo xtask services up --backend {}`: by {source}", place.backend),
        Err(error) => error.to_string(),
    }
}

fn written(rows: &[Row], paint: Paint) -> String {
    let width = |column: fn(&Row) -> &str| rows.iter().map(|row| column(row).len()).max().unwrap_or(0);
    let (names, addresses) = (width(|row| row.backend).max(7), width(|row| &row.address).max(7));
    let named_by = width(|row| row.named_by).max(8);
    let head =
        format!("{:names$}  {:addresses$}  {:named_by$}  state     ", "backend", "address", "named by");
    let mut table = format!("{}\n", paint.bold(head.trim_end()));
    for row in rows {
        let Row { backend, address, named_by: by, state, note } = row;
        let state = state.word(paint);
        writeln!(
            table,
            "{backend:names$}  {address:addresses$}  {by:named_by$}  {state}  {}",
            paint.dim(note)
        )
        .expect("a text can be written to");
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other() {
        let row = |backend, address: &str, state, note: &str| Row {
            backend,
            address: address.into(),
            named_by: "default",
            state,
            note: note.into(),
        };
        let rows = [
            row("postgres", "127.0.0.1:5432", State::Up, "PostgreSQL 15.8, not started by `up`"),
            row("mqtt", "[::1]:1883", State::Down, "how to get it"),
        ];

        let expected = "\
backend   address         named by  state
postgres  127.0.0.1:5432  default   up        PostgreSQL 15.8, not started by `up`
mqtt      [::1]:1883      default   down      how to get it
";
        assert_eq!(written(&rows, Paint::Plain), expected);
    }
}
