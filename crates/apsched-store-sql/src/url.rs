//! Which database a URL names, and what is wrong with one that names none. Never repeats what may be a password.

use crate::dialect::Dialect;

/// The database that a URL names.
pub(crate) fn dialect_of(url: &str) -> Result<Dialect, String> {
    let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme);
    let (dialect, is_built, feature) = match scheme {
        "sqlite" => (Dialect::Sqlite, cfg!(feature = "sqlite"), "sqlite"),
        "postgres" | "postgresql" => (Dialect::Postgres, cfg!(feature = "postgres"), "postgres"),
        "mysql" | "mariadb" => (Dialect::MySql, cfg!(feature = "mysql"), "mysql"),
        _ => return Err(format!("{PREFIX}: expected {SCHEMES} at its beginning, {}", found(scheme))),
    };
    if !is_built {
        return Err(format!(
            "{PREFIX}: {scheme}: needs the feature {feature:?} of apsched, which is not enabled"
        ));
    }
    if dialect != Dialect::Sqlite && hides_its_host(url) {
        return Err(format!(
            "{PREFIX}: found an \"@\" behind the host; in a user or password write \"/\" as %2F, \"#\" as %23 and \"@\" as %40"
        ));
    }
    Ok(dialect)
}

pub(crate) const PREFIX: &str = "URL of the data store";

const SCHEMES: &str = "sqlite:, postgres:, postgresql:, mysql: or mariadb:";

fn found(scheme: &str) -> String {
    match scheme.len() {
        // One letter is a drive of Windows.
        0 | 1 => "found none of them (a file is named as in sqlite:jobs.db)".to_owned(),
        _ => format!("found {scheme:?}"),
    }
}

/// Whether a character of the password ends what is read as host, so that the host would be looked for in the password.
fn hides_its_host(url: &str) -> bool {
    let (url, fragment) = url.split_once('#').unwrap_or((url, ""));
    let url = url.split_once('?').map_or(url, |(url, _)| url);
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    fragment.contains('@') || rest.split_once('/').is_some_and(|(_, path)| path.contains('@'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_that_names_no_database_is_refused_and_not_repeated() {
        assert_eq!(
            dialect_of("mongodb://user:secret@host/").unwrap_err(),
            "URL of the data store: expected sqlite:, postgres:, postgresql:, mysql: or mariadb: at its beginning, found \"mongodb\""
        );
        for path in ["jobs.db", "/var/lib/jobs.db", r"C:\jobs.db", ""] {
            let text = dialect_of(path).unwrap_err();
            assert!(text.ends_with("found none of them (a file is named as in sqlite:jobs.db)"), "{text}");
        }
    }

    #[test]
    fn a_password_may_hold_what_is_written_as_it_should_be() {
        assert!(!hides_its_host("postgres://ada:p%40ss%2Fword@host:5432/jobs?options=a@b"));
        assert!(!hides_its_host("postgres:///jobs?host=/run/postgresql"));
        assert!(!hides_its_host("postgres://ada:p@ss@host/jobs"), "the last one stands before the host");
        assert!(hides_its_host("postgres://ada:p/ss@host/jobs"));
        assert!(hides_its_host("postgres://ada:p#ss@host/jobs"));
    }
}
