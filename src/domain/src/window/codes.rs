//! Six digits that lead to the citizen's seat of one window. There are a million codes and few are good, so guessing is
//! held down per source; who has guessed right meets an agent who expects somebody else.

use std::collections::{BTreeMap, VecDeque};

use super::io::{Code, Refusal, Settings, Source};
use crate::{Timestamp, WindowId};

/// Sources whose wrong codes are remembered; beyond that the oldest is forgotten.
const MAX_SOURCES: usize = 10_000;

#[derive(Debug, Default)]
pub(super) struct Codes {
    good: BTreeMap<Code, WindowId>,
    wrong: BTreeMap<Source, VecDeque<Timestamp>>,
    /// One for each wrong code, in the order of time.
    order: VecDeque<(Timestamp, Source)>,
}

impl Codes {
    pub(super) fn open(&mut self, code: Code, window: WindowId) -> Result<(), Refusal> {
        if self.good.contains_key(&code) {
            return Err(Refusal::CodeTaken);
        }
        self.good.insert(code, window);
        Ok(())
    }

    pub(super) fn close(&mut self, code: Code) {
        self.good.remove(&code);
    }

    /// Which window it leads to. Whoever has tried too often learns nothing, whether it is right or not.
    pub(super) fn enter(
        &mut self,
        now: Timestamp,
        code: Code,
        source: Source,
        settings: &Settings,
    ) -> Result<WindowId, Refusal> {
        self.forget(now, settings);
        let tries = self.wrong.get(&source).map_or(0, VecDeque::len);
        if tries >= usize::try_from(settings.wrong_codes).unwrap_or(usize::MAX) {
            let first = self.wrong.get(&source).and_then(VecDeque::front).copied().unwrap_or(now);
            return Err(Refusal::TooManyCodes { until: first + settings.wrong_codes_within });
        }
        if let Some(window) = self.good.get(&code) {
            return Ok(*window);
        }
        self.wrong.entry(source).or_default().push_back(now);
        self.order.push_back((now, source));
        Err(Refusal::WrongCode)
    }

    fn forget(&mut self, now: Timestamp, settings: &Settings) {
        while let Some((at, source)) = self.order.front().copied() {
            if now.since(at) < settings.wrong_codes_within && self.wrong.len() < MAX_SOURCES {
                return;
            }
            self.order.pop_front();
            if let Some(tries) = self.wrong.get_mut(&source) {
                tries.pop_front();
                if tries.is_empty() {
                    self.wrong.remove(&source);
                }
            }
        }
    }

    #[cfg(debug_assertions)]
    pub(super) fn good(&self) -> impl Iterator<Item = (Code, WindowId)> + '_ {
        self.good.iter().map(|(code, window)| (*code, *window))
    }
}
