//! Promised call-backs and the reminders of them (rule 2): some minutes before the slot begins, the team and the citizen are
//! reminded, once each. What is promised so late that the reminder would have been due already is told at once; of a slot
//! that has begun nobody is reminded any more.

use std::collections::{BTreeSet, HashMap};

use crate::{ConversationId, TeamId, Timestamp, time::Millis};

/// A call-back that is still to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Promised {
    /// Who will call.
    pub team: TeamId,
    /// Begin of the slot.
    pub starts_at: Timestamp,
    /// Its end.
    pub ends_at: Timestamp,
}

/// All that are still to come: those of which nobody was reminded yet by the time of their reminder, the others by team.
#[derive(Debug, Default)]
pub struct Reminders {
    /// With the time of a reminder that has not come yet.
    promised: HashMap<ConversationId, (Promised, Option<Timestamp>)>,
    timers: BTreeSet<(Timestamp, ConversationId)>,
    near: HashMap<TeamId, BTreeSet<(Timestamp, ConversationId)>>,
}

impl Reminders {
    /// It was promised, or has another time now. With `ahead` its reminder comes so long before the slot; `None`: it has
    /// come already, before a restart.
    pub fn promise(&mut self, conversation: ConversationId, promised: Promised, ahead: Option<Millis>) {
        self.forget(conversation);
        let remind_at = ahead.map(|ahead| promised.starts_at - ahead);
        self.promised.insert(conversation, (promised, remind_at));
        match remind_at {
            Some(at) => drop(self.timers.insert((at, conversation))),
            None => self.show(conversation, promised),
        }
    }

    fn show(&mut self, conversation: ConversationId, promised: Promised) {
        self.near.entry(promised.team).or_default().insert((promised.starts_at, conversation));
    }

    /// It has come, or was taken back.
    pub fn forget(&mut self, conversation: ConversationId) {
        let Some((promised, remind_at)) = self.promised.remove(&conversation) else { return };
        if let Some(at) = remind_at {
            self.timers.remove(&(at, conversation));
        }
        if let Some(near) = self.near.get_mut(&promised.team) {
            near.remove(&(promised.starts_at, conversation));
            if near.is_empty() {
                self.near.remove(&promised.team);
            }
        }
    }

    /// When the next reminder comes.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// Those of which team and citizen are to be reminded now.
    pub fn take_due(&mut self, now: Timestamp) -> Vec<(ConversationId, Promised)> {
        let mut due = Vec::new();
        while let Some((at, conversation)) = self.timers.first().copied().filter(|(at, _)| *at <= now) {
            self.timers.remove(&(at, conversation));
            let Some((promised, _)) = self.promised.get(&conversation).copied() else { continue };
            if now < promised.starts_at {
                self.show(conversation, promised);
                due.push((conversation, promised));
            }
        }
        due
    }

    /// Those of a team of which it was reminded, soonest first.
    pub fn near(&self, team: TeamId) -> impl Iterator<Item = (ConversationId, Promised)> + '_ {
        let near = self.near.get(&team).into_iter().flatten();
        near.filter_map(|(_, id)| Some((*id, self.promised.get(id)?.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEAM: TeamId = TeamId(1);
    const AHEAD: Millis = 300_000;

    fn id(n: u128) -> ConversationId {
        ConversationId::new(n)
    }

    fn slot(starts_at: i64) -> Promised {
        Promised { team: TEAM, starts_at: Timestamp(starts_at), ends_at: Timestamp(starts_at + 1_800_000) }
    }

    fn due(reminders: &mut Reminders, now: i64) -> Vec<ConversationId> {
        reminders.take_due(Timestamp(now)).into_iter().map(|(id, _)| id).collect()
    }

    fn near(reminders: &Reminders) -> Vec<ConversationId> {
        reminders.near(TEAM).map(|(id, _)| id).collect()
    }

    #[test]
    fn a_reminder_comes_once_at_its_millisecond_and_stays_until_the_slot() {
        let mut reminders = Reminders::default();
        reminders.promise(id(1), slot(1_000_000), Some(AHEAD));
        assert_eq!(reminders.next_due(), Some(Timestamp(700_000)));
        assert_eq!((due(&mut reminders, 699_999), near(&reminders)), (vec![], vec![]));
        assert_eq!((due(&mut reminders, 700_000), near(&reminders)), (vec![id(1)], vec![id(1)]));
        assert_eq!((due(&mut reminders, 700_001), reminders.next_due()), (vec![], None), "once");
        reminders.forget(id(1));
        assert_eq!(near(&reminders), []);
    }

    #[test]
    fn what_is_moved_is_reminded_of_anew_and_what_was_told_before_a_restart_is_not() {
        let mut reminders = Reminders::default();
        reminders.promise(id(1), slot(1_000_000), Some(AHEAD));
        assert_eq!(due(&mut reminders, 700_000), [id(1)]);
        reminders.promise(id(1), slot(2_000_000), Some(AHEAD));
        assert_eq!((near(&reminders), due(&mut reminders, 1_699_999)), (vec![], vec![]));
        assert_eq!(due(&mut reminders, 1_700_000), [id(1)]);
        let mut after = Reminders::default();
        after.promise(id(1), slot(2_000_000), None);
        assert_eq!((due(&mut after, 1_800_000), near(&after)), (vec![], vec![id(1)]));
    }

    #[test]
    fn a_late_promise_is_told_at_once_and_a_slot_that_has_begun_not_at_all() {
        let mut reminders = Reminders::default();
        reminders.promise(id(1), slot(1_000_000), Some(AHEAD));
        reminders.promise(id(2), slot(900_000), Some(AHEAD));
        assert_eq!(due(&mut reminders, 999_999), [id(1)], "asleep over both reminders and the begin of one slot");
        assert_eq!(near(&reminders), [id(1)]);
    }
}
