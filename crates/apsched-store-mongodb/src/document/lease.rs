//! A lease as it stands in a document. Its token stands beside it, as that outlives the lease.

use apsched_core::{Lease, LeaseToken, SchedulerId, SchedulerName};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Micros;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct LeaseDocument {
    pub(crate) holder: Holder,
    pub(crate) until: Micros,
}

impl LeaseDocument {
    pub(crate) fn of(lease: &Lease) -> Self {
        Self { holder: Holder(lease.holder.clone()), until: Micros(lease.until) }
    }

    pub(crate) fn with_token(self, token: LeaseToken) -> Lease {
        Lease { holder: self.holder.0, token, until: self.until.0 }
    }
}

/// A scheduler as text: its name, a slash, its run as sixteen hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holder(pub(crate) SchedulerId);

impl Holder {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (name, run) = text.rsplit_once('/')?;
        let incarnation = u64::from_str_radix(run, 16).ok()?;
        let id = SchedulerId::new(SchedulerName::new(name).ok()?, incarnation);
        (id.to_string() == text).then_some(Self(id))
    }
}

impl Serialize for Holder {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Holder {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            serde::de::Error::custom(format_args!("expected a scheduler as name/run, found {text:?}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_reads_back_whatever_its_name() {
        for name in ["pod-1", "a/b", "/", "ünï ☾"] {
            let id = SchedulerId::new(SchedulerName::new(name).unwrap(), u64::MAX);
            assert_eq!(Holder::parse(&id.to_string()), Some(Holder(id)));
        }
        for text in ["", "pod-1", "/1", "pod-1/x", "pod-1/00000000000000001"] {
            assert_eq!(Holder::parse(text), None, "{text:?}");
        }
    }
}
