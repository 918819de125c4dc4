//! The text files of the workspace.
//!
//! Left out: `.git`, build output (the top level's `target` and every directory that cargo tagged as a cache), files
//! above one mebibyte and files that are not UTF-8.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

const MAX_FILE_BYTES: u64 = 1 << 20;

#[derive(Clone, Debug)]
pub(crate) struct TextFile {
    /// Relative to the root, with `/` between the parts.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl TextFile {
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// The directories on the way from the root to the file.
    pub(crate) fn directories(&self) -> impl Iterator<Item = &str> {
        let end = self.path.rfind('/').unwrap_or(0);
        self.path[..end].split('/').filter(|part| !part.is_empty())
    }

    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }
}

/// Every text file below `root`, in the order of the paths.
pub(crate) fn text_files(root: &Path) -> Result<Vec<TextFile>> {
    let mut files = Vec::new();
    collect(root, "", &mut files)?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn collect(directory: &Path, prefix: &str, files: &mut Vec<TextFile>) -> Result<()> {
    let reading = || format!("reading {}", directory.display());
    for entry in fs::read_dir(directory).with_context(reading)? {
        let entry = entry.with_context(reading)?;
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let kind = entry.file_type().with_context(reading)?;
        if is_left_out(&path, &entry.path()) {
            continue;
        }
        if kind.is_dir() {
            collect(&entry.path(), &format!("{path}/"), files)?;
        } else if kind.is_file() && entry.metadata().with_context(reading)?.len() <= MAX_FILE_BYTES {
            let bytes = fs::read(entry.path()).with_context(|| format!("reading {path}"))?;
            files.extend(String::from_utf8(bytes).ok().map(|text| TextFile { path, text }));
        }
    }
    Ok(())
}

/// In a worktree, `.git` is a file.
fn is_left_out(path: &str, entry: &Path) -> bool {
    matches!(path, ".git" | "target") || entry.join("CACHEDIR.TAG").exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_knows_its_name_and_directories() {
        let file = TextFile { path: "crates/xtask/src/tree.rs".into(), text: String::new() };

        assert_eq!(file.name(), "tree.rs");
        assert_eq!(file.directories().collect::<Vec<_>>(), ["crates", "xtask", "src"]);
        assert!(file.is_rust());
    }

    #[test]
    fn a_file_at_the_root_has_no_directories() {
        let file = TextFile { path: "Cargo.toml".into(), text: String::new() };

        assert_eq!(file.name(), "Cargo.toml");
        assert_eq!(file.directories().count(), 0);
    }

    #[test]
    fn text_files_of_this_crate_are_found_in_order() {
        let files = text_files(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();

        let paths: Vec<_> = files.iter().map(|file| file.path.as_str()).collect();
        assert!(paths.contains(&"Cargo.toml") && paths.contains(&"src/tree.rs"), "{paths:?}");
        assert!(paths.is_sorted(), "{paths:?}");
    }
}
