//! Who comes when, how long they talk and how long they would wait: at random from a seed, or from a file.

use std::path::Path;

use anyhow::Context as _;
use bangban_domain::{
    TeamId, Timestamp,
    time::{DAY, MINUTE, Millis, SECOND},
};
use serde::Deserialize;

/// SplitMix64: small, seeded, the same on every machine.
pub(super) struct Dice(u64);

impl Dice {
    /// `stream` tells what the numbers are for, so that one use does not shift another.
    pub(super) const fn new(seed: u64, stream: u64) -> Self {
        Self(seed.wrapping_mul(0xd134_2543_de82_ef95).wrapping_add(stream.wrapping_mul(0xa076_1d64_78bd_642f)))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// More than 0, at most 1: its logarithm is finite. 53 bits fill the fraction of an f64.
    pub(super) fn unit(&mut self) -> f64 {
        ((self.next() >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }

    /// Exponential.
    pub(super) fn exponential(&mut self, mean: f64) -> f64 {
        -self.unit().ln() * mean
    }

    /// Exponential, in milliseconds.
    pub(super) fn pause(&mut self, mean: f64) -> Millis {
        self.exponential(mean).round() as i64
    }

    pub(super) fn below(&mut self, sides: u16) -> u16 {
        u16::try_from(self.next() % u64::from(sides.max(1))).unwrap_or(0)
    }
}

/// One who asks for a human.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask {
    /// When.
    pub at: Timestamp,
    /// Whose queue.
    pub team: TeamId,
    /// Leaves after so long without anybody.
    pub patience: Option<Millis>,
    /// Of first priority.
    pub is_first: bool,
}

/// Requests and the handling times, the n-th of which is the n-th that begins: then the instants at which somebody becomes
/// free do not depend on who is served first, and two ways of choosing can be compared exactly.
#[derive(Debug, Clone, Default)]
pub struct Traffic {
    /// In order of asking.
    pub asks: Vec<Ask>,
    /// At least as many.
    pub handles: Vec<Millis>,
}

/// Random traffic at a steady rate, or with a daily profile.
#[derive(Debug, Clone)]
pub struct Stream {
    /// Requests in an hour, by the time of the day; one entry: the same always.
    pub profile: Vec<Rate>,
    /// Mean handling time in seconds.
    pub handle: f64,
    /// Mean patience in seconds; `None`: everybody waits.
    pub patience: Option<f64>,
    /// Queues, all as busy as each other.
    pub teams: u16,
    /// Share of first priority.
    pub first: f64,
}

/// Requests from a time of the day on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// After midnight.
    pub from: Millis,
    /// In an hour.
    pub per_hour: f64,
}

/// Begin of the simulated time: a midnight.
pub(super) const START: Timestamp = Timestamp(0);

impl Stream {
    /// So many people.
    #[must_use]
    pub fn people(&self, count: usize, seed: u64) -> Traffic {
        self.until(seed, |_, asked| asked >= count)
    }

    /// So many days.
    #[must_use]
    pub fn days(&self, days: u32, seed: u64) -> Traffic {
        let end = START + i64::from(days) * DAY;
        self.until(seed, |at, _| at >= end)
    }

    fn until(&self, seed: u64, is_over: impl Fn(Timestamp, usize) -> bool) -> Traffic {
        let [mut coming, mut handling, mut waiting, mut team, mut first] =
            [0, 1, 2, 3, 4].map(|stream| Dice::new(seed, stream));
        let mut traffic = Traffic::default();
        // Kept as a fraction, so that rounding to milliseconds does not add up.
        let mut now = 0.0;
        while let Some(at) = self.next_after(now, coming.exponential(1.0)) {
            now = at;
            let at = START + at.round() as i64;
            if is_over(at, traffic.asks.len()) {
                break;
            }
            let patience = self.patience.map(|mean| waiting.pause(mean * SECOND as f64));
            let is_first = first.unit() <= self.first;
            traffic.asks.push(Ask { at, team: TeamId(team.below(self.teams)), patience, is_first });
            traffic.handles.push(handling.pause(self.handle * SECOND as f64));
        }
        traffic
    }

    /// When `work`, which falls at the rate of the profile, is used up. `None`: never, nobody comes.
    fn next_after(&self, now: f64, mut work: f64) -> Option<f64> {
        if self.profile.iter().all(|rate| rate.per_hour <= 0.0) {
            return None;
        }
        let mut at = now;
        loop {
            let of_day = at.rem_euclid(DAY as f64);
            let current = self.profile.iter().rposition(|rate| rate.from as f64 <= of_day);
            let rate = current.map_or(self.profile.last(), |n| self.profile.get(n)).map_or(0.0, |rate| rate.per_hour);
            let after = current.map_or(0, |n| n + 1);
            let end = self.profile.get(after).map_or(DAY as f64, |next| next.from as f64);
            let (room, per_ms) = (end - of_day, rate / 3_600_000.0);
            if per_ms * room >= work {
                return Some(at + work / per_ms);
            }
            work -= per_ms * room;
            at += room;
        }
    }

    /// Requests in a second, on average over the day.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        let ends = self.profile.iter().skip(1).map(|rate| rate.from).chain([DAY]);
        let spans = self.profile.iter().zip(ends);
        spans.map(|(rate, end)| rate.per_hour * (end - rate.from) as f64).sum::<f64>() / DAY as f64 / 3_600.0
    }
}

#[derive(Deserialize)]
struct AskRow {
    /// Seconds after the begin.
    at_s: f64,
    handle_s: Option<f64>,
    patience_s: Option<f64>,
    #[serde(default)]
    team: u16,
    #[serde(default)]
    first: u8,
}

#[derive(Deserialize)]
struct RateRow {
    from: String,
    per_hour: f64,
}

fn millis(seconds: f64) -> anyhow::Result<Millis> {
    anyhow::ensure!((0.0..=1e9).contains(&seconds), "must be a number of seconds, 0 or more");
    Ok((seconds * SECOND as f64).round() as i64)
}

/// A time of the day, `HH:MM`, up to `24:00`.
///
/// # Errors
/// If it is none.
pub(super) fn time_of_day(text: &str) -> anyhow::Result<Millis> {
    let parts = text.split_once(':').and_then(|(hour, minute)| Some((hour.parse().ok()?, minute.parse().ok()?)));
    let time = parts.filter(|(hour, minute)| (0..=24_i64).contains(hour) && (0..60_i64).contains(minute));
    let time = time.map(|(hour, minute)| (hour * 60 + minute) * MINUTE).filter(|time| *time <= DAY);
    time.with_context(|| format!("{text:?} is not a time of the day, HH:MM"))
}

/// Requests from a file (CSV): `at_s` (seconds after the begin) and, if known, `handle_s`, `patience_s`, `team` (from 0) and
/// `first` (1: first priority). Where no handling time stands one is drawn.
///
/// # Errors
/// Names the line.
pub(super) fn read_asks(path: &Path, mean_handle: f64, seed: u64) -> anyhow::Result<Traffic> {
    let mut dice = Dice::new(seed, 1);
    let mut rows = Vec::new();
    let mut reader = csv::Reader::from_path(path).with_context(|| path.display().to_string())?;
    for (line, row) in (2..).zip(reader.deserialize::<AskRow>()) {
        let row = row.with_context(|| format!("{}, line {line}", path.display()))?;
        let span = |what: &str, seconds: f64| millis(seconds).with_context(|| format!("line {line}: {what}"));
        let patience = row.patience_s.map(|seconds| span("patience_s", seconds)).transpose()?;
        let at = START + span("at_s", row.at_s)?;
        let handle = match row.handle_s {
            Some(seconds) => span("handle_s", seconds)?,
            None => dice.pause(mean_handle * SECOND as f64),
        };
        rows.push((Ask { at, team: TeamId(row.team), patience, is_first: row.first != 0 }, handle));
    }
    rows.sort_by_key(|(ask, _)| ask.at);
    let (asks, handles) = rows.into_iter().unzip();
    Ok(Traffic { asks, handles })
}

/// A daily profile from a file (CSV): `from` (`HH:MM`) and `per_hour`, in order.
///
/// # Errors
/// Names the line.
pub(super) fn read_profile(path: &Path) -> anyhow::Result<Vec<Rate>> {
    let mut profile: Vec<Rate> = Vec::new();
    let mut reader = csv::Reader::from_path(path).with_context(|| path.display().to_string())?;
    for (line, row) in (2..).zip(reader.deserialize::<RateRow>()) {
        let row = row.with_context(|| format!("{}, line {line}", path.display()))?;
        let from = time_of_day(&row.from).with_context(|| format!("line {line}: from"))?;
        let is_next = profile.last().is_none_or(|last| last.from < from);
        anyhow::ensure!(is_next, "line {line}: from must be later than in the line before");
        anyhow::ensure!((0.0..=1e6).contains(&row.per_hour), "line {line}: per_hour must be 0 to 1000000");
        profile.push(Rate { from, per_hour: row.per_hour });
    }
    if profile.first().is_some_and(|first| first.from > 0) {
        profile.insert(0, Rate { from: 0, per_hour: 0.0 });
    }
    anyhow::ensure!(!profile.is_empty(), "{}: has no line", path.display());
    Ok(profile)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(profile: Vec<Rate>) -> Stream {
        Stream { profile, handle: 300.0, patience: None, teams: 1, first: 0.25 }
    }

    #[test]
    fn a_seed_gives_the_same_people_always_and_another_one_others() {
        let stream = stream(vec![Rate { from: 0, per_hour: 60.0 }]);
        let [one, again, other] = [1, 1, 2].map(|seed| stream.people(50, seed));
        assert_eq!((&one.asks, &one.handles), (&again.asks, &again.handles));
        assert_ne!(one.asks, other.asks);
        assert_eq!(one.asks.len(), 50);
    }

    #[test]
    fn people_come_at_the_rate_of_the_profile_and_a_quarter_of_them_is_first() {
        let hour = 60 * MINUTE;
        let profile = vec![
            Rate { from: 0, per_hour: 0.0 },
            Rate { from: 9 * hour, per_hour: 600.0 },
            Rate { from: 12 * hour, per_hour: 60.0 },
            Rate { from: 17 * hour, per_hour: 0.0 },
        ];
        let stream = stream(profile);
        assert!((stream.per_second() - 2_100.0 / 86_400.0).abs() < 1e-12);
        let asks = stream.days(20, 1).asks;
        let within = |from: i64, to: i64| {
            let is_in = |ask: &&Ask| (from * hour..to * hour).contains(&ask.at.0.rem_euclid(DAY));
            asks.iter().filter(is_in).count() as f64 / 20.0
        };
        // Five standard deviations of a Poisson count over 20 days.
        assert!((within(9, 12) - 1_800.0).abs() < 5.0 * (1_800.0_f64 / 20.0).sqrt(), "{}", within(9, 12));
        assert!((within(12, 17) - 300.0).abs() < 5.0 * (300.0_f64 / 20.0).sqrt(), "{}", within(12, 17));
        assert_eq!(within(0, 9) + within(17, 24), 0.0);
        let first = asks.iter().filter(|ask| ask.is_first).count() as f64 / asks.len() as f64;
        assert!((first - 0.25).abs() < 0.02, "{first}");
        assert!(stream.people(3, 1).asks.is_sorted_by_key(|ask| ask.at));
    }

    #[test]
    fn nobody_comes_where_no_rate_is() {
        assert!(stream(vec![Rate { from: 0, per_hour: 0.0 }]).people(5, 1).asks.is_empty());
    }

    #[test]
    fn files_are_read_or_their_line_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = |text: &str| {
            let path = dir.path().join("x.csv");
            std::fs::write(&path, text).unwrap();
            path
        };
        let asks = read_asks(&file("at_s,handle_s,patience_s,team,first\n9.5,60,,1,1\n0,,30,0,0\n"), 300.0, 1).unwrap();
        let second = Ask { at: Timestamp(9_500), team: TeamId(1), patience: None, is_first: true };
        let first = Ask { at: Timestamp(0), team: TeamId(0), patience: Some(30_000), is_first: false };
        assert_eq!(asks.asks, [first, second]);
        assert_eq!(asks.handles[1], 60_000);
        let plain = read_asks(&file("at_s\n1\n2\n"), 300.0, 1).unwrap();
        assert_eq!((plain.asks.len(), plain.handles.len()), (2, 2));
        let error = format!("{:#}", read_asks(&file("at_s\n1\n-2\n"), 300.0, 1).unwrap_err());
        assert!(error.contains("line 3: at_s"), "{error}");
        let profile = read_profile(&file("from,per_hour\n09:00,60\n12:30,0\n")).unwrap();
        assert_eq!(profile.iter().map(|rate| rate.from / MINUTE).collect::<Vec<_>>(), [0, 540, 750]);
        for (text, problem) in [
            ("from,per_hour\n9,60\n", "line 2: from"),
            ("from,per_hour\n10:00,60\n09:00,1\n", "line 3: from must be later"),
            ("from,per_hour\n", "has no line"),
        ] {
            let error = format!("{:#}", read_profile(&file(text)).unwrap_err());
            assert!(error.contains(problem), "{error}");
        }
    }
}
