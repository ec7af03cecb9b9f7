//! What there is to tell of one leg. It waits with the leg until it is taken, so nothing is lost however long the way to
//! the server is full, and memory is bounded.

use bangban_domain::call::{LegId, MAX_DIGITS};

use super::{AudioEvent, Quality};

#[derive(Debug, Clone, Default)]
pub(crate) struct Notes {
    has_begun: bool,
    has_ended: bool,
    digits: [char; MAX_DIGITS],
    digit_count: usize,
    is_lost: bool,
    is_prompt_over: bool,
    quality: Option<Quality>,
    is_last: bool,
}

impl Notes {
    /// Somebody speaks.
    pub(crate) const fn begun(&mut self) {
        self.has_begun = true;
        self.has_ended = false;
    }

    /// ... and speaks no more. That they had begun stays to be told.
    pub(crate) const fn ended(&mut self) {
        self.has_ended = true;
    }

    /// A key; more than wait already are left out.
    pub(crate) const fn digit(&mut self, key: char) {
        if self.digit_count < MAX_DIGITS {
            self.digits[self.digit_count] = key;
            self.digit_count += 1;
        }
    }

    pub(crate) const fn lost(&mut self) {
        self.is_lost = true;
    }

    /// Something comes again: that it was lost need not be told any more.
    pub(crate) const fn found(&mut self) {
        self.is_lost = false;
    }

    pub(crate) const fn prompt_over(&mut self) {
        self.is_prompt_over = true;
    }

    /// One that was not taken yet is told together with it.
    pub(crate) fn quality(&mut self, quality: Quality) {
        self.quality = Some(self.quality.map_or(quality, |before| before.followed_by(quality)));
    }

    /// ... and no other follows.
    pub(crate) fn last_quality(&mut self, quality: Quality) {
        self.quality(quality);
        self.is_last = true;
    }

    /// Tells all, as long as it is taken.
    pub(crate) fn tell(&mut self, leg: LegId, take: &mut impl FnMut(AudioEvent) -> bool) {
        let flags = [
            (&mut self.has_begun, AudioEvent::Heard(leg)),
            (&mut self.has_ended, AudioEvent::Silent(leg)),
            (&mut self.is_prompt_over, AudioEvent::PromptEnded(leg)),
            (&mut self.is_lost, AudioEvent::MediaLost(leg)),
        ];
        for (flag, event) in flags {
            if *flag {
                if !take(event) {
                    return;
                }
                *flag = false;
            }
        }
        while self.digit_count > 0 {
            if !take(AudioEvent::Digit(leg, self.digits[0])) {
                return;
            }
            self.digits.rotate_left(1);
            self.digit_count -= 1;
        }
        if let Some(quality) = self.quality
            && take(AudioEvent::Quality { leg, quality, is_last: self.is_last })
        {
            self.quality = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use bangban_domain::CallId;

    use super::*;

    const LEG: LegId = LegId { call: CallId::new(1), no: 2 };

    fn told(notes: &mut Notes, room: usize) -> Vec<AudioEvent> {
        let mut events = Vec::new();
        notes.tell(LEG, &mut |event| {
            let is_taken = events.len() < room;
            if is_taken {
                events.push(event);
            }
            is_taken
        });
        events
    }

    #[test]
    fn what_is_not_taken_is_told_later_and_once() {
        let mut notes = Notes::default();
        notes.begun();
        notes.ended();
        "12".chars().for_each(|key| notes.digit(key));
        notes.prompt_over();
        assert_eq!(told(&mut notes, 0), []);
        assert_eq!(told(&mut notes, 2), [AudioEvent::Heard(LEG), AudioEvent::Silent(LEG)]);
        assert_eq!(told(&mut notes, 2), [AudioEvent::PromptEnded(LEG), AudioEvent::Digit(LEG, '1')]);
        notes.digit('3');
        assert_eq!(told(&mut notes, 9), [AudioEvent::Digit(LEG, '2'), AudioEvent::Digit(LEG, '3')]);
        assert_eq!(told(&mut notes, 9), []);
    }

    #[test]
    fn who_speaks_again_before_it_was_told_speaks() {
        let mut notes = Notes::default();
        notes.begun();
        notes.ended();
        notes.begun();
        notes.lost();
        notes.found();
        assert_eq!(told(&mut notes, 9), [AudioEvent::Heard(LEG)]);
        (0..40).for_each(|_| notes.digit('1'));
        assert_eq!(told(&mut notes, 99).len(), 32);
    }

    #[test]
    fn quality_that_is_not_taken_is_told_with_the_next() {
        let mut notes = Notes::default();
        let ms = std::time::Duration::from_millis;
        let first = Quality {
            received: 240,
            lost: 10,
            late: 1,
            concealed: 9,
            late_ticks: 2,
            jitter: ms(30),
            round_trip: Some(ms(80)),
            peer_loss: Some(0.5),
        };
        notes.quality(first);
        assert_eq!(told(&mut notes, 0), []);
        notes.quality(Quality {
            received: 250,
            lost: 1,
            jitter: ms(10),
            round_trip: Some(ms(60)),
            ..Quality::default()
        });
        let quality = Quality { received: 490, lost: 11, round_trip: Some(ms(60)), ..first };
        assert_eq!(told(&mut notes, 9), [AudioEvent::Quality { leg: LEG, quality, is_last: false }]);
        assert_eq!(told(&mut notes, 9), []);
        notes.last_quality(first);
        assert_eq!(told(&mut notes, 9), [AudioEvent::Quality { leg: LEG, quality: first, is_last: true }]);
    }
}
