//! Which backends must be there: the value of `APSCHED_REQUIRE_BACKENDS`, names with commas between them, or `all`.

use std::ffi::OsStr;

use super::{Backend, BackendError};

/// The environment variable that names the backends whose tests may not be skipped.
pub const REQUIRED_VARIABLE: &str = "APSCHED_REQUIRE_BACKENDS";

/// The backends whose tests fail when their server is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Required(Vec<Backend>);

impl Required {
    /// As the environment variable says; none when it is not set or empty.
    ///
    /// # Errors
    /// `NotUnicode` and `Unknown`.
    pub fn from_environment() -> Result<Self, BackendError> {
        Self::parse(std::env::var_os(REQUIRED_VARIABLE).as_deref())
    }

    pub(super) fn parse(value: Option<&OsStr>) -> Result<Self, BackendError> {
        let text = value.unwrap_or_default().to_str();
        let text = text.ok_or(BackendError::NotUnicode { variable: REQUIRED_VARIABLE })?;
        let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        let parsed: Result<Vec<_>, _> = names
            .map(|name| match name {
                "all" => Ok(Backend::ALL.to_vec()),
                name => name.parse().map(|backend| vec![backend]),
            })
            .collect();
        match parsed {
            Ok(backends) => Ok(Self(backends.concat())),
            Err(BackendError::Unknown { name, .. }) => {
                Err(BackendError::Unknown { place: REQUIRED_VARIABLE, name })
            }
            Err(error) => Err(error),
        }
    }

    /// Whether this backend must be there.
    #[must_use]
    pub fn contains(&self, backend: Backend) -> bool {
        self.0.contains(&backend)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn parse(value: &str) -> Result<Vec<Backend>, String> {
        Required::parse(Some(value.as_ref())).map(|required| required.0).map_err(|error| error.to_string())
    }

    #[test]
    fn none_are_required_unless_named() {
        assert_eq!(Required::parse(None), Ok(Required::default()));
        assert_eq!(parse(""), Ok(vec![]));
        assert_eq!(parse(" postgres, redis,"), Ok(vec![Backend::Postgres, Backend::Redis]));
        assert_eq!(parse("all"), Ok(Backend::ALL.to_vec()));
    }

    #[test]
    fn unknown_name_is_refused_with_the_names_there_are() {
        assert_eq!(
            parse("redis,postgers"),
            Err("APSCHED_REQUIRE_BACKENDS: no backend is called \"postgers\"; \
                 there are sqlite, postgres, mysql, mongodb, redis, mqtt"
                .into())
        );
    }
}
