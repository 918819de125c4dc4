//! What `cargo metadata` tells about the crates of the workspace, as far as the checks need it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::cargo::Cargo;

#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    pub(crate) workspace_root: PathBuf,
    pub(crate) target_directory: PathBuf,
    pub(crate) packages: Vec<Package>,
}

/// One crate of the workspace.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) manifest_path: PathBuf,
    /// The registries it may be published to: `None` is any, an empty list is none.
    pub(crate) publish: Option<Vec<String>>,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) targets: Vec<Target>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    #[serde(default, rename = "kind")]
    kind_name: Option<String>,
    pub(crate) uses_default_features: bool,
    pub(crate) features: Vec<String>,
}

/// Who sees a dependency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DependencyKind {
    /// The crate itself or its build script: every user gets it.
    Shipped,
    /// Tests and examples of the crate alone.
    Development,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Target {
    pub(crate) name: String,
    kind: Vec<String>,
}

impl Metadata {
    /// Asks cargo about the workspace around the current directory. Resolves nothing and needs no network.
    pub(crate) fn load() -> Result<Self> {
        let cargo = Cargo::new(&["metadata", "--no-deps", "--format-version", "1"]);
        let output = cargo.command().output().with_context(|| format!("running `{cargo}`"))?;
        if !output.status.success() {
            bail!("`{cargo}` failed: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        serde_json::from_slice(&output.stdout).with_context(|| format!("reading the answer of `{cargo}`"))
    }
}

impl Package {
    /// The directory of the crate, relative to `root`, with `/` between the parts.
    pub(crate) fn directory(&self, root: &Path) -> String {
        let directory = self.manifest_path.parent().unwrap_or(&self.manifest_path);
        let relative = directory.strip_prefix(root).unwrap_or(directory);
        relative.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
    }

    pub(crate) fn is_published(&self) -> bool {
        self.publish.as_ref().is_none_or(|registries| !registries.is_empty())
    }

    /// The names of its examples.
    pub(crate) fn examples(&self) -> impl Iterator<Item = &str> {
        self.targets_of("example")
    }

    /// The names of its integration tests.
    pub(crate) fn tests(&self) -> impl Iterator<Item = &str> {
        self.targets_of("test")
    }

    fn targets_of(&self, kind: &str) -> impl Iterator<Item = &str> {
        let is_meant = move |target: &&Target| target.kind.iter().any(|it| it == kind);
        self.targets.iter().filter(is_meant).map(|target| target.name.as_str())
    }
}

impl Dependency {
    pub(crate) fn kind(&self) -> DependencyKind {
        if self.kind_name.as_deref() == Some("dev") {
            DependencyKind::Development
        } else {
            DependencyKind::Shipped
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn package(publish: serde_json::Value) -> Package {
        serde_json::from_value(json!({
            "name": "one",
            "manifest_path": "top/crates/one/Cargo.toml",
            "publish": publish,
            "dependencies": [
                { "name": "a", "kind": null, "uses_default_features": true, "features": [] },
                { "name": "b", "kind": "dev", "uses_default_features": true, "features": [] },
                { "name": "c", "kind": "build", "uses_default_features": true, "features": [] },
            ],
            "targets": [
                { "name": "one", "kind": ["lib"] },
                { "name": "quickstart", "kind": ["example"] },
                { "name": "postgres", "kind": ["test"] },
            ],
        }))
        .unwrap()
    }

    #[test]
    fn directory_is_relative_to_the_root() {
        assert_eq!(package(json!(null)).directory(Path::new("top")), "crates/one");
    }

    #[test]
    fn empty_list_of_registries_is_not_published() {
        assert!(package(json!(null)).is_published());
        assert!(package(json!(["crates-io"])).is_published());
        assert!(!package(json!([])).is_published());
    }

    #[test]
    fn build_dependencies_are_shipped() {
        let kinds: Vec<_> = package(json!(null)).dependencies.iter().map(Dependency::kind).collect();

        assert_eq!(kinds, [DependencyKind::Shipped, DependencyKind::Development, DependencyKind::Shipped]);
    }

    #[test]
    fn examples_and_tests_are_told_from_other_targets() {
        assert_eq!(package(json!(null)).examples().collect::<Vec<_>>(), ["quickstart"]);
        assert_eq!(package(json!(null)).tests().collect::<Vec<_>>(), ["postgres"]);
    }
}
