//! Where the server of a backend that we started keeps what it needs: `target/services/NAME`.
//!
//! ```text
//! process    the process that was started and its beginning: it is ours
//! composed   exists while a container was started: it is ours
//! log        what preparations and server said
//! data       what the server keeps; goes with it
//! prepared   exists when the data have been prepared to their end
//! program    a server program that was fetched; stays
//! ```

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::backend::Backend;
use crate::metadata::Metadata;

#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) backend: Backend,
    pub(super) directory: PathBuf,
}

impl Place {
    pub(super) fn of(backend: Backend, metadata: &Metadata) -> Self {
        Self { backend, directory: metadata.target_directory.join("services").join(backend.as_str()) }
    }

    pub(super) fn make(&self) -> Result<()> {
        let directory = self.directory.display();
        fs::create_dir_all(&self.directory).with_context(|| format!("making the directory {directory}"))
    }

    pub(super) fn process(&self) -> PathBuf {
        self.directory.join("process")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.directory.join("log")
    }

    pub(super) fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    pub(super) fn prepared(&self) -> PathBuf {
        self.directory.join("prepared")
    }

    pub(super) fn program(&self) -> PathBuf {
        self.directory.join("program")
    }

    pub(super) fn is_composed(&self) -> bool {
        self.composed().exists()
    }

    /// Notes that a container was started.
    pub(super) fn note_composed(&self) -> Result<()> {
        self.make()?;
        note(&self.composed())
    }

    /// Notes that the data have been prepared.
    pub(super) fn note_prepared(&self) -> Result<()> {
        note(&self.prepared())
    }

    /// Removes the notes and the data of a server that has ended.
    pub(super) fn forget(&self) -> Result<()> {
        for file in [self.process(), self.composed(), self.prepared()] {
            if file.exists() {
                fs::remove_file(&file).with_context(|| format!("removing {}", file.display()))?;
            }
        }
        let data = self.data();
        if data.exists() {
            fs::remove_dir_all(&data).with_context(|| format!("removing {}", data.display()))?;
        }
        Ok(())
    }

    /// The last lines of the log, for an error message.
    pub(super) fn end_of_log(&self) -> String {
        const LINES: usize = 8;
        let log = fs::read(self.log()).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<_> = log.lines().rev().take(LINES).collect();
        lines.into_iter().rev().map(|line| format!("\n    {line}")).collect()
    }

    fn composed(&self) -> PathBuf {
        self.directory.join("composed")
    }
}

fn note(file: &Path) -> Result<()> {
    fs::write(file, "").with_context(|| format!("writing {}", file.display()))
}
