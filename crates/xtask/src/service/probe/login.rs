//! Who a URL logs in as: `scheme://user:password@host/database?option=value`, with `%40` for `@` in its parts.

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Login {
    /// Empty where the URL names none.
    pub(super) user: String,
    pub(super) has_password: bool,
    /// Empty where the URL names none.
    pub(super) database: String,
    /// The value of `replicaSet`.
    pub(super) replica_set: Option<String>,
    pub(super) asks_for_tls: bool,
}

/// The schemes and options that ask for TLS.
const TLS: [&str; 10] = [
    "rediss://",
    "mqtts://",
    "sslmode=require",
    "sslmode=verify",
    "ssl-mode=required",
    "ssl-mode=verify",
    "ssl-mode=VERIFY",
    "ssl-mode=REQUIRED",
    "tls=true",
    "ssl=true",
];

impl Login {
    pub(super) fn of_url(url: &str) -> Self {
        let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
        let (before_options, options) = after_scheme.split_once('?').unwrap_or((after_scheme, ""));
        let (authority, database) = before_options.split_once('/').unwrap_or((before_options, ""));
        let user = authority.rsplit_once('@').map_or("", |(user, _)| user);
        let (user, password) = user.split_once(':').unwrap_or((user, ""));
        let replica_set = options.split('&').find_map(|option| option.strip_prefix("replicaSet="));
        Self {
            user: decoded(user),
            has_password: !password.is_empty(),
            database: decoded(database),
            replica_set: replica_set.map(decoded),
            asks_for_tls: TLS.iter().any(|it| url.contains(it)),
        }
    }
}

/// With the percent signs and the two digits behind each replaced by their byte. Others stay as they are.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, behind)) = rest.split_first() {
        let digits = behind.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.filter(|_| first == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.unwrap_or(first));
        rest = if byte.is_some() { &behind[2..] } else { behind };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_without_a_login_has_none() {
        for url in ["redis://127.0.0.1:6379/", "mqtt://127.0.0.1:1883"] {
            assert_eq!(Login::of_url(url), Login::default(), "{url}");
        }
    }

    #[test]
    fn login_is_read_from_its_parts() {
        let login = Login::of_url("postgres://a%40b:s%3Acret@db:5432/my%20db?sslmode=require");

        assert_eq!((login.user.as_str(), login.database.as_str()), ("a@b", "my db"));
        assert!(login.has_password && login.asks_for_tls);
    }

    #[test]
    fn user_without_a_password_is_fine() {
        let login = Login::of_url("mysql://root@127.0.0.1:3306/test");

        let expected = Login { user: "root".into(), database: "test".into(), ..Login::default() };
        assert_eq!(login, expected);
    }

    #[test]
    fn replica_set_is_an_option() {
        let login = Login::of_url("mongodb://one,two/?directConnection=true&replicaSet=rs0");

        assert_eq!(login.replica_set.as_deref(), Some("rs0"));
    }

    #[test]
    fn odd_percent_signs_stay() {
        assert_eq!(decoded("100%"), "100%");
        assert_eq!(decoded("%zz%4"), "%zz%4");
        assert_eq!(decoded("%é1"), "%é1");
    }
}
