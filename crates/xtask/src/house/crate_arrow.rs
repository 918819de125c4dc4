//! Which of our crates may depend on which, as drawn in `docs/architecture.md`.
//!
//! The core depends on none of ours. A plug-in depends on the core alone, without default features: it brings no
//! scheduler and knows neither the facade nor another plug-in. Tests and examples of a crate may use more.

use super::Finding;
use crate::metadata::{Dependency, DependencyKind, Package};
use crate::workspace::Workspace;

const CORE: &str = "apsched-core";
const FACADE: &str = "apsched";
const MACROS: &str = "apsched-macros";
const TESTKIT: &str = "apsched-testkit";

/// The place of a crate in the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Core,
    Plugin,
    Macros,
    Testkit,
    Facade,
    /// Not published: benchmarks, examples, tests across crates.
    Home,
    /// Builds and checks the others, so it needs none of them.
    Xtask,
}

pub(super) fn check(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in &workspace.packages {
        let manifest = format!("{}/Cargo.toml", workspace.directory(package));
        let Some(place) = place(package) else {
            let message = "this crate has no place in the picture of crates: add it to `crate_arrow`";
            findings.push(Finding::in_file(&manifest, message));
            continue;
        };
        let ours = |dependency: &&Dependency| workspace.packages.iter().any(|it| it.name == dependency.name);
        let refused = package.dependencies.iter().filter(ours).filter_map(|it| refusal(place, it));
        findings.extend(refused.map(|message| Finding::in_file(&manifest, message)));
    }
    findings
}

/// `None` for a crate that nobody has placed yet.
fn place(package: &Package) -> Option<Place> {
    let is_plugin = |name: &str| {
        name == "apsched-serializers"
            || ["apsched-store-", "apsched-broker-", "apsched-executor-"]
                .iter()
                .any(|it| name.starts_with(it))
    };
    match package.name.as_str() {
        CORE => Some(Place::Core),
        FACADE => Some(Place::Facade),
        MACROS => Some(Place::Macros),
        TESTKIT => Some(Place::Testkit),
        "xtask" => Some(Place::Xtask),
        name if is_plugin(name) => Some(Place::Plugin),
        _ => (!package.is_published()).then_some(Place::Home),
    }
}

/// Why a crate at `place` may not have this dependency on one of ours; `None` when it may.
fn refusal(place: Place, dependency: &Dependency) -> Option<String> {
    let name = dependency.name.as_str();
    let is_allowed = match (place, dependency.kind()) {
        (Place::Home, _) => true,
        (Place::Xtask, _) => false,
        (Place::Facade, DependencyKind::Shipped) => name != TESTKIT,
        (Place::Plugin | Place::Testkit, DependencyKind::Shipped) => name == CORE,
        (Place::Core | Place::Macros, DependencyKind::Shipped) => false,
        (Place::Macros, DependencyKind::Development) => [FACADE, CORE].contains(&name),
        (Place::Core | Place::Plugin, DependencyKind::Development) => [CORE, TESTKIT].contains(&name),
        (Place::Testkit | Place::Facade, DependencyKind::Development) => true,
    };
    if !is_allowed {
        return Some(format!("depends on `{name}`, against the arrows of docs/architecture.md"));
    }
    let brings_scheduler =
        dependency.uses_default_features || dependency.features.iter().any(|it| it == "scheduler");
    (place == Place::Plugin && dependency.kind() == DependencyKind::Shipped && brings_scheduler)
        .then(|| format!("depends on `{name}` with its scheduler: a plug-in sets `default-features = false`"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn dependency(name: &str) -> Value {
        json!({ "name": name, "kind": null, "uses_default_features": false, "features": [] })
    }

    fn dev_dependency(name: &str) -> Value {
        json!({ "name": name, "kind": "dev", "uses_default_features": true, "features": [] })
    }

    /// The refusals of one crate with one dependency, among the crates of the picture.
    fn refusals(name: &str, dependency: Value) -> Vec<String> {
        let package = |name: &str, dependencies: Value| {
            let publish = if ["xtask", "apsched-bench"].contains(&name) { json!([]) } else { json!(null) };
            json!({
                "name": name, "manifest_path": format!("crates/{name}/Cargo.toml"),
                "publish": publish, "dependencies": dependencies, "targets": []
            })
        };
        let others =
            [CORE, FACADE, MACROS, TESTKIT, "apsched-serializers", "apsched-store-sql", "apsched-bench"];
        let mut packages: Vec<_> =
            others.iter().filter(|&&it| it != name).map(|it| package(it, json!([]))).collect();
        packages.push(package(name, json!([dependency])));
        check(&Workspace::of_packages(Value::Array(packages))).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn core_depends_on_none_of_ours() {
        assert_eq!(
            refusals(CORE, dependency("apsched-serializers")),
            [
                "crates/apsched-core/Cargo.toml: depends on `apsched-serializers`, against the arrows of docs/architecture.md"
            ]
        );
        assert!(refusals(CORE, dependency("tokio")).is_empty());
        assert!(refusals(CORE, dev_dependency(TESTKIT)).is_empty());
    }

    #[test]
    fn plugin_depends_on_the_core_alone() {
        assert!(refusals("apsched-store-sql", dependency(CORE)).is_empty());
        assert!(refusals("apsched-store-sql", dev_dependency(TESTKIT)).is_empty());
        for other in [FACADE, TESTKIT, "apsched-serializers"] {
            assert_eq!(refusals("apsched-store-sql", dependency(other)).len(), 1, "{other}");
        }
    }

    #[test]
    fn plugin_brings_no_scheduler() {
        let with_default =
            json!({ "name": CORE, "kind": null, "uses_default_features": true, "features": [] });
        let by_name =
            json!({ "name": CORE, "kind": null, "uses_default_features": false, "features": ["scheduler"] });
        let message = "crates/apsched-serializers/Cargo.toml: depends on `apsched-core` with its scheduler: a plug-in sets \
                       `default-features = false`";

        assert_eq!(refusals("apsched-serializers", with_default), [message]);
        assert_eq!(refusals("apsched-serializers", by_name), [message]);
    }

    #[test]
    fn facade_takes_all_but_the_testkit() {
        assert!(refusals(FACADE, dependency("apsched-store-sql")).is_empty());
        assert!(refusals(FACADE, dev_dependency(TESTKIT)).is_empty());
        assert_eq!(refusals(FACADE, dependency(TESTKIT)).len(), 1);
    }

    #[test]
    fn crates_that_stay_at_home_take_all_but_xtask_takes_none() {
        assert!(refusals("apsched-bench", dependency(FACADE)).is_empty());
        assert_eq!(refusals("xtask", dependency(CORE)).len(), 1);
    }

    #[test]
    fn new_crate_asks_for_its_place() {
        assert_eq!(
            refusals("apsched-web", dependency(CORE)),
            [
                "crates/apsched-web/Cargo.toml: this crate has no place in the picture of crates: add it to `crate_arrow`"
            ]
        );
    }
}
