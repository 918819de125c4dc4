//! Every feature says in one comment line above it what the user gets. `default` speaks for itself.

use super::{Finding, numbered};
use crate::workspace::Workspace;

pub(super) fn check(workspace: &Workspace) -> Vec<Finding> {
    let manifests = workspace.files.iter().filter(|file| file.name() == "Cargo.toml");
    manifests
        .flat_map(|manifest| {
            bare_features(&manifest.text).into_iter().map(|(line, feature)| {
                let message =
                    format!("feature `{feature}` needs a comment line above it: what does the user get?");
                Finding::at_line(&manifest.path, line, message)
            })
        })
        .collect()
}

/// The features without a comment line above, with their lines.
fn bare_features(manifest: &str) -> Vec<(usize, &str)> {
    let mut bare = Vec::new();
    let (mut in_features, mut is_explained) = (false, false);
    for (number, line) in numbered(manifest) {
        let line = line.trim();
        if line.starts_with('[') {
            in_features = line == "[features]";
        }
        let is_comment = line.starts_with('#') && line.contains(char::is_alphanumeric);
        if let Some((name, _)) = line.split_once('=').filter(|_| in_features && !line.starts_with('#')) {
            let feature = name.trim().trim_matches('"');
            if feature != "default" && !is_explained {
                bare.push((number, feature));
            }
        }
        is_explained = is_comment;
    }
    bare
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn feature_without_a_comment_is_found() {
        let manifest =
            "[features]\ndefault = [\"a\"]\n## What a gives.\na = [\n    \"b\",\n]\nb = []\n#\nc = []\n";

        assert_eq!(bare_features(manifest), [(7, "b"), (9, "c")]);
    }

    #[test]
    fn other_sections_need_no_comments() {
        assert_eq!(bare_features("[package]\nname = \"a\"\n[dependencies]\nb = \"1\"\n"), []);
    }

    #[test]
    fn finding_names_the_line_and_the_feature() {
        let workspace = Workspace::of_files(&[("crates/one/Cargo.toml", "[features]\nsqlite = []")]);

        assert_eq!(
            check(&workspace)[0].to_string(),
            "crates/one/Cargo.toml:2: feature `sqlite` needs a comment line above it: what does the user get?"
        );
    }
}
