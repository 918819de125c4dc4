//! The tables of one run, as text for the reader and as JSON for programs.

use std::fmt;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::figure::Figure;
use crate::machine::Machine;

/// All that one run measured.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    arguments: Vec<String>,
    pub(crate) tables: Vec<Table>,
}

/// The figures of one workload.
#[derive(Debug, Serialize)]
pub(crate) struct Table {
    title: String,
    figures: Vec<Figure>,
    notes: Vec<String>,
}

impl Report {
    pub(crate) fn new() -> Self {
        let arguments = std::env::args().skip(1).collect();
        Self { machine: Machine::here(), arguments, tables: Vec::new() }
    }

    pub(crate) fn write_json(&self, path: &Path) -> Result<()> {
        let write = || {
            if let Some(directory) = path.parent() {
                std::fs::create_dir_all(directory)?;
            }
            std::fs::write(path, serde_json::to_vec_pretty(self)?)
        };
        write().with_context(|| format!("writing {}", path.display()))
    }
}

impl Table {
    pub(crate) fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), figures: Vec::new(), notes: Vec::new() }
    }

    pub(crate) fn push(&mut self, figure: Figure) {
        self.figures.push(figure);
    }

    /// Says what the figures do not.
    pub(crate) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.title)?;
        let rows: Vec<_> = self.figures.iter().map(Figure::cells).collect();
        let width =
            |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
        let [first, second, third] = [width(0), width(1), width(2)];
        for [what, median, spread, verdict] in &rows {
            let line = format!("  {what:<first$}  {median:>second$}  {spread:<third$}  {verdict}");
            writeln!(f, "{}", line.trim_end())?;
        }
        self.notes.iter().try_for_each(|note| writeln!(f, "  ({note})"))
    }
}
