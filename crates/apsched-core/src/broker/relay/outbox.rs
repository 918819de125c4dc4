//! What waits to be told to other processes, and how it becomes messages. Pure: nothing here waits or sends.
//!
//! ```text
//! publish ──▶ │ events, at most `capacity` │ ──▶ one message: as many as fit, in order
//!                  the oldest fall out: their types are told with the next message
//! ```
//!
//! **Wake-ups are summed up.** One that waits takes up those that follow, with the earliest of their times: schedulers
//! look once, however many jobs were added. After one was sent, the next rests for a moment
//! ([`BrokerOptions::wakeup_interval`](super::BrokerOptions::wakeup_interval)), so that thousands of single jobs cause
//! a few looks and not thousands; the first after a quiet time is never delayed.
//!
//! Not here: how long the moment is (`link.rs`), and who listens (`audience.rs`).

use std::collections::VecDeque;

use super::message::{ENVELOPE_BYTES, MAX_MESSAGE_BYTES, Message, Origin, with_short_texts};
use crate::event::{Event, EventInterest, Wakeup};
use crate::serializer::Serializers;

/// What waits to be sent.
#[derive(Debug)]
pub(super) struct Outbox {
    capacity: usize,
    events: VecDeque<Event>,
    /// How many events have left the queue at its front, ever.
    left: u64,
    wakeups: Wakeups,
    lost: Lost,
    announcement: Announcement,
    /// Number of the last message.
    number: u64,
}

/// Where the next wake-up goes.
#[derive(Debug, PartialEq)]
enum Wakeups {
    /// To the end of the queue.
    Free,
    /// Into the one that waits in the queue, the `place`-th event that ever was there.
    Queued { place: u64 },
    /// Aside, until the rest after the last one is over.
    Resting { next: Option<Wakeup> },
}

/// Events that could not be sent and have not been told of yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Lost {
    pub(super) count: u64,
    pub(super) types: EventInterest,
}

/// Whether a message is due although nothing happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Announcement {
    #[default]
    None,
    /// To tell what is listened to here.
    Tell,
    /// And to ask what is listened to elsewhere.
    Ask,
}

/// A message, ready to be sent.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Parcel {
    pub(super) bytes: Vec<u8>,
    /// It holds a wake-up: the next one rests until [`Outbox::rest_is_over`].
    pub(super) wakes: bool,
    /// What it says to be lost.
    pub(super) lost: Lost,
}

impl Outbox {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            events: VecDeque::new(),
            left: 0,
            wakeups: Wakeups::Free,
            lost: Lost::default(),
            announcement: Announcement::None,
            number: 0,
        }
    }

    /// Takes an event to be sent.
    pub(super) fn push(&mut self, event: Event) {
        match event {
            Event::Wakeup(wakeup) => self.push_wakeup(wakeup),
            event => self.push_back(with_short_texts(event)),
        }
    }

    /// Makes a message due.
    pub(super) fn announce(&mut self, announcement: Announcement) {
        self.announcement = self.announcement.max(announcement);
    }

    /// The rest after a wake-up is over: the next one may be sent.
    pub(super) fn rest_is_over(&mut self) {
        if let Wakeups::Resting { next } = std::mem::replace(&mut self.wakeups, Wakeups::Free)
            && let Some(wakeup) = next
        {
            self.push_wakeup(wakeup);
        }
    }

    /// Whether there is something to send now.
    pub(super) fn has_message(&self) -> bool {
        !self.events.is_empty() || self.lost.count > 0 || self.announcement != Announcement::None
    }

    /// The next message. `None`: nothing to send.
    pub(super) fn take(
        &mut self,
        origin: Origin,
        listens: EventInterest,
        serializers: &Serializers,
    ) -> Option<Parcel> {
        let mut fits = self.count_what_fits(serializers);
        loop {
            if fits == 0 && !self.has_message() {
                return None;
            }
            self.events.make_contiguous();
            let message = Message {
                origin,
                number: self.number + 1,
                listens,
                asks: self.announcement == Announcement::Ask,
                lost: self.lost.types,
                events: self.events.iter().take(fits).cloned().collect(),
            };
            match message.write(serializers) {
                Ok(bytes) if bytes.len() <= MAX_MESSAGE_BYTES => return Some(self.sent(fits, bytes)),
                // A format that needs more for the whole than for its parts.
                Ok(_) if fits > 1 => fits /= 2,
                _ if fits > 0 => {
                    self.lose_front();
                    fits = fits.min(self.events.len());
                }
                _ => return None,
            }
        }
    }

    fn push_wakeup(&mut self, wakeup: Wakeup) {
        match &mut self.wakeups {
            Wakeups::Free => {
                self.push_back(wakeup.into());
                self.wakeups = Wakeups::Queued { place: self.left + self.events.len() as u64 - 1 };
            }
            Wakeups::Queued { place } => {
                let index = usize::try_from(*place - self.left).ok();
                if let Some(Event::Wakeup(waiting)) = index.and_then(|index| self.events.get_mut(index)) {
                    *waiting = both(waiting, &wakeup);
                }
            }
            Wakeups::Resting { next } => {
                *next = Some(next.as_ref().map_or_else(|| wakeup.clone(), |next| both(next, &wakeup)));
            }
        }
    }

    fn push_back(&mut self, event: Event) {
        while self.events.len() >= self.capacity {
            self.lose_front();
        }
        self.events.push_back(event);
    }

    fn lose_front(&mut self) {
        if self.wakeups == (Wakeups::Queued { place: self.left }) {
            self.wakeups = Wakeups::Free;
        }
        if let Some(event) = self.events.pop_front() {
            self.left += 1;
            self.lost.count += 1;
            self.lost.types = self.lost.types | event.interest();
        }
    }

    /// How many events from the front fill a message; those that fit into none are lost.
    fn count_what_fits(&mut self, serializers: &Serializers) -> usize {
        let mut bytes = ENVELOPE_BYTES;
        let mut count = 0;
        while let Some(event) = self.events.get(count) {
            // A byte or a few between two of them.
            let size = serializers.write(event).map(|(_, event)| event.len() + 4).unwrap_or(usize::MAX);
            if size > MAX_MESSAGE_BYTES - ENVELOPE_BYTES {
                if count > 0 {
                    break;
                }
                self.lose_front();
                continue;
            }
            if bytes + size > MAX_MESSAGE_BYTES {
                break;
            }
            bytes += size;
            count += 1;
        }
        count
    }

    fn sent(&mut self, count: usize, bytes: Vec<u8>) -> Parcel {
        self.events.drain(..count);
        self.left += count as u64;
        let wakes = matches!(self.wakeups, Wakeups::Queued { place } if place < self.left);
        if wakes {
            self.wakeups = Wakeups::Resting { next: None };
        }
        self.number += 1;
        self.announcement = Announcement::None;
        Parcel { bytes, wakes, lost: std::mem::take(&mut self.lost) }
    }
}

/// One wake-up that stands for two.
fn both(one: &Wakeup, other: &Wakeup) -> Wakeup {
    let earliest = |one: Option<_>, other: Option<_>| one.into_iter().chain(other).min();
    Wakeup::new(earliest(one.jobs_at, other.jobs_at), earliest(one.schedules_at, other.schedules_at))
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};

    use super::super::message::Heard;
    use super::*;
    use crate::event::{EventType, JobReleased, TaskAdded};
    use crate::id::{JobId, ScheduleId, SchedulerId, SchedulerName, TaskId};
    use crate::job::JobOutcome;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
    }

    fn added(id: &str) -> Event {
        TaskAdded::new(TaskId::new(id).unwrap()).into()
    }

    fn numbered(number: usize) -> Event {
        added(&format!("task {number}"))
    }

    fn jobs(second: i64) -> Event {
        Wakeup::jobs(at(second)).into()
    }

    fn outbox(events: impl IntoIterator<Item = Event>) -> Outbox {
        let mut outbox = Outbox::new(200);
        events.into_iter().for_each(|event| outbox.push(event));
        outbox
    }

    fn take(outbox: &mut Outbox) -> Option<Message> {
        let serializers = Serializers::default();
        let parcel = outbox.take(Origin(2), EventInterest::NONE, &serializers)?;
        assert!(parcel.bytes.len() <= MAX_MESSAGE_BYTES, "{} bytes", parcel.bytes.len());
        match Message::read(&parcel.bytes, Origin(1), &serializers).unwrap() {
            Heard::Other(message) => Some(message),
            Heard::Own => panic!("another origin reads it"),
        }
    }

    fn events(outbox: &mut Outbox) -> Vec<Event> {
        take(outbox).map(|message| message.events).unwrap_or_default()
    }

    #[test]
    fn what_waits_together_is_one_message_and_messages_are_numbered() {
        let mut outbox = outbox([numbered(1), numbered(2)]);

        let first = take(&mut outbox).unwrap();
        outbox.push(numbered(3));
        let second = take(&mut outbox).unwrap();

        assert_eq!((first.number, first.events), (1, vec![numbered(1), numbered(2)]));
        assert_eq!((second.number, second.events), (2, vec![numbered(3)]));
        assert_eq!(take(&mut outbox), None);
    }

    #[test]
    fn what_is_too_much_for_one_message_goes_into_several_in_order() {
        let mut outbox = outbox((0..150).map(numbered));

        let messages: Vec<_> = std::iter::from_fn(|| take(&mut outbox)).collect();

        assert_eq!(messages.len(), 2, "5,900 bytes hold many");
        let told: Vec<_> = messages.into_iter().flat_map(|message| message.events).collect();
        assert_eq!(told, (0..150).map(numbered).collect::<Vec<_>>());
    }

    #[test]
    fn the_longest_ids_fit_into_a_message_though_each_character_is_escaped() {
        let longest = "\"".repeat(255);
        let event = JobReleased::new(
            JobId::at(at(0), 0),
            TaskId::new(&longest).unwrap(),
            Some(ScheduleId::new(&longest).unwrap()),
            Some(SchedulerId::new(SchedulerName::new(&longest).unwrap(), u64::MAX)),
            JobOutcome::DeserializationFailed,
        );
        let mut outbox = outbox(vec![event.clone().into(); 9]);

        let told: Vec<_> =
            std::iter::from_fn(|| take(&mut outbox)).flat_map(|message| message.events).collect();

        assert_eq!(told, vec![Event::from(event); 9]);
    }

    #[test]
    fn wakeups_that_wait_are_one_with_the_earliest_times_in_the_place_of_the_first() {
        let schedules = Wakeup::schedules(at(5)).into();
        let mut outbox =
            outbox([numbered(1), jobs(3), numbered(2), jobs(2), jobs(4), schedules, numbered(3)]);

        let both = Wakeup::new(Some(at(2)), Some(at(5))).into();
        assert_eq!(events(&mut outbox), [numbered(1), both, numbered(2), numbered(3)]);
    }

    #[test]
    fn a_wakeup_after_one_that_was_sent_waits_for_the_end_of_the_rest() {
        let mut outbox = outbox([jobs(1)]);
        assert_eq!(events(&mut outbox), [jobs(1)], "the first goes at once");

        (2..1_000).for_each(|second| outbox.push(jobs(second)));
        outbox.push(numbered(1));
        assert_eq!(events(&mut outbox), [numbered(1)], "others do not wait");
        outbox.rest_is_over();
        assert_eq!(events(&mut outbox), [jobs(2)], "one stands for all");
        outbox.rest_is_over();
        assert_eq!(take(&mut outbox), None);
        outbox.push(jobs(9));
        assert_eq!(events(&mut outbox), [jobs(9)], "after a quiet time the next goes at once");
    }

    #[test]
    fn what_does_not_fit_into_the_queue_is_counted_and_told_by_type() {
        let mut outbox = outbox([jobs(1)]);
        (0..200).for_each(|number| outbox.push(numbered(number)));

        let parcel = outbox.take(Origin(2), EventInterest::NONE, &Serializers::default()).unwrap();
        assert_eq!(parcel.lost, Lost { count: 1, types: Wakeup::INTEREST });
        assert!(!parcel.wakes, "the wake-up fell out");
        outbox.push(jobs(2));
        let rest: Vec<_> = std::iter::from_fn(|| take(&mut outbox)).collect();
        assert!(rest.iter().all(|message| message.lost == EventInterest::NONE), "it is told once");
        assert_eq!(rest.last().unwrap().events.last(), Some(&jobs(2)));
    }

    #[test]
    fn a_loss_alone_is_worth_a_message() {
        let mut outbox = Outbox::new(1);
        outbox.push(numbered(1));
        outbox.push(numbered(2));
        drop(take(&mut outbox));
        outbox.push(numbered(3));
        outbox.push(numbered(4));
        outbox.lose_front();

        let message = take(&mut outbox).unwrap();
        assert_eq!((message.events, message.lost), (vec![], TaskAdded::INTEREST));
    }

    #[test]
    fn an_announcement_is_a_message_of_its_own_or_goes_along() {
        let mut outbox = outbox([numbered(1)]);
        outbox.announce(Announcement::Ask);
        outbox.announce(Announcement::Tell);

        assert!(take(&mut outbox).unwrap().asks);
        assert_eq!(take(&mut outbox), None);
        outbox.announce(Announcement::Tell);
        let message = take(&mut outbox).unwrap();
        assert_eq!((message.asks, message.events), (false, vec![]));
    }
}
