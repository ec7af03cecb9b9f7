//! What is played: one set for all calls, made at the start, ours or from a folder; and how it is played to one leg.

use std::{
    path::Path,
    sync::{Arc, OnceLock},
};

use bangban_domain::call::{Prompt, Sound};

use super::{Codec, FRAME, StartError, g711, tone, wav};

/// Prompts that may wait for one leg; more are left out.
const MOST: usize = 8;
/// What somebody else says while something is spoken to them is softer: -12 dB.
const DUCKED: i32 = 4;

/// What is played to everybody.
#[derive(Debug, Clone)]
pub struct Prompts {
    clips: Arc<[Arc<[i16]>]>,
    music: Arc<[i16]>,
    ringback: Arc<[i16]>,
}

/// Ours, spoken by `scripts/prompts.sh`.
const fn spoken(prompt: Prompt) -> Option<&'static [u8]> {
    match prompt {
        Prompt::Recorded => Some(include_bytes!("prompts/recorded.al")),
        Prompt::NobodyReached => Some(include_bytes!("prompts/nobody_reached.al")),
        Prompt::NoOperators => Some(include_bytes!("prompts/no_operators.al")),
        Prompt::OperatorComes => Some(include_bytes!("prompts/operator_comes.al")),
        Prompt::Rate => Some(include_bytes!("prompts/rate.al")),
        Prompt::Thanks => Some(include_bytes!("prompts/thanks.al")),
        Prompt::JoinTone | Prompt::LeaveTone => None,
    }
}

const fn is_tone(prompt: Prompt) -> bool {
    matches!(prompt, Prompt::JoinTone | Prompt::LeaveTone)
}

fn our_own(prompt: Prompt) -> Arc<[i16]> {
    match (prompt, spoken(prompt)) {
        (_, Some(codes)) => {
            let mut samples = vec![0; codes.len()];
            g711::decode(Codec::Pcma, codes, &mut samples);
            samples.into()
        }
        (Prompt::LeaveTone, None) => tone::leave().into(),
        (_, None) => tone::join().into(),
    }
}

impl Prompts {
    /// Ours.
    #[must_use]
    pub fn built_in() -> Self {
        static OURS: OnceLock<Prompts> = OnceLock::new();
        let make = || Self {
            clips: Prompt::ALL.iter().map(|prompt| our_own(*prompt)).collect(),
            music: tone::music().into(),
            ringback: tone::ringback().into(),
        };
        OURS.get_or_init(make).clone()
    }

    /// Those of a folder, ours where it has none.
    ///
    /// # Errors
    /// [`StartError::Prompt`]: one that is there cannot be played.
    pub(crate) fn load(folder: &Path) -> Result<Self, StartError> {
        let ours = Self::built_in();
        let or_ours = |name: &str, ours: &Arc<[i16]>| {
            let path = folder.join(format!("{name}.wav"));
            let bad = |why| StartError::Prompt { path: path.clone(), why };
            match std::fs::read(&path) {
                Ok(bytes) => Ok(wav::read(&bytes).map_err(bad)?.into()),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound && folder.is_dir() => Ok(Arc::clone(ours)),
                Err(error) => Err(bad(error.to_string())),
            }
        };
        let clips = Prompt::ALL.iter().zip(ours.clips.iter()).map(|(prompt, ours)| or_ours(prompt.as_str(), ours));
        let clips: Vec<_> = clips.collect::<Result<_, _>>()?;
        Ok(Self { clips: clips.into(), music: or_ours("music", &ours.music)?, ringback: ours.ringback })
    }

    /// The samples of one.
    #[must_use]
    pub(crate) fn clip(&self, prompt: Prompt) -> &[i16] {
        let place = Prompt::ALL.iter().position(|known| *known == prompt);
        place.and_then(|place| self.clips.get(place)).map_or(&[], |clip| clip)
    }
}

/// What is being played to one leg.
#[derive(Debug, Clone, Default)]
pub(crate) struct Player {
    /// What is spoken, one after the other.
    waiting: [Option<Prompt>; MOST],
    spoken_at: usize,
    /// A tone sounds at once, also over what is spoken.
    tone: Option<(Prompt, usize)>,
    /// Where music and ring-back are.
    sound: Option<(Sound, usize)>,
}

impl Player {
    /// `false`: too many wait already.
    pub(crate) fn play(&mut self, prompt: Prompt) -> bool {
        if is_tone(prompt) {
            self.tone = Some((prompt, 0));
            return true;
        }
        let Some(free) = self.waiting.iter_mut().find(|place| place.is_none()) else { return false };
        *free = Some(prompt);
        true
    }

    /// What somebody hears who hears nobody.
    pub(crate) fn sound(&mut self, prompts: &Prompts, sound: Sound, frame: &mut [i16; FRAME]) {
        let samples = match sound {
            Sound::Silence => &[],
            Sound::Music => &*prompts.music,
            Sound::Ringback => &*prompts.ringback,
        };
        if samples.is_empty() {
            self.sound = None;
            frame.fill(0);
            return;
        }
        let mut at = self.sound.filter(|(last, _)| *last == sound).map_or(0, |(_, at)| at);
        for sample in frame {
            *sample = samples[at % samples.len()];
            at += 1;
        }
        self.sound = Some((sound, at % samples.len()));
    }

    /// Somebody is heard: music begins anew the next time.
    pub(crate) const fn no_sound(&mut self) {
        self.sound = None;
    }

    /// Puts what is played now over what is heard; `true`: what was spoken is over, and nothing waits.
    pub(crate) fn over(&mut self, prompts: &Prompts, frame: &mut [i16; FRAME]) -> bool {
        let mut is_over = false;
        if let Some(prompt) = self.waiting[0] {
            frame.iter_mut().for_each(|sample| *sample = (i32::from(*sample) / DUCKED) as i16);
            let samples = prompts.clip(prompt);
            add(frame, samples, self.spoken_at);
            self.spoken_at += FRAME;
            if self.spoken_at >= samples.len() {
                self.spoken_at = 0;
                self.waiting.rotate_left(1);
                self.waiting[MOST - 1] = None;
                is_over = self.waiting[0].is_none();
            }
        }
        if let Some((prompt, at)) = self.tone {
            let samples = prompts.clip(prompt);
            add(frame, samples, at);
            self.tone = Some((prompt, at + FRAME)).filter(|(_, at)| *at < samples.len());
        }
        is_over
    }
}

fn add(frame: &mut [i16; FRAME], samples: &[i16], at: usize) {
    for (sample, more) in frame.iter_mut().zip(samples.get(at..).unwrap_or(&[])) {
        *sample = sample.saturating_add(*more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(prompt: Prompt) -> f64 {
        Prompts::built_in().clip(prompt).len() as f64 / 8_000.0
    }

    #[test]
    fn every_prompt_is_there_and_not_longer_than_the_rules_wait() {
        let prompts = Prompts::built_in();
        for prompt in Prompt::ALL.iter().copied() {
            let clip = prompts.clip(prompt);
            let loudest = clip.iter().map(|sample| sample.unsigned_abs()).max().unwrap();
            assert!((3_000..30_000).contains(&loudest), "{prompt}: {loudest}");
            assert!(seconds(prompt) < 20.0, "a last prompt is over after 20 s: {prompt}");
        }
        // The caller has 15 s, which begin with the prompt.
        assert!(seconds(Prompt::Rate) < 10.0);
        assert!(seconds(Prompt::JoinTone) < 0.5 && seconds(Prompt::LeaveTone) < 0.5);
    }

    #[test]
    fn what_is_spoken_follows_and_softens_what_is_heard() {
        let prompts = Prompts::built_in();
        let mut player = Player::default();
        assert!(player.play(Prompt::OperatorComes) && player.play(Prompt::Thanks));
        let frames = |prompt| prompts.clip(prompt).len().div_ceil(FRAME);
        let wanted = frames(Prompt::OperatorComes) + frames(Prompt::Thanks);
        let mut heard = [0; FRAME];
        for n in 1..=wanted {
            heard = [4_000; FRAME];
            assert_eq!(player.over(&prompts, &mut heard), n == wanted, "{n} of {wanted}");
        }
        // Its last frame is padded with silence.
        assert!(heard.iter().all(|sample| (900..1_100).contains(sample)), "{heard:?}");
        heard = [4_000; FRAME];
        assert!(!player.over(&prompts, &mut heard));
        assert_eq!(heard, [4_000; FRAME]);
    }

    #[test]
    fn a_tone_sounds_at_once_and_is_not_told() {
        let prompts = Prompts::built_in();
        let mut player = Player::default();
        player.play(Prompt::Thanks);
        player.play(Prompt::JoinTone);
        let mut with = [0; FRAME];
        player.over(&prompts, &mut with);
        let mut without = [0; FRAME];
        add(&mut without, prompts.clip(Prompt::Thanks), 0);
        add(&mut without, prompts.clip(Prompt::JoinTone), 0);
        assert_eq!(with, without);
        let mut alone = Player::default();
        alone.play(Prompt::LeaveTone);
        assert!((0..100).all(|_| !alone.over(&prompts, &mut [0; FRAME])));
    }

    #[test]
    fn more_than_8_prompts_do_not_wait() {
        let mut player = Player::default();
        assert!((0..8).all(|_| player.play(Prompt::Rate)));
        assert!(!player.play(Prompt::Rate));
        assert!(player.play(Prompt::JoinTone), "a tone does not wait");
    }

    #[test]
    fn music_goes_round_and_begins_anew_after_somebody_was_heard() {
        let prompts = Prompts::built_in();
        let mut player = Player::default();
        let mut frame = [0; FRAME];
        for n in 0..2 * prompts.music.len() / FRAME {
            player.sound(&prompts, Sound::Music, &mut frame);
            let at = n * FRAME % prompts.music.len();
            assert_eq!(frame, prompts.music[at..at + FRAME]);
        }
        player.sound(&prompts, Sound::Ringback, &mut frame);
        assert_eq!(frame, prompts.ringback[..FRAME]);
        player.no_sound();
        player.sound(&prompts, Sound::Ringback, &mut frame);
        assert_eq!(frame, prompts.ringback[..FRAME]);
        player.sound(&prompts, Sound::Silence, &mut frame);
        assert_eq!(frame, [0; FRAME]);
    }

    #[test]
    fn a_folder_has_some_and_the_rest_stay_ours() {
        let folder = tempfile::tempdir().unwrap();
        let mut wav =
            b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\0\0\0\0\0\0\x10\0data\x04\0\0\0".to_vec();
        wav.extend([1, 0, 2, 0]);
        std::fs::write(folder.path().join("thanks.wav"), &wav).unwrap();
        let prompts = Prompts::load(folder.path()).unwrap();
        assert_eq!(prompts.clip(Prompt::Thanks), [1, 2]);
        assert_eq!(prompts.clip(Prompt::Rate), Prompts::built_in().clip(Prompt::Rate));
        std::fs::write(folder.path().join("music.wav"), b"ID3").unwrap();
        let error = Prompts::load(folder.path()).unwrap_err().to_string();
        assert!(error.contains("music.wav") && error.contains("not a WAV file"), "{error}");
        assert!(Prompts::load(&folder.path().join("nowhere")).is_err());
    }
}
