//! Searches for the fewest agents, one for each person who asks: they run in threads of their own, can be watched and
//! stopped, and are forgotten when the same person asks for another one.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use bangban_domain::AgentId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::simulate::{Effort, HALF_HOURS, HalfHour, Progress, Staffing, Stream};

/// Searches at the same time: a core each, of which the conversations need some.
const AT_ONCE: usize = 2;

/// People in one simulated run. A build for development is far slower.
const CITIZENS: f64 = if cfg!(debug_assertions) { 400.0 } else { 20_000.0 };

/// More days than this tell nothing new.
const MOST_DAYS: u32 = 20;

/// What is searched.
#[derive(Debug, Clone)]
pub struct Search {
    /// Who comes, how long they talk and would wait.
    pub stream: Stream,
    /// Share that is to be answered within a minute.
    pub target: f64,
    /// Agents in the roster, in each half hour.
    pub have: [u32; HALF_HOURS],
    /// Requests in each half hour of a day.
    pub arrivals: [f64; HALF_HOURS],
}

/// What was found.
#[derive(Debug, Clone)]
pub struct Found {
    /// The fewest agents, each half hour of the day.
    pub need: Vec<HalfHour>,
    /// The same with those in the roster.
    pub have: Vec<HalfHour>,
}

/// One search.
pub struct Run {
    /// What is searched.
    pub search: Search,
    /// Days of one simulated run.
    pub days: u32,
    /// How far it is.
    pub progress: Progress,
    outcome: OnceLock<Result<Found, String>>,
    was_cancelled: AtomicBool,
}

impl Run {
    fn new(search: Search) -> Self {
        let a_day: f64 = search.arrivals.iter().sum();
        // Between 1 and `MOST_DAYS`, so it can be counted.
        let days = (CITIZENS / a_day.max(1.0)).ceil().clamp(1.0, f64::from(MOST_DAYS)) as u32;
        Self {
            search,
            days,
            progress: Progress::default(),
            outcome: OnceLock::new(),
            was_cancelled: AtomicBool::new(false),
        }
    }

    /// What was found, or why not; `None`: it goes on.
    pub fn outcome(&self) -> Option<&Result<Found, String>> {
        self.outcome.get()
    }

    /// Has somebody stopped it?
    pub fn was_cancelled(&self) -> bool {
        self.was_cancelled.load(Ordering::Relaxed)
    }

    /// Stops it.
    pub fn cancel(&self) {
        if self.outcome.get().is_none() {
            self.was_cancelled.store(true, Ordering::Relaxed);
            self.progress.cancel();
        }
    }

    fn go(&self) {
        let Search { stream, target, have, .. } = &self.search;
        let effort = Effort { days: self.days, seeds: 1 };
        let found = Staffing::search(stream, *target, effort, &self.progress).and_then(|need| {
            let have = Staffing::expected(stream, *target, have, effort, &self.progress)?;
            Ok(Found { need: need.half_hours, have: have.half_hours })
        });
        // Nobody else sets it.
        let _ = self.outcome.set(found.map_err(|error| format!("{error:#}")));
    }
}

/// See the module.
pub struct Searches {
    runs: Mutex<HashMap<AgentId, Arc<Run>>>,
    room: Arc<Semaphore>,
}

impl Default for Searches {
    fn default() -> Self {
        Self { runs: Mutex::default(), room: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl Searches {
    fn all(&self) -> std::sync::MutexGuard<'_, HashMap<AgentId, Arc<Run>>> {
        // A map is whole between its calls.
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins one, instead of the one before; `None`: too many are under way.
    pub fn begin(&self, who: AgentId, search: Search) -> Option<Arc<Run>> {
        if let Some(before) = self.of(who) {
            before.cancel();
        }
        let permit: OwnedSemaphorePermit = Arc::clone(&self.room).try_acquire_owned().ok()?;
        let run = Arc::new(Run::new(search));
        self.all().insert(who, Arc::clone(&run));
        let working = Arc::clone(&run);
        tokio::task::spawn_blocking(move || {
            working.go();
            drop(permit);
        });
        Some(run)
    }

    /// One's last one.
    pub fn of(&self, who: AgentId) -> Option<Arc<Run>> {
        self.all().get(&who).cloned()
    }

    /// Stops all: the server ends.
    pub fn end(&self) {
        self.all().values().for_each(|run| run.cancel());
    }
}

#[cfg(test)]
mod tests {
    use bangban_domain::time::HOUR;

    use super::*;
    use crate::simulate::Rate;

    /// Ten to noon, so many in an hour.
    fn search(per_hour: f64, target: f64) -> Search {
        let rate = |hour, per_hour| Rate { from: hour * HOUR, per_hour };
        let profile = vec![rate(0, 0.0), rate(10, per_hour), rate(12, 0.0)];
        let mut arrivals = [0.0; HALF_HOURS];
        arrivals[20..24].fill(per_hour / 2.0);
        let mut have = [0; HALF_HOURS];
        have[20..24].fill(1);
        let stream = Stream { profile, handle: 300.0, patience: Some(120.0), teams: 1, first: 0.0 };
        Search { stream, target, have, arrivals }
    }

    #[tokio::test]
    async fn a_search_finds_what_keeps_the_promise_and_says_what_the_roster_does() {
        let run = Arc::new(Run::new(search(40.0, 0.9)));
        let working = Arc::clone(&run);
        tokio::task::spawn_blocking(move || working.go()).await.unwrap();
        let found = run.outcome().unwrap().as_ref().unwrap();
        assert_eq!((found.need.len(), found.have.len()), (HALF_HOURS, HALF_HOURS));
        for slot in 20..24 {
            let (need, have) = (&found.need[slot], &found.have[slot]);
            // 40 in an hour for five minutes each are more than three agents' work.
            assert!(need.agents >= 4 && need.within_minute.unwrap() >= 0.9, "{need:?}");
            assert!(have.agents == 1 && have.within_minute.unwrap() < 0.5, "{have:?}");
            assert!(have.abandoned.unwrap() > need.abandoned.unwrap(), "{have:?} {need:?}");
        }
        assert_eq!(found.need[0].agents, 0);
        assert!((run.progress.share() - 1.0).abs() < 1e-9);
    }

    #[tokio::test]
    async fn one_is_stopped_by_the_next_of_the_same_person_and_there_are_never_more_than_two() {
        let searches = Searches::default();
        let [first, second, third] = [1, 2, 3].map(AgentId::new);
        let begun = searches.begin(first, search(60.0, 0.95)).unwrap();
        searches.begin(second, search(60.0, 0.95)).unwrap();
        assert!(searches.begin(third, search(60.0, 0.95)).is_none(), "two are under way");
        searches.end();
        assert!(begun.was_cancelled() || begun.outcome().is_some());
        // Both threads come to their end, and there is room again.
        let all = u32::try_from(AT_ONCE).unwrap();
        drop(searches.room.acquire_many(all).await.unwrap());
        assert!(begun.outcome().is_some());
        let next = searches.begin(first, search(10.0, 0.5)).unwrap();
        assert!(Arc::ptr_eq(&searches.of(first).unwrap(), &next));
        next.cancel();
    }
}
