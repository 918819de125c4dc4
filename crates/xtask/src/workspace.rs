//! The workspace as the checks see it: its crates and its text files, read once.

use std::path::PathBuf;

use anyhow::Result;

use crate::metadata::{Metadata, Package};
use crate::tree::{self, TextFile};

#[derive(Debug, Default)]
pub(crate) struct Workspace {
    root: PathBuf,
    pub(crate) packages: Vec<Package>,
    pub(crate) files: Vec<TextFile>,
}

impl Workspace {
    /// Reads the workspace around the current directory.
    pub(crate) fn load() -> Result<Self> {
        let Metadata { workspace_root: root, packages, .. } = Metadata::load()?;
        let files = tree::text_files(&root)?;
        Ok(Self { root, packages, files })
    }

    pub(crate) fn rust_files(&self) -> impl Iterator<Item = &TextFile> {
        self.files.iter().filter(|file| file.is_rust())
    }

    pub(crate) fn has_file(&self, path: &str) -> bool {
        self.files.iter().any(|file| file.path == path)
    }

    /// The directory of `package`, relative to the root.
    pub(crate) fn directory(&self, package: &Package) -> String {
        package.directory(&self.root)
    }
}

#[cfg(test)]
impl Workspace {
    /// A workspace of these files (path, text), without crates.
    pub(crate) fn of_files(files: &[(&str, &str)]) -> Self {
        let files =
            files.iter().map(|&(path, text)| TextFile { path: path.into(), text: text.into() }).collect();
        Self { files, ..Self::default() }
    }

    /// A workspace of these crates, each written as `cargo metadata` does, without files.
    pub(crate) fn of_packages(packages: serde_json::Value) -> Self {
        Self { packages: serde_json::from_value(packages).unwrap(), ..Self::default() }
    }
}
