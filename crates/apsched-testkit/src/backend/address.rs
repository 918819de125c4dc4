//! Where a URL points, as far as it takes to see whether anybody listens there.
//!
//! The host and port stand between the user's part (up to the last `@`) and the path, query or fragment. Of several hosts,
//! as URLs of MongoDB may have, the first counts.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::ops::Range;
use std::time::Duration;

/// How long a connection may take. On this machine it takes no time; a host that swallows packets answers never.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// The host and port of a server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// A name or an address; one of IPv6 stands without brackets.
    pub host: String,
    /// From 1 to 65535.
    pub port: u16,
}

/// What is wrong with a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    Host,
    Port,
}

impl Address {
    /// The address in `url`, at this port where it names none.
    pub(super) fn of_url(url: &str, default_port: u16) -> Result<Self, Wrong> {
        let hosts = &url[hosts(url)];
        let first = hosts.split(',').next().unwrap_or(hosts);
        let (host, port) = match first.strip_prefix('[') {
            Some(rest) => rest.split_once(']').ok_or(Wrong::Host)?,
            None => first.split_at(first.find(':').unwrap_or(first.len())),
        };
        if host.is_empty() {
            return Err(Wrong::Host);
        }
        let port = match port.strip_prefix(':') {
            Some(digits) => digits.parse().ok().filter(|&port| port != 0).ok_or(Wrong::Port)?,
            None if port.is_empty() => default_port,
            None => return Err(Wrong::Port),
        };
        Ok(Self { host: host.to_owned(), port })
    }

    /// Connects, to see whether anybody listens.
    ///
    /// # Errors
    /// When the host has no address, or nobody answers at any of them within a second each.
    pub fn connect(&self) -> io::Result<TcpStream> {
        let mut failure = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
        for address in (self.host.as_str(), self.port).to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
                Ok(connection) => return Ok(connection),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }
}

/// As in a URL: `127.0.0.1:5432`, `[::1]:5432`.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// `url` with `address` in the place of its host and port, or of all of them.
pub(super) fn with_address(url: &str, address: SocketAddr) -> String {
    let hosts = hosts(url);
    format!("{}{address}{}", &url[..hosts.start], &url[hosts.end..])
}

/// Where in `url` the hosts with their ports stand.
fn hosts(url: &str) -> Range<usize> {
    let start = url.find("://").map_or(0, |colon| colon + 3);
    let end = url[start..].find(['/', '?', '#']).map_or(url.len(), |length| start + length);
    let start = url[start..end].rfind('@').map_or(start, |at| start + at + 1);
    start..end
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};

    use super::*;

    fn text(url: &str) -> Result<String, Wrong> {
        Address::of_url(url, 99).map(|address| address.to_string())
    }

    #[test]
    fn address_stands_between_the_user_and_the_path() {
        for (url, expected) in [
            ("redis://127.0.0.1:6379/", "127.0.0.1:6379"),
            ("postgres://ada:p%40ss@db.example:5433/test?sslmode=disable", "db.example:5433"),
            ("mysql://root:a@b@127.0.0.1:3306", "127.0.0.1:3306"),
            ("mqtt://localhost", "localhost:99"),
            ("mongodb://one:1,two:2/?replicaSet=rs0", "one:1"),
            ("mongodb://one?replicaSet=rs0", "one:99"),
            ("redis://[::1]:6379", "[::1]:6379"),
            ("redis://[::1]/0", "[::1]:99"),
        ] {
            assert_eq!(text(url).as_deref(), Ok(expected), "{url}");
        }
    }

    #[test]
    fn url_without_a_host_or_with_a_nonsensical_port_is_refused() {
        for (url, expected) in [
            ("postgres:///test", Wrong::Host),
            ("postgres://ada@/test", Wrong::Host),
            ("redis://:6379", Wrong::Host),
            ("redis://[::1", Wrong::Host),
            ("redis://host:", Wrong::Port),
            ("redis://host:0", Wrong::Port),
            ("redis://host:65536", Wrong::Port),
            ("redis://[::1]6379", Wrong::Port),
            ("redis://::1", Wrong::Host),
        ] {
            assert_eq!(text(url), Err(expected), "{url}");
        }
    }

    #[test]
    fn another_address_takes_the_place_of_all_hosts_alone() {
        let v4 = SocketAddr::from((Ipv4Addr::LOCALHOST, 7));
        let v6 = SocketAddr::from((Ipv6Addr::LOCALHOST, 7));

        assert_eq!(
            with_address("postgres://ada:p@db:5432/test?a=b", v4),
            "postgres://ada:p@127.0.0.1:7/test?a=b"
        );
        assert_eq!(with_address("mongodb://one,two/?a=b", v4), "mongodb://127.0.0.1:7/?a=b");
        assert_eq!(with_address("mqtt://host", v6), "mqtt://[::1]:7");
    }

    #[test]
    fn somebody_listens_until_the_listener_is_gone() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = Address { host: "127.0.0.1".into(), port: listener.local_addr().unwrap().port() };

        assert!(address.connect().is_ok());
        drop(listener);
        assert_eq!(address.connect().unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    }
}
