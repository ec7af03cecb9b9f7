//! The only place that reads the time. `System` is the wall clock at start plus what has passed since, so that a step of
//! the wall clock neither fires nor skips a deadline; `Manual` is moved by tests.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bangban_domain::{Timestamp, time::Millis};
use tokio::sync::watch;

/// A source of time. Cheap to clone; all clones agree.
#[derive(Clone)]
pub struct Clock(Source);

#[derive(Clone)]
enum Source {
    System { wall: Timestamp, started: Instant },
    Manual(watch::Receiver<Timestamp>),
}

/// The hand that moves a manual clock.
pub struct ManualClock(watch::Sender<Timestamp>);

impl ManualClock {
    /// Moves the clock forwards and wakes whoever slept until then.
    pub fn advance(&self, span: Millis) {
        self.0.send_modify(|now| *now = *now + span);
    }
}

impl Clock {
    /// The machine's time.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn system() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let wall = Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
        Self(Source::System { wall, started: Instant::now() })
    }

    /// A clock that stands at `start` until it is moved.
    #[must_use]
    pub fn manual(start: Timestamp) -> (Self, ManualClock) {
        let (hand, face) = watch::channel(start);
        (Self(Source::Manual(face)), ManualClock(hand))
    }

    /// Now, in whole milliseconds.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System { wall, started } => {
                *wall + Millis::try_from(started.elapsed().as_millis()).unwrap_or(Millis::MAX)
            }
            Source::Manual(face) => *face.borrow(),
        }
    }

    /// Returns at `until`, at once if it has passed.
    pub async fn sleep_until(&self, until: Timestamp) {
        match &self.0 {
            Source::System { .. } => {
                let span = u64::try_from(until.since(self.now())).unwrap_or(0);
                tokio::time::sleep(Duration::from_millis(span)).await;
            }
            Source::Manual(face) => {
                // The hand lives as long as the test; without it the time stands still for ever.
                if face.clone().wait_for(|now| *now >= until).await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        }
    }
}
