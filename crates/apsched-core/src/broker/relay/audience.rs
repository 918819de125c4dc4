//! The other processes on the channel: what they listen to, and whether a message of theirs went astray. Pure; time
//! comes as ticks.
//!
//! Every message says what somebody at its origin listens to, and a process that begins to listen to more, or that is
//! asked, says so at once. So stores need not build an event for each job as long as no process listens to jobs. Until a
//! newcomer had the time to hear the others, everything counts as listened to. A process that listens to more than
//! schedulers need repeats it now and then; one that is not heard for a while has gone.
//!
//! Messages of one origin are numbered: a number that is passed over means that messages were lost on the way, one that
//! was there already is a repetition.

use std::collections::HashMap;

use super::message::Origin;
use crate::event::{EventInterest, EventType, JobCancelRequested, Wakeup};

/// What every scheduler listens to, and is always told.
pub(super) const HINTS: EventInterest = JobCancelRequested::INTEREST.with(Wakeup::INTEREST);

/// Ticks between two repetitions of what is listened to here.
pub(super) const TICKS_TO_REPEAT: u32 = 10;

/// Ticks after which a process that is not heard has gone.
const TICKS_TO_FORGET: u32 = 3 * TICKS_TO_REPEAT + 2;

/// Most processes that are told apart. With more, everything counts as listened to.
const MOST_PEERS: usize = 4096;

/// What is known of the other processes.
#[derive(Debug, Default)]
pub(super) struct Audience {
    peers: HashMap<Origin, Peer>,
    acquaintance: Acquaintance,
}

#[derive(Debug)]
struct Peer {
    listens: EventInterest,
    /// Number of its last message.
    number: u64,
    silent_ticks: u32,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Acquaintance {
    /// The others have not had the time to say what they listen to.
    #[default]
    New,
    Made,
}

/// How a message stands to those of its origin before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// It is the next, or the first one heard.
    Next,
    /// Others before it were lost.
    AfterGap,
    /// It was there already.
    Repeated,
}

impl Audience {
    /// A connection was made: the others are asked again.
    pub(super) fn connected(&mut self) {
        self.acquaintance = Acquaintance::New;
    }

    /// A message of another process has arrived.
    pub(super) fn hear(&mut self, origin: Origin, number: u64, listens: EventInterest) -> Arrival {
        let is_full = self.peers.len() >= MOST_PEERS;
        let Some(peer) = self.peers.get_mut(&origin) else {
            if !is_full {
                self.peers.insert(origin, Peer { listens, number, silent_ticks: 0 });
            }
            return Arrival::Next;
        };
        if number <= peer.number {
            return Arrival::Repeated;
        }
        let arrival = if number == peer.number + 1 { Arrival::Next } else { Arrival::AfterGap };
        *peer = Peer { listens, number, silent_ticks: 0 };
        arrival
    }

    /// A second has passed on a connection.
    pub(super) fn tick(&mut self) {
        self.acquaintance = Acquaintance::Made;
        self.peers.retain(|_, peer| {
            peer.silent_ticks += 1;
            peer.silent_ticks <= TICKS_TO_FORGET
        });
    }

    /// At least what the others listen to.
    pub(super) fn interest(&self) -> EventInterest {
        if self.acquaintance == Acquaintance::New || self.peers.len() >= MOST_PEERS {
            return EventInterest::ALL;
        }
        self.peers.values().map(|peer| peer.listens).fold(HINTS, EventInterest::with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{JobAdded, JobReleased};

    const A: Origin = Origin(1);
    const B: Origin = Origin(2);

    fn acquainted() -> Audience {
        let mut audience = Audience::default();
        audience.tick();
        audience
    }

    #[test]
    fn everything_is_listened_to_until_the_others_could_say_what() {
        let mut audience = Audience::default();
        audience.hear(A, 1, JobAdded::INTEREST);
        assert_eq!(audience.interest(), EventInterest::ALL);

        audience.tick();
        assert_eq!(audience.interest(), HINTS | JobAdded::INTEREST);

        audience.connected();
        assert_eq!(audience.interest(), EventInterest::ALL, "on a new connection they are asked again");
    }

    #[test]
    fn the_last_message_of_each_counts() {
        let mut audience = acquainted();
        audience.hear(A, 1, JobAdded::INTEREST);
        audience.hear(B, 1, JobReleased::INTEREST);
        assert_eq!(audience.interest(), HINTS | JobAdded::INTEREST | JobReleased::INTEREST);

        audience.hear(A, 2, EventInterest::NONE);
        assert_eq!(audience.interest(), HINTS | JobReleased::INTEREST);
    }

    #[test]
    fn who_is_not_heard_any_more_has_gone() {
        let mut audience = acquainted();
        audience.hear(A, 1, JobAdded::INTEREST);

        (0..TICKS_TO_FORGET).for_each(|_| audience.tick());
        assert!(audience.interest().includes(JobAdded::INTEREST));
        audience.tick();
        assert_eq!(audience.interest(), HINTS);
    }

    #[test]
    fn a_lost_and_a_repeated_message_are_seen_by_their_numbers() {
        let mut audience = acquainted();
        let mut hear = |origin, number| audience.hear(origin, number, EventInterest::NONE);

        assert_eq!(hear(A, 5), Arrival::Next, "the first that is heard need not be the first of all");
        assert_eq!(hear(A, 6), Arrival::Next);
        assert_eq!(hear(B, 1), Arrival::Next);
        assert_eq!(hear(A, 6), Arrival::Repeated);
        assert_eq!(hear(A, 8), Arrival::AfterGap);
        assert_eq!(hear(A, 9), Arrival::Next);
    }

    #[test]
    fn a_crowd_is_not_told_apart_and_takes_no_more_room() {
        let mut audience = acquainted();
        for origin in 0..2 * MOST_PEERS as u64 {
            audience.hear(Origin(origin), 1, EventInterest::NONE);
        }
        assert_eq!(audience.peers.len(), MOST_PEERS);
        assert_eq!(audience.interest(), EventInterest::ALL);
    }
}
