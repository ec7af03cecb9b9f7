//! An agent's day: what they chose to be, whether a console was there, and whom they served, with sums.

use crate::{
    ConversationId, Timestamp,
    time::{MINUTE, Millis},
    words::{AgentStatus, words},
};

/// An agent whose console has been gone for so long is lost (rule 2), and at work no more.
const LOST: Millis = MINUTE;

words! {
    /// What the log says of an agent; the text form is what its row holds.
    Change {
        /// Chose to be online.
        Online = "online",
        /// Chose a break, or a missed offer cost one.
        Break = "break",
        /// Chose to be offline.
        Offline = "offline",
        /// The first console came.
        Connected = "connected",
        /// The last console went.
        Disconnected = "disconnected",
    }
}

words! {
    /// What an agent was.
    State {
        /// Took offers.
        Online = "online",
        /// On a break.
        Break = "break",
        /// Online by choice, but the console is gone, for less than a minute.
        Away = "away",
        /// Not at work, by choice or without a console.
        Offline = "offline",
    }
}

impl From<AgentStatus> for Change {
    fn from(status: AgentStatus) -> Self {
        match status {
            AgentStatus::Online => Self::Online,
            AgentStatus::Break => Self::Break,
            AgentStatus::Offline => Self::Offline,
        }
    }
}

/// One line of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// When.
    pub at: Timestamp,
    /// What.
    pub change: Change,
    /// End of the short break that a missed offer costs; the status chosen before holds again then.
    pub until: Option<Timestamp>,
}

/// A conversation that the agent served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Service {
    /// Which.
    pub conversation: ConversationId,
    /// Accepted.
    pub from: Timestamp,
    /// Closed, handed on or taken away; `None`: still served.
    pub to: Option<Timestamp>,
}

/// A stretch in one state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// Begin.
    pub from: Timestamp,
    /// End; belongs to it no more.
    pub to: Timestamp,
    /// What the agent was.
    pub state: State,
}

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timeline {
    /// Without gaps from the begin to the end of what was asked for.
    pub stretches: Vec<Stretch>,
    /// Cut to what was asked for, by their begin.
    pub services: Vec<Service>,
    /// Serving somebody, one or several at once.
    pub serving: Millis,
}

impl Timeline {
    /// Of `from..to`. `lines` are in order and may begin before `from`: what was said last before it holds at its begin. Who
    /// has chosen nothing yet is online as soon as there is a console, as every new account is.
    #[must_use]
    pub fn new(lines: &[Line], services: &[Service], from: Timestamp, to: Timestamp) -> Self {
        let mut timeline = Self { stretches: stretches(lines, from, to), ..Self::default() };
        for service in services {
            let (begin, end) = (service.from.max(from), service.to.unwrap_or(to).min(to));
            if begin < end {
                timeline.services.push(Service { from: begin, to: Some(end), ..*service });
            }
        }
        timeline.services.sort_by_key(|service| (service.from, service.conversation));
        // Two at once are not twice the time.
        let mut until = from;
        for service in &timeline.services {
            let end = service.to.unwrap_or(to);
            timeline.serving += (end.since(service.from.max(until))).max(0);
            until = until.max(end);
        }
        timeline
    }

    /// How long the agent was this.
    #[must_use]
    pub fn sum(&self, state: State) -> Millis {
        self.stretches.iter().filter(|one| one.state == state).map(|one| one.to.since(one.from)).sum()
    }
}

/// What is so at one instant.
#[derive(Clone, Copy)]
struct Now {
    chosen: AgentStatus,
    break_until: Option<Timestamp>,
    connected: bool,
    /// The end of the minute after the last console went.
    lost_at: Option<Timestamp>,
}

impl Now {
    fn state(self, at: Timestamp) -> State {
        let is_lost = !self.connected && self.lost_at.is_none_or(|lost| at >= lost);
        match self.chosen {
            AgentStatus::Offline => State::Offline,
            _ if is_lost => State::Offline,
            AgentStatus::Break => State::Break,
            AgentStatus::Online if !self.connected => State::Away,
            AgentStatus::Online if self.break_until.is_some_and(|until| at < until) => State::Break,
            AgentStatus::Online => State::Online,
        }
    }

    fn tell(&mut self, line: &Line) {
        match line.change {
            Change::Connected => (self.connected, self.lost_at) = (true, None),
            Change::Disconnected => {
                self.connected = false;
                // Said again when it is suspect and when it is lost.
                self.lost_at.get_or_insert(line.at + LOST);
            }
            Change::Break if line.until.is_some() => self.break_until = line.until,
            Change::Online => (self.chosen, self.break_until) = (AgentStatus::Online, None),
            Change::Break => (self.chosen, self.break_until) = (AgentStatus::Break, None),
            Change::Offline => (self.chosen, self.break_until) = (AgentStatus::Offline, None),
        }
    }
}

fn stretches(lines: &[Line], from: Timestamp, to: Timestamp) -> Vec<Stretch> {
    let mut stretches: Vec<Stretch> = Vec::new();
    let mut extend = |begin: Timestamp, end: Timestamp, state: State| {
        let (begin, end) = (begin.max(from), end.min(to));
        if begin >= end {
            return;
        }
        match stretches.last_mut().filter(|last| last.state == state) {
            Some(last) => last.to = end,
            None => stretches.push(Stretch { from: begin, to: end, state }),
        }
    };
    let mut now = Now { chosen: AgentStatus::Online, break_until: None, connected: false, lost_at: None };
    let mut at = from;
    for line in lines.iter().filter(|line| line.at < to) {
        at = until(&mut extend, now, at, line.at);
        now.tell(line);
    }
    until(&mut extend, now, at, to);
    stretches
}

/// From one line to the next: between them a short break may end, and a minute without a console.
fn until(extend: &mut impl FnMut(Timestamp, Timestamp, State), now: Now, at: Timestamp, next: Timestamp) -> Timestamp {
    let next = next.max(at);
    let mut turns = [now.break_until, now.lost_at].map(|turn| turn.unwrap_or(at).clamp(at, next));
    turns.sort_unstable();
    let mut begin = at;
    for turn in turns.into_iter().chain([next]) {
        extend(begin, turn, now.state(begin));
        begin = turn;
    }
    next
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(at: i64, change: Change) -> Line {
        Line { at: Timestamp(at), change, until: None }
    }

    fn shown(timeline: &Timeline) -> Vec<(i64, i64, &'static str)> {
        timeline.stretches.iter().map(|one| (one.from.0, one.to.0, one.state.as_str())).collect()
    }

    fn day(lines: &[Line], services: &[Service]) -> Timeline {
        Timeline::new(lines, services, Timestamp(100), Timestamp(200))
    }

    #[test]
    fn what_was_said_last_before_the_day_holds_at_its_begin() {
        assert_eq!(shown(&day(&[], &[])), [(100, 200, "offline")]);
        let before = [line(10, Change::Connected), line(20, Change::Online), line(30, Change::Break)];
        assert_eq!(shown(&day(&before, &[])), [(100, 200, "break")]);
    }

    #[test]
    fn a_short_break_ends_by_itself_and_a_lost_console_is_neither_online_nor_a_break() {
        let lines = [
            line(90, Change::Connected),
            line(110, Change::Online),
            Line { at: Timestamp(120), change: Change::Break, until: Some(Timestamp(130)) },
            line(140, Change::Disconnected),
            line(150, Change::Connected),
            line(160, Change::Break),
            line(180, Change::Offline),
        ];
        assert_eq!(
            shown(&day(&lines, &[])),
            [
                (100, 120, "online"),
                (120, 130, "break"),
                (130, 140, "online"),
                (140, 150, "away"),
                (150, 160, "online"),
                (160, 180, "break"),
                (180, 200, "offline"),
            ]
        );
    }

    #[test]
    fn a_console_that_is_gone_for_a_minute_is_the_end_of_the_work() {
        let lines = [line(0, Change::Connected), line(1_000, Change::Disconnected), line(21_000, Change::Disconnected)];
        let timeline = Timeline::new(&lines, &[], Timestamp(0), Timestamp(100_000));
        assert_eq!(shown(&timeline), [(0, 1_000, "online"), (1_000, 61_000, "away"), (61_000, 100_000, "offline")]);
    }

    #[test]
    fn two_conversations_at_once_are_served_once() {
        let serve = |n, from, to: Option<i64>| Service {
            conversation: ConversationId::new(n),
            from: Timestamp(from),
            to: to.map(Timestamp),
        };
        let services =
            [serve(1, 50, Some(120)), serve(2, 110, Some(150)), serve(3, 115, Some(118)), serve(4, 190, None)];
        let timeline = day(&[], &services);
        assert_eq!(timeline.serving, 50 + 10);
        assert_eq!(timeline.services.len(), 4);
        assert_eq!(timeline.services[0].from, Timestamp(100), "cut to the day");
    }

    proptest! {
        /// However the log reads: the stretches cover the day without gap or overlap, and the sums are the day.
        #[test]
        fn the_sums_are_the_day(
            lines in prop::collection::vec((0_i64..300, 0_usize..5, prop::option::of(1_i64..60)), 0..40),
        ) {
            let mut lines: Vec<Line> = lines.into_iter().map(|(at, change, until)| {
                let change = Change::ALL[change];
                let until = until.filter(|_| change == Change::Break).map(|span| Timestamp(at + span));
                Line { at: Timestamp(at), change, until }
            }).collect();
            lines.sort_by_key(|line| line.at);
            let timeline = day(&lines, &[]);
            let mut at = Timestamp(100);
            for stretch in &timeline.stretches {
                prop_assert_eq!(stretch.from, at);
                prop_assert!(stretch.to > at);
                at = stretch.to;
            }
            prop_assert_eq!(at, Timestamp(200));
            prop_assert_eq!(State::ALL.iter().map(|state| timeline.sum(*state)).sum::<i64>(), 100);
        }
    }
}
