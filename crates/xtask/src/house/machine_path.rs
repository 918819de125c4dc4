//! No path of somebody's machine: the repository works wherever it is cloned.

use super::{Finding, numbered};
use crate::workspace::Workspace;

/// Directories at the top of a file system under which people and build machines keep their own.
const PRIVATE: [&str; 8] = ["home", "Users", "root", "work", "workspace", "builds", "mnt", "media"];

pub(super) fn check(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &workspace.files {
        for (line, text) in numbered(&file.text) {
            if let Some(path) = machine_path(text) {
                let message =
                    format!("`{path}` is a path of one machine: write it relative to the repository");
                findings.push(Finding::at_line(&file.path, line, message));
            }
        }
    }
    findings
}

/// The first path in `line` that begins at the top of a file system and leads into a private directory.
fn machine_path(line: &str) -> Option<&str> {
    let unix = line.match_indices('/').map(|(start, _)| start).find(|&start| {
        let begins_a_path =
            !line[..start].ends_with(|char: char| char.is_alphanumeric() || "./_-~*})>$".contains(char));
        let mut parts = line[start + 1..].split('/');
        let is_private = parts.next().is_some_and(|first| PRIVATE.contains(&first));
        begins_a_path
            && is_private
            && parts.next().is_some_and(|second| second.starts_with(char::is_alphanumeric))
    });
    let windows = || line.find(":\\Users\\").and_then(|colon| colon.checked_sub(1));
    let start = unix.or_else(windows)?;
    line[start..].split(|char: char| char.is_whitespace() || "\"'`,;)".contains(char)).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written in pieces, so that this file keeps the rule it tests.
    fn private(rest: &str) -> String {
        format!("/{}/{rest}", PRIVATE[0])
    }

    #[test]
    fn path_of_a_machine_is_found() {
        let path = private("ada/apsched");

        assert_eq!(machine_path(&format!("cd {path} && ls")), Some(path.as_str()));
        assert_eq!(machine_path(&format!("let a = \"{path}\";")), Some(path.as_str()));

        let windows = format!("C:{0}Users{0}ada", '\\');
        assert_eq!(machine_path(&format!("dir {windows} more")), Some(windows.as_str()));
    }

    #[test]
    fn paths_that_every_machine_has_are_fine() {
        let inner = private("ada");

        for line in
            ["/bin/sh", "/etc/crontab", "../work/a", "a/root/b", "HOME=/root", "root / home / ada", "//"]
        {
            assert_eq!(machine_path(line), None, "{line}");
        }
        assert_eq!(machine_path(&format!("https://example.org{inner}")), None);
        assert_eq!(machine_path(&format!("${{PREFIX}}{inner}")), None);
    }

    #[test]
    fn every_text_file_is_looked_at() {
        let text = format!("a\nb {}", private("ada"));
        let workspace = Workspace::of_files(&[("docs/a.md", &text), (".ci/run", &text)]);

        let lines: Vec<_> = check(&workspace).into_iter().map(|it| (it.path, it.line)).collect();
        assert_eq!(lines, [("docs/a.md".into(), Some(2)), (".ci/run".into(), Some(2))]);
    }
}
