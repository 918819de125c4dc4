//! The suite for brokers that speak TLS, tested itself: it finds brokers that look at no certificate, that take none, and that
//! are alone with their server.

use std::sync::Arc;

use apsched_core::broker::EventBroker;
use apsched_testkit::conformance::block_on;
use apsched_testkit::conformance::broker::tls::{CASES, TlsHarness, TlsServer, Trust};
use apsched_testkit::conformance::broker::{BrokerHarness, Disturbance};
use apsched_testkit::fault::ServerCertificate;
use async_trait::async_trait;

use crate::bus::Bus;

/// What a broker does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Breach {
    /// It connects, whatever the server shows.
    TrustsAnybody,
    /// It never connects, and does not say why.
    TrustsNobody,
    /// It connects, and no other process hears it.
    IsAlone,
}

struct Careless(Breach);

struct Server {
    bus: Bus,
    breach: Breach,
}

#[async_trait]
impl TlsHarness for Careless {
    async fn serve(&self, _: Option<&ServerCertificate>) -> Result<Box<dyn TlsServer>, String> {
        let bus = Bus::new(None);
        if self.0 == Breach::TrustsNobody {
            bus.disturb(Disturbance::Gone).await;
        }
        Ok(Box::new(Server { bus, breach: self.0 }))
    }

    fn not_encrypted(&self) -> &'static str {
        "not encrypted"
    }
}

#[async_trait]
impl TlsServer for Server {
    async fn open(&self, _: Trust<'_>) -> Arc<dyn EventBroker> {
        match self.breach {
            Breach::IsAlone => Bus::new(None).open().await,
            Breach::TrustsAnybody | Breach::TrustsNobody => self.bus.open().await,
        }
    }
}

/// The cases that a broker with this breach fails. All at once: some wait for what never comes.
fn failed(breach: Breach) -> Vec<&'static str> {
    let verdicts = CASES.iter().map(|case| {
        let run = case.run;
        let verdict = std::thread::spawn(move || {
            block_on(async move { run(&Careless(breach)).await });
        });
        (case.name, verdict)
    });
    let verdicts: Vec<_> = verdicts.collect();
    verdicts.into_iter().filter_map(|(name, verdict)| verdict.join().is_err().then_some(name)).collect()
}

#[test]
fn who_trusts_anybody_is_found_by_each_case_about_whom_to_refuse() {
    assert_eq!(
        failed(Breach::TrustsAnybody),
        [
            "a_server_that_nobody_vouches_for_is_refused",
            "a_server_that_shows_the_certificate_of_another_host_is_refused",
            "a_server_that_is_not_encrypted_is_refused",
        ]
    );
}

#[test]
fn who_connects_to_nobody_and_does_not_say_why_fails_all() {
    assert_eq!(failed(Breach::TrustsNobody), CASES.iter().map(|case| case.name).collect::<Vec<_>>());
}

#[test]
fn a_process_that_no_other_hears_is_found() {
    assert!(failed(Breach::IsAlone).contains(&"events_travel_encrypted"));
}
