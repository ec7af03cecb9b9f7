//! What was sent in one direction of one conversation, and what became of it. The verdict comes from three witnesses: the
//! sender's acknowledgements, the events that the other side got, and the thread read back at the end.

use std::{collections::HashMap, time::Duration};

use bangban_protocol::ThreadEntry;

/// One message.
#[derive(Debug, Clone, Copy)]
struct Sent {
    /// When it should have been sent, in microseconds after the start.
    intended: u32,
    /// Its acknowledged position; 0: none yet.
    seq: u32,
    refused: bool,
    delivered: bool,
}

/// One direction of one conversation.
#[derive(Debug, Default)]
pub(crate) struct Book {
    sent: Vec<Sent>,
    /// Neither acknowledged nor refused yet.
    waiting: u32,
    /// Acknowledged or delivered, but not both yet.
    half: i64,
    last_delivered: Option<u32>,
    duplicated: u32,
    out_of_order: u32,
}

/// The sum over books.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Promised by the server.
    pub(crate) acknowledged: u32,
    /// Seen by the other side.
    pub(crate) delivered: u32,
    /// Acknowledged, but not in the thread at its position, or never delivered.
    pub(crate) lost: u32,
    /// Delivered twice or twice in the thread.
    pub(crate) duplicated: u32,
    /// Delivered or kept in another order than sent.
    pub(crate) out_of_order: u32,
    /// Refused as `busy`: nothing was promised.
    pub(crate) refused: u32,
    /// Neither acknowledged nor refused in time.
    pub(crate) unanswered: u32,
}

impl Verdict {
    pub(crate) const fn add(&mut self, other: &Self) {
        self.acknowledged += other.acknowledged;
        self.delivered += other.delivered;
        self.lost += other.lost;
        self.duplicated += other.duplicated;
        self.out_of_order += other.out_of_order;
        self.refused += other.refused;
        self.unanswered += other.unanswered;
    }
}

fn micros(span: Duration) -> u32 {
    u32::try_from(span.as_micros()).unwrap_or(u32::MAX)
}

impl Book {
    /// A message is sent that should have been sent at this time after the start; gives its number.
    pub(crate) fn send(&mut self, intended: Duration) -> u32 {
        let number = u32::try_from(self.sent.len()).unwrap_or(u32::MAX);
        self.sent.push(Sent { intended: micros(intended), seq: 0, refused: false, delivered: false });
        self.waiting += 1;
        number
    }

    /// How many were sent.
    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.sent.len()).unwrap_or(u32::MAX)
    }

    /// How many were acknowledged and how many refused so far.
    pub(crate) fn answered(&self) -> (u32, u32) {
        self.sent.iter().fold((0, 0), |(promised, refused), sent| {
            (promised + u32::from(sent.seq != 0), refused + u32::from(sent.refused))
        })
    }

    /// How many have neither been acknowledged nor refused yet.
    pub(crate) const fn waiting(&self) -> u32 {
        self.waiting
    }

    /// Everything is acknowledged or refused, and everything acknowledged is delivered.
    pub(crate) const fn is_settled(&self) -> bool {
        self.waiting == 0 && self.half == 0
    }

    /// The server promised this position. `None`: it had answered before.
    pub(crate) fn acknowledged(&mut self, number: u32, seq: u64) -> Option<Duration> {
        let sent = self.sent.get_mut(number as usize)?;
        if sent.seq != 0 || sent.refused {
            return None;
        }
        sent.seq = u32::try_from(seq).unwrap_or(u32::MAX);
        self.waiting -= 1;
        self.half += if sent.delivered { -1 } else { 1 };
        Some(Duration::from_micros(sent.intended.into()))
    }

    /// The server promised nothing.
    pub(crate) fn refused(&mut self, number: u32) {
        if let Some(sent) = self.sent.get_mut(number as usize).filter(|sent| sent.seq == 0 && !sent.refused) {
            sent.refused = true;
            self.waiting -= 1;
        }
    }

    /// The other side got it. Gives the time at which it should have been sent, if this is the first time.
    pub(crate) fn delivered(&mut self, number: u32) -> Option<Duration> {
        let sent = self.sent.get_mut(number as usize)?;
        if sent.delivered {
            self.duplicated += 1;
            return None;
        }
        sent.delivered = true;
        self.half += if sent.seq == 0 { 1 } else { -1 };
        if self.last_delivered.is_some_and(|last| number < last) {
            self.out_of_order += 1;
        }
        self.last_delivered = Some(number);
        Some(Duration::from_micros(sent.intended.into()))
    }

    /// Compares with the thread as it is kept. `number` finds this direction's number in a client id.
    pub(crate) fn verdict(&self, thread: &[ThreadEntry], number: impl Fn(&str) -> Option<u32>) -> Verdict {
        let mut verdict =
            Verdict { duplicated: self.duplicated, out_of_order: self.out_of_order, ..Verdict::default() };
        let mut kept: HashMap<u32, u64> = HashMap::new();
        let mut last = None;
        for entry in thread {
            let Some(number) = entry.client_id.as_deref().and_then(&number) else { continue };
            if kept.insert(number, entry.seq).is_some() {
                verdict.duplicated += 1;
            } else if last.is_some_and(|last| number < last) {
                verdict.out_of_order += 1;
            }
            last = Some(number);
        }
        for (number, sent) in (0_u32..).zip(&self.sent) {
            let is_acknowledged = sent.seq != 0;
            verdict.acknowledged += u32::from(is_acknowledged);
            verdict.delivered += u32::from(sent.delivered);
            verdict.refused += u32::from(sent.refused);
            verdict.unanswered += u32::from(!is_acknowledged && !sent.refused);
            let is_kept = kept.get(&number) == Some(&u64::from(sent.seq));
            verdict.lost += u32::from(is_acknowledged && !(is_kept && sent.delivered));
        }
        verdict
    }
}

/// How often the thread breaks the rule that positions are 1, 2, 3 and so on.
pub(crate) fn gaps(thread: &[ThreadEntry]) -> u32 {
    let wrong = (1_u64..).zip(thread).filter(|(place, entry)| entry.seq != *place).count();
    u32::try_from(wrong).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use bangban_domain::Timestamp;
    use bangban_protocol::{Party, ThreadBody};

    use super::*;

    fn thread(ids: &[&str]) -> Vec<ThreadEntry> {
        let entry = |(seq, id): (u64, &&str)| ThreadEntry {
            seq,
            at: Timestamp(0),
            from: Party::Citizen,
            client_id: Some((*id).to_owned()),
            body: ThreadBody::Text { text: String::new(), entry: None, revision: None, files: Vec::new() },
            masked: false,
        };
        (1..).zip(ids).map(entry).collect()
    }

    fn number(id: &str) -> Option<u32> {
        id.strip_prefix("c-")?.parse().ok()
    }

    /// Three messages, acknowledged at 1, 2 and 3, delivered in the order given.
    fn book(delivered: &[u32]) -> Book {
        let mut book = Book::default();
        for n in 0..3 {
            assert_eq!(book.send(Duration::from_millis(n)), u32::try_from(n).unwrap());
        }
        for n in 0..3 {
            assert_eq!(book.acknowledged(n, u64::from(n) + 1), Some(Duration::from_millis(n.into())));
        }
        for n in delivered {
            book.delivered(*n);
        }
        book
    }

    #[test]
    fn all_once_in_order_is_clean() {
        let book = book(&[0, 1, 2]);
        assert!(book.is_settled());
        let verdict = book.verdict(&thread(&["c-0", "c-1", "c-2", "a-0"]), number);
        assert_eq!(verdict, Verdict { acknowledged: 3, delivered: 3, ..Verdict::default() });
    }

    #[test]
    fn every_kind_of_harm_is_seen() {
        let whole = thread(&["c-0", "c-1", "c-2"]);
        let verdict = book(&[0, 2]).verdict(&whole, number);
        assert_eq!((verdict.lost, verdict.duplicated, verdict.out_of_order), (1, 0, 0), "never delivered");
        assert!(!book(&[0, 2]).is_settled());
        let verdict = book(&[0, 1, 2]).verdict(&whole[..2], number);
        assert_eq!((verdict.lost, verdict.duplicated, verdict.out_of_order), (1, 0, 0), "not in the thread");
        let verdict = book(&[0, 1, 2]).verdict(&thread(&["c-0", "c-2", "c-1"]), number);
        assert_eq!((verdict.lost, verdict.duplicated, verdict.out_of_order), (2, 0, 1), "in other places");
        let verdict = book(&[0, 1, 2]).verdict(&thread(&["c-0", "c-1", "c-2", "c-2"]), number);
        assert_eq!((verdict.lost, verdict.duplicated, verdict.out_of_order), (1, 1, 0), "kept twice");
        let verdict = book(&[0, 1, 1, 2]).verdict(&whole, number);
        assert_eq!((verdict.lost, verdict.duplicated, verdict.out_of_order), (0, 1, 0), "delivered twice");
        let verdict = book(&[0, 2, 1]).verdict(&whole, number);
        assert_eq!((verdict.lost, verdict.duplicated, verdict.out_of_order), (0, 0, 1), "delivered in another order");
        assert_eq!((gaps(&whole), gaps(&whole[1..])), (0, 2));
    }

    #[test]
    fn what_was_refused_or_not_answered_is_not_lost() {
        let mut book = Book::default();
        for _ in 0..2 {
            book.send(Duration::ZERO);
        }
        book.refused(0);
        let verdict = book.verdict(&[], number);
        assert_eq!(verdict, Verdict { refused: 1, unanswered: 1, ..Verdict::default() });
        assert_eq!((book.waiting(), book.is_settled()), (1, false));
    }
}
