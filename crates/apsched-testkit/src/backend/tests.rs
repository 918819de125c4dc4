//! Every backend is found as its table says, and an unreadable variable says what is wrong without telling a password.

use std::ffi::OsStr;

use super::*;

fn locate(backend: Backend, value: &str) -> Result<String, String> {
    let located = backend.server().unwrap().locate(Some(OsStr::new(value)));
    located.map(|(_, address)| address.to_string()).map_err(|error| error.to_string())
}

#[test]
fn name_of_every_backend_reads_back() {
    for backend in Backend::ALL {
        assert_eq!(backend.as_str().parse(), Ok(backend));
    }
}

#[test]
fn backends_stand_in_the_order_of_their_numbers() {
    assert_eq!(Backend::ALL.map(|backend| backend as usize), [0, 1, 2, 3, 4, 5]);
}

#[test]
fn documented_defaults_point_at_this_machine() {
    let addresses = Backend::ALL.iter().filter_map(|backend| {
        let server = backend.server()?;
        Some((server.variable, server.locate(None).unwrap().1.to_string()))
    });

    assert_eq!(
        addresses.collect::<Vec<_>>(),
        [
            ("APSCHED_TEST_POSTGRES_URL", "127.0.0.1:5432".to_owned()),
            ("APSCHED_TEST_MYSQL_URL", "127.0.0.1:3306".to_owned()),
            ("APSCHED_TEST_MONGODB_URL", "127.0.0.1:27017".to_owned()),
            ("APSCHED_TEST_REDIS_URL", "127.0.0.1:6379".to_owned()),
            ("APSCHED_TEST_MQTT_URL", "127.0.0.1:1883".to_owned()),
        ]
    );
}

#[test]
fn an_empty_variable_means_the_default() {
    let server = Backend::Redis.server().unwrap();

    assert_eq!(server.locate(Some(OsStr::new(""))), server.locate(None));
}

#[test]
fn a_url_without_a_port_gets_the_one_of_its_scheme() {
    assert_eq!(locate(Backend::Mqtt, "mqtts://broker.example"), Ok("broker.example:8883".into()));
    assert_eq!(locate(Backend::Postgres, "postgresql://db.example/test"), Ok("db.example:5432".into()));
}

#[test]
fn a_wrong_url_is_refused_without_repeating_its_password() {
    for (url, expected) in [
        (
            "mysql://ada:secret@db/test",
            "APSCHED_TEST_POSTGRES_URL: expected a URL that begins with postgres:// or postgresql:// (such as postgres://postgres@127.0.0.1:5432/postgres)",
        ),
        (
            "secret",
            "APSCHED_TEST_POSTGRES_URL: expected a URL that begins with postgres:// or postgresql:// (such as postgres://postgres@127.0.0.1:5432/postgres)",
        ),
        (
            "postgres://ada:secret@/test",
            "APSCHED_TEST_POSTGRES_URL: expected a host after \"://\" (such as postgres://postgres@127.0.0.1:5432/postgres)",
        ),
        (
            "postgres://ada:secret/@db/test",
            "APSCHED_TEST_POSTGRES_URL: expected a port from 1 to 65535 between the host's \":\" and the path (such as postgres://postgres@127.0.0.1:5432/postgres)",
        ),
    ] {
        assert_eq!(locate(Backend::Postgres, url), Err(expected.into()), "{url}");
    }
}

#[test]
fn text_of_a_missing_server_says_where_it_was_looked_for_and_what_to_do() {
    let server = Backend::Mongodb.server().unwrap();
    let (_, address) = server.locate(None).unwrap();

    assert_eq!(
        Backend::Mongodb.missing_text(&server, &address, &"connection refused"),
        "no mongodb listens at 127.0.0.1:27017 (connection refused); start one with `cargo xtask services up`, or set \
         APSCHED_TEST_MONGODB_URL to the URL of another"
    );
}

#[test]
fn a_backend_without_a_server_is_never_missing() {
    assert_eq!(Backend::Sqlite.missing(), None);
    assert_eq!(Backend::Sqlite.server(), None);
}

#[test]
#[should_panic(expected = "sqlite needs no server, so it has no URL")]
fn a_backend_without_a_server_has_no_url() {
    let _ = Backend::Sqlite.url();
}

#[test]
fn a_missing_server_is_excused_where_it_is_not_required() {
    let required = Required::parse(Some(OsStr::new("redis"))).unwrap();

    assert_eq!(Backend::Mqtt.excuse("no mqtt".into(), &required), Some("no mqtt".into()));
}

#[test]
#[should_panic(expected = "APSCHED_REQUIRE_BACKENDS asks for redis, but no redis")]
fn a_missing_server_that_is_required_fails_the_test() {
    let required = Required::parse(Some(OsStr::new("redis"))).unwrap();

    let _ = Backend::Redis.excuse("no redis".into(), &required);
}
