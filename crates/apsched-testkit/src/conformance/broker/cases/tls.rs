//! Who is trusted is spoken to, encrypted; nobody else is, and the health says why.

use std::sync::Arc;

use apsched_core::broker::EventBroker;
use apsched_core::event::{EventType, Health, ScheduleRemoved};

use crate::conformance::broker::listener::{
    hear_each_other, is_healthy, numbered, soon, until, until_health,
};
use crate::conformance::broker::tls::{TlsHarness, TlsServer, Trust};
use crate::fault::ServerCertificate;
use crate::report_skipped;

/// Where the servers are.
const HOST: &str = "127.0.0.1";

/// Where they are not.
const ELSEWHERE: &str = "elsewhere.example";

/// The server for the case of this name, if there can be one.
async fn server(
    name: &str,
    harness: &dyn TlsHarness,
    certificate: Option<&ServerCertificate>,
) -> Option<Box<dyn TlsServer>> {
    let server = harness.serve(certificate).await;
    server.map_err(|why| report_skipped(name, &why)).ok()
}

/// A started broker, whether or not it is connected.
async fn started(server: &dyn TlsServer, trust: Trust<'_>) -> Arc<dyn EventBroker> {
    let broker = server.open(trust).await;
    let start = soon("the start", broker.start()).await;
    start.unwrap_or_else(|error| panic!("start fails: {error}"));
    broker
}

/// Asserts that a broker with this trust does not connect, and says why.
async fn assert_refused(server: &dyn TlsServer, trust: Trust<'_>, why: &str) {
    let broker = started(server, trust).await;
    match broker.health() {
        Health::Unhealthy(reason) => assert!(reason.contains(why), "expected {why:?} in {reason:?}"),
        Health::Healthy => panic!("a broker that trusts {trust:?} is connected, expected {why:?}"),
    }
    broker.stop().await;
}

pub(crate) async fn events_travel_encrypted(harness: &dyn TlsHarness) {
    let certificate = ServerCertificate::self_signed(HOST);
    let Some(server) = server("events_travel_encrypted", harness, Some(&certificate)).await else { return };
    let trust = Trust::Only(&certificate);
    let (here, there) = (started(&*server, trust).await, started(&*server, trust).await);
    for broker in [&here, &there] {
        // A server may listen before it lets anybody in.
        until_health(broker, is_healthy).await;
    }
    hear_each_other(&here, &there).await;
    let mut listener = there.subscribe(ScheduleRemoved::INTEREST);

    here.publish(vec![numbered(1)]);

    assert_eq!(until(&mut listener, &numbered(1)).await, [numbered(1)]);
}

pub(crate) async fn a_server_that_nobody_vouches_for_is_refused(harness: &dyn TlsHarness) {
    let name = "a_server_that_nobody_vouches_for_is_refused";
    let certificate = ServerCertificate::self_signed(HOST);
    let Some(server) = server(name, harness, Some(&certificate)).await else { return };
    let other = ServerCertificate::self_signed(HOST);

    for trust in [Trust::System, Trust::Only(&other)] {
        assert_refused(&*server, trust, harness.not_trusted()).await;
    }
}

pub(crate) async fn a_server_that_shows_the_certificate_of_another_host_is_refused(harness: &dyn TlsHarness) {
    let name = "a_server_that_shows_the_certificate_of_another_host_is_refused";
    let certificate = ServerCertificate::self_signed(ELSEWHERE);
    let Some(server) = server(name, harness, Some(&certificate)).await else { return };

    assert_refused(&*server, Trust::Only(&certificate), harness.of_another_host()).await;
}

/// It is not spoken to in the clear instead.
pub(crate) async fn a_server_that_is_not_encrypted_is_refused(harness: &dyn TlsHarness) {
    let name = "a_server_that_is_not_encrypted_is_refused";
    let Some(server) = server(name, harness, None).await else { return };

    assert_refused(&*server, Trust::System, harness.not_encrypted()).await;
}
