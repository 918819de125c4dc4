//! Every published crate has a README and a CHANGELOG beside its Cargo.toml.

use super::Finding;
use crate::workspace::Workspace;

const DOCUMENTS: [&str; 2] = ["README.md", "CHANGELOG.md"];

pub(super) fn check(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in workspace.packages.iter().filter(|package| package.is_published()) {
        let directory = workspace.directory(package);
        for document in DOCUMENTS {
            if !workspace.has_file(&format!("{directory}/{document}")) {
                findings.push(Finding::in_file(&directory, format!("a published crate needs a {document}")));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn workspace(publish: serde_json::Value, files: &[(&str, &str)]) -> Workspace {
        let packages = json!([{
            "name": "one", "manifest_path": "crates/one/Cargo.toml", "publish": publish, "dependencies": [], "targets": []
        }]);
        let mut workspace = Workspace::of_packages(packages);
        workspace.files = Workspace::of_files(files).files;
        workspace
    }

    #[test]
    fn published_crate_without_a_changelog_is_found() {
        let workspace = workspace(json!(null), &[("crates/one/README.md", "")]);

        assert_eq!(
            check(&workspace),
            [Finding::in_file("crates/one", "a published crate needs a CHANGELOG.md")]
        );
    }

    #[test]
    fn published_crate_with_both_is_fine() {
        let files = [("crates/one/README.md", ""), ("crates/one/CHANGELOG.md", "")];

        assert_eq!(check(&workspace(json!(null), &files)), []);
    }

    #[test]
    fn crate_that_stays_at_home_needs_neither() {
        assert_eq!(check(&workspace(json!([]), &[])), []);
    }
}
