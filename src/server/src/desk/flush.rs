//! What changes for everybody is not sent to everybody at once: who else is free and how many wait (at most every
//! 100 ms; less often if more than 500 agents have to be told), places in queues (500 ms, so that they follow within a
//! second; less often if more than 5 000 have moved), the board (200 ms). The first change after a pause is sent without
//! delay.

use std::collections::BTreeSet;

use bangban_domain::{
    AgentId, TeamId, Timestamp,
    time::{Millis, SECOND},
};

use super::{batch::Batch, owner::Owner, views::Around};

/// Pause between two flushes of what agents see around them, at least.
const AROUND: Millis = 100;

/// So many agents are told of their surroundings in a second, at most: a queue of the whole city must not cost a core.
const TOLD_PER_SECOND: Millis = 5_000;

/// Pause between two flushes of places in queues, at least.
const QUEUES: Millis = 500;

/// So many citizens are told of their places in a second, at most, for the same reason.
const PLACES_PER_SECOND: Millis = 10_000;

/// Something that is sent at most once in a while.
#[derive(Debug)]
pub(super) struct Paced {
    pause: Millis,
    last: Option<Timestamp>,
    is_dirty: bool,
}

impl Paced {
    const fn every(pause: Millis) -> Self {
        Self { pause, last: None, is_dirty: false }
    }

    pub(super) const fn mark(&mut self) {
        self.is_dirty = true;
    }

    fn due_at(&self) -> Option<Timestamp> {
        self.is_dirty.then(|| self.last.map_or(Timestamp(0), |last| last + self.pause))
    }

    /// From now on it is sent so often.
    const fn pace(&mut self, pause: Millis) {
        self.pause = pause;
    }

    /// Is it time? If so, it is done.
    fn take(&mut self, now: Timestamp) -> bool {
        let is_due = self.due_at().is_some_and(|due| due <= now);
        if is_due {
            self.is_dirty = false;
            self.last = Some(now);
        }
        is_due
    }
}

/// Until the next flush, when so many were told by this one.
fn pause(least: Millis, told: Millis, per_second: Millis) -> Millis {
    least.max(told * SECOND / per_second)
}

/// What is still to be sent.
#[derive(Debug)]
pub(super) struct Flushes {
    around: Paced,
    queues: Paced,
    pub(super) board: Paced,
    /// As the board.
    pub(super) alerts: Paced,
    /// When the board changes although nothing happens: a minute, an hour, a day or service hours are over.
    board_changes_at: Option<Timestamp>,
    /// Teams whose agents see other surroundings.
    around_teams: BTreeSet<TeamId>,
    /// Every agent does.
    around_all: bool,
    /// Teams in whose queues places have changed.
    queue_teams: BTreeSet<TeamId>,
}

impl Default for Flushes {
    fn default() -> Self {
        Self {
            around: Paced::every(AROUND),
            queues: Paced::every(QUEUES),
            board: Paced::every(200),
            alerts: Paced::every(200),
            board_changes_at: None,
            around_teams: BTreeSet::new(),
            around_all: false,
            queue_teams: BTreeSet::new(),
        }
    }
}

impl Flushes {
    /// Takes in what a turn has changed.
    pub(super) fn note(&mut self, batch: &Batch) {
        if batch.is_seen() {
            self.board.mark();
        }
        if batch.alerts {
            self.alerts.mark();
        }
        if !batch.queues.is_empty() {
            self.around_teams.extend(&batch.queues);
            self.queue_teams.extend(&batch.queues);
            self.around.mark();
            self.queues.mark();
        }
    }

    /// A colleague is seen differently by the agents of these teams.
    pub(super) fn colleague(&mut self, teams: &[TeamId]) {
        self.around_teams.extend(teams);
        self.around.mark();
    }

    /// A colleague is seen differently by everybody.
    pub(super) const fn colleague_of_all(&mut self) {
        self.around_all = true;
        self.around.mark();
    }

    /// After a rebuilding.
    pub(super) fn everything(&mut self, teams: u16) {
        self.colleague_of_all();
        self.queue_teams.extend((0..teams).map(TeamId));
        self.queues.mark();
        self.board.mark();
        self.alerts.mark();
    }

    pub(super) fn next_due(&self) -> Option<Timestamp> {
        // A board that will be sent anyway is not waited for twice.
        let board = self.board.due_at().or(self.board_changes_at);
        [self.around.due_at(), self.queues.due_at(), self.alerts.due_at(), board].into_iter().flatten().min()
    }
}

impl Owner {
    /// Sends what is due.
    pub(super) fn flush(&mut self, now: Timestamp) {
        if self.flushes.around.take(now) {
            self.flush_around();
        }
        if self.flushes.queues.take(now) {
            self.flush_queues(now);
        }
        if self.flushes.alerts.take(now) {
            self.show_alerts();
        }
        if self.flushes.board_changes_at.is_some_and(|at| at <= now) {
            self.flushes.board.mark();
        }
        if self.flushes.board.take(now) {
            self.show_boards(now);
            let service = self.world.catalogue.calendars().filter_map(|one| one.next_change(now)).min();
            self.flushes.board_changes_at = [self.today.changes_at(now), service].into_iter().flatten().min();
        }
    }

    fn flush_around(&mut self) {
        let teams = std::mem::take(&mut self.flushes.around_teams);
        let is_for_all = std::mem::take(&mut self.flushes.around_all);
        let agents: BTreeSet<AgentId> = if is_for_all {
            self.teams_of.keys().copied().collect()
        } else {
            teams.iter().filter_map(|team| self.members.get(usize::from(team.0))).flatten().copied().collect()
        };
        // Whoever has no console gets a fresh view when one comes.
        let connected = agents.into_iter().filter(|agent| self.world.shared.colleagues.contains_key(agent));
        let mut around = Around::default();
        let mut told = 0;
        for agent in connected {
            told += 1;
            if is_for_all {
                self.show_agent(agent, &mut around);
            } else {
                self.show_surroundings(agent, &mut around);
            }
        }
        self.flushes.around.pace(pause(AROUND, told, TOLD_PER_SECOND));
    }

    fn flush_queues(&mut self, now: Timestamp) {
        let mut told = 0;
        for team in std::mem::take(&mut self.flushes.queue_teams) {
            let moved: Vec<_> = (1..)
                .zip(self.router.queue(team))
                .filter(|(place, id)| self.cases.get(*id).is_some_and(|case| case.position != Some((team, *place))))
                .collect();
            for (place, id) in moved {
                told += 1;
                self.show_conversation_at(id, Some((team, place)), now);
            }
        }
        self.flushes.queues.pace(pause(QUEUES, told, PLACES_PER_SECOND));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_change_goes_at_once_and_the_next_one_after_the_pause() {
        let mut paced = Paced::every(100);
        assert_eq!((paced.due_at(), paced.take(Timestamp(1_000))), (None, false), "nothing has changed");
        paced.mark();
        assert!(paced.take(Timestamp(1_000)));
        assert!(!paced.take(Timestamp(2_000)), "sent once");
        paced.mark();
        assert!(paced.take(Timestamp(2_000)));
        paced.mark();
        assert_eq!(paced.due_at(), Some(Timestamp(2_100)));
        assert!(!paced.take(Timestamp(2_099)));
        assert!(paced.take(Timestamp(2_100)));
        paced.mark();
        paced.pace(1_000);
        assert_eq!(paced.due_at(), Some(Timestamp(3_100)), "many have to be told");
    }

    #[test]
    fn five_thousand_agents_and_ten_thousand_places_are_told_in_a_second() {
        assert_eq!([0, 500, 5_000].map(|agents| pause(AROUND, agents, TOLD_PER_SECOND)), [100, 100, 1_000]);
        assert_eq!([0, 5_000, 50_000].map(|places| pause(QUEUES, places, PLACES_PER_SECOND)), [500, 500, 5_000]);
    }
}
