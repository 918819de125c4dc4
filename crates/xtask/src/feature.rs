//! The step `features`: the facade compiles with each of its features alone, with none, and with all; and so does a program
//! without the facade, with what its own crates ask for.
//!
//! The other steps build the whole workspace with all features, where one that forgets what it needs finds it among the others, or
//! a crate finds what another one has switched on. Which there are is read
//! from the manifest, so a new feature is checked without being listed anywhere.

use anyhow::{Context, Result};

use crate::cargo::Cargo;
use crate::metadata::{Metadata, Package};

/// The crate that programs depend on; its features are those of the crates behind it.
const FACADE: &str = "apsched";

/// A program that does not, but on the crates behind it.
const WITHOUT_FACADE: &str = "apsched-without-facade";

/// Checks one after another. `Ok(Err(…))` names the first that does not compile.
pub(crate) fn run() -> Result<Result<String, String>> {
    let metadata = Metadata::load()?;
    let facade = metadata.packages.iter().find(|package| package.name == FACADE);
    let facade = facade.with_context(|| format!("the workspace has no crate {FACADE}"))?;
    for check in checks(facade).into_iter().chain([check(WITHOUT_FACADE)]) {
        println!("$ {check}");
        let status = check.command().status().with_context(|| format!("running `{check}`"))?;
        if !status.success() {
            return Ok(Err(format!("`{check}` failed")));
        }
    }
    Ok(Ok(facade.features().collect::<Vec<_>>().join(", ")))
}

/// Without any feature, then with each alone, then with all.
fn checks(package: &Package) -> Vec<Cargo> {
    let without = || check(&package.name).args(["--no-default-features"]);
    let with_each = package.features().map(|feature| without().args(["--features", feature]));
    let with_all = check(&package.name).args(["--all-features"]);
    std::iter::once(without()).chain(with_each).chain([with_all]).collect()
}

fn check(package: &str) -> Cargo {
    Cargo::new(&["check", "--quiet", "--package", package])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_feature_is_checked_alone_and_all_together() {
        let package: Package = serde_json::from_value(json!({
            "name": "one", "manifest_path": "Cargo.toml", "publish": null, "dependencies": [], "targets": [],
            "features": { "sqlite": ["dep:sqlx"], "default": ["macros"], "macros": [] },
        }))
        .unwrap();

        let lines: Vec<_> = checks(&package).iter().map(ToString::to_string).collect();

        assert_eq!(
            lines,
            [
                "cargo check --quiet --package one --no-default-features",
                "cargo check --quiet --package one --no-default-features --features macros",
                "cargo check --quiet --package one --no-default-features --features sqlite",
                "cargo check --quiet --package one --all-features",
            ]
        );
    }
}
