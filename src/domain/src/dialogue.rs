//! 小申's dialogue with one citizen, as far as its next decision depends on what was said before: when it has asked back in
//! vain too often, what a follow-up may be about, and what a person who takes over is told.
//!
//! ```text
//!            ┌── is answered, or a person comes ──────────────────┐
//!            ▼                                                    │
//!   nothing open ──asks back──► asked back ──"none of these"──► failed: 1 ──asks back──► asked back
//!                                   └──would ask back again──► failed: 1, asked back         │
//!                                                              "none of these", or would ask back again:
//!                                                                     failed: 2 ──► a person, at once
//! ```
//!
//! A [`Dialogue`] is made of a thread, entry by entry, and stands nowhere else: it is the same after a restart, on another node
//! and on a second device. Deliberately absent: what an index says; that is judged by who asks.

use crate::{
    Timestamp,
    time::{MINUTE, Millis},
};

/// So many clarifications in vain, and a person takes over at once (rule 4: the bot hands over in time).
pub const MAX_FAILED: u32 = 2;

/// After this time nobody means the last answer any more when they say "it".
pub const CONTEXT_FOR: Millis = 30 * MINUTE;

/// A message longer than this says itself what it is about.
const LONGEST_FOLLOW_UP: usize = 16;

/// A message as short as this hardly ever does.
const SHORT: usize = 8;

/// What a follow-up begins with; it may also end in 呢.
const BEGINS: [&str; 16] = [
    "那",
    "这个",
    "这要",
    "它",
    "其",
    "还要",
    "还有",
    "还需要",
    "另外",
    "然后",
    "如果",
    "要是",
    "假如",
    "and",
    "what about",
    "how about",
];

/// An entry that was shown to choose from.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// Which.
    pub entry: String,
    /// Its question.
    pub question: String,
    /// How sure 小申 was; of what was shown before that was kept: nothing.
    pub probability: Option<f64>,
    /// The citizen took it.
    pub is_chosen: bool,
}

/// What one entry of a thread means to the dialogue.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// The citizen wrote, or chose a question: then it is that question, word for word.
    Asked(String),
    /// The citizen wants none of what was shown.
    Refused,
    /// 小申 answered with this entry.
    Answered {
        /// Which.
        entry: String,
        /// Its question.
        question: String,
    },
    /// 小申 asked back.
    AskedBack(Vec<Shown>),
    /// The matter is settled or a person's: what comes after is another one.
    Settled,
}

/// The last answer: what "it" means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// Which entry.
    pub entry: String,
    /// When it was given.
    pub at: Timestamp,
}

/// How a message says that it is about what was said before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follow {
    /// In words: 那…, …呢.
    Marked,
    /// It is too short to say what it is about.
    Short,
}

/// What a person is told who takes over.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Packet {
    /// What the citizen asked last, in their words.
    pub question: Option<String>,
    /// Entries that 小申 answered with, each once, with their questions.
    pub tried: Vec<(String, String)>,
    /// What it gave to choose from, each once, the last time counts.
    pub shown: Vec<Shown>,
    /// Clarifications in vain.
    pub failed: u32,
}

/// See the module.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Dialogue {
    /// Clarifications in vain since the last answer.
    failed: u32,
    /// The clarification that stands, and neither was answered nor refused.
    is_open: bool,
    context: Option<Context>,
    packet: Packet,
}

impl Dialogue {
    /// Of a thread, or its end.
    #[must_use]
    pub fn of(thread: impl IntoIterator<Item = (Timestamp, Said)>) -> Self {
        let mut this = Self::default();
        for (at, said) in thread {
            this.hear(at, said);
        }
        this
    }

    /// Takes the next entry.
    pub fn hear(&mut self, at: Timestamp, said: Said) {
        match said {
            Said::Asked(text) => {
                let chosen =
                    self.is_open.then(|| self.packet.shown.iter_mut().rfind(|one| one.question == text)).flatten();
                match chosen {
                    Some(chosen) => chosen.is_chosen = true,
                    None => self.packet.question = Some(text),
                }
            }
            Said::Refused => {
                self.fail();
                self.is_open = false;
            }
            Said::Answered { entry, question } => {
                self.failed = 0;
                self.is_open = false;
                self.context = Some(Context { entry: entry.clone(), at });
                self.packet.failed = 0;
                if !self.packet.tried.iter().any(|(known, _)| *known == entry) {
                    self.packet.tried.push((entry, question));
                }
            }
            Said::AskedBack(options) => {
                self.fail();
                self.is_open = true;
                self.packet.shown.retain(|one| !options.iter().any(|other| other.entry == one.entry));
                self.packet.shown.extend(options);
            }
            Said::Settled => *self = Self::default(),
        }
    }

    /// A clarification that stands was in vain.
    const fn fail(&mut self) {
        if self.is_open {
            self.failed += 1;
            self.packet.failed = self.failed;
        }
    }

    /// Does a clarification stand that can be refused?
    #[must_use]
    pub const fn is_asked_back(&self) -> bool {
        self.is_open
    }

    /// One who refuses what stands, or who would be asked back again, goes to a person instead.
    #[must_use]
    pub const fn steps_aside(&self) -> bool {
        self.is_open && self.failed + 1 >= MAX_FAILED
    }

    /// What a follow-up is about, if this may be one.
    #[must_use]
    pub fn context_of(&self, text: &str, now: Timestamp) -> Option<(&Context, Follow)> {
        let context = self.context.as_ref().filter(|context| now.since(context.at) <= CONTEXT_FOR)?;
        Some((context, follow(text)?))
    }

    /// What a person is told.
    #[must_use]
    pub const fn packet(&self) -> &Packet {
        &self.packet
    }
}

/// May this be about what was said before? Whoever asks in full does not need it.
fn follow(text: &str) -> Option<Follow> {
    let text = text.trim().trim_end_matches(['?', '？', '。', '!', '！']).to_lowercase();
    let length = text.chars().count();
    let is_marked = BEGINS.iter().any(|word| text.starts_with(word)) || text.ends_with('呢');
    match length {
        0 => None,
        1..=LONGEST_FOLLOW_UP if is_marked => Some(Follow::Marked),
        1..=SHORT => Some(Follow::Short),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000_000);

    fn shown(entry: &str) -> Shown {
        Shown { entry: entry.to_owned(), question: format!("{entry}?"), probability: Some(0.4), is_chosen: false }
    }

    fn asked(text: &str) -> Said {
        Said::Asked(text.to_owned())
    }

    fn back(entries: &[&str]) -> Said {
        Said::AskedBack(entries.iter().map(|entry| shown(entry)).collect())
    }

    fn answered(entry: &str) -> Said {
        Said::Answered { entry: entry.to_owned(), question: format!("{entry}?") }
    }

    fn heard(all: &[Said]) -> Dialogue {
        Dialogue::of(all.iter().map(|said| (NOW, said.clone())))
    }

    #[test]
    fn the_second_clarification_in_vain_is_the_last_one() {
        for (thread, steps_aside) in [
            (vec![], false),
            (vec![asked("q"), back(&["a", "b"])], false),
            // Asked back twice: the first was in vain, and the next one would be the second.
            (vec![asked("q"), back(&["a"]), asked("r"), back(&["b"])], true),
            // Refused, asked again, asked back: a refusal or another clarification is the second.
            (vec![asked("q"), back(&["a"]), Said::Refused, asked("r"), back(&["b"])], true),
            // Nothing stands that could be in vain.
            (vec![asked("q"), back(&["a"]), Said::Refused], false),
            // An answer ends the count, chosen or given.
            (vec![asked("q"), back(&["a"]), asked("r"), answered("b"), asked("s"), back(&["c"])], false),
            (vec![asked("q"), back(&["a"]), asked("a?"), answered("a"), asked("s"), back(&["c"])], false),
            // So does a person, or the end of the matter.
            (vec![asked("q"), back(&["a"]), Said::Settled, asked("s"), back(&["c"])], false),
        ] {
            assert_eq!(heard(&thread).steps_aside(), steps_aside, "{thread:?}");
        }
    }

    #[test]
    fn who_takes_over_reads_what_was_tried_shown_and_chosen() {
        let dialogue = heard(&[
            asked("怎么弄"),
            back(&["a", "b"]),
            asked("b?"),
            answered("b"),
            asked("不是这个"),
            back(&["c", "a"]),
            Said::Refused,
        ]);
        let packet = dialogue.packet();
        assert_eq!(packet.question.as_deref(), Some("不是这个"));
        assert_eq!(packet.tried, [("b".to_owned(), "b?".to_owned())]);
        let all: Vec<_> = packet.shown.iter().map(|one| (one.entry.as_str(), one.is_chosen)).collect();
        assert_eq!(all, [("b", true), ("c", false), ("a", false)]);
        assert_eq!(packet.failed, 1);
    }

    #[test]
    fn a_short_word_after_an_answer_is_about_it_and_a_question_in_full_is_not() {
        let dialogue = heard(&[asked("q"), answered("a")]);
        let about = |text: &str, at| dialogue.context_of(text, at).map(|(context, how)| (context.entry.as_str(), how));
        for (follow, how) in [
            ("那要多少钱", Follow::Marked),
            ("外地户口呢？", Follow::Marked),
            ("如果是小孩子的话怎么办", Follow::Marked),
            ("多久能好", Follow::Short),
            ("how much", Follow::Short),
        ] {
            assert_eq!(about(follow, NOW), Some(("a", how)), "{follow}");
        }
        for whole in [
            "怎样在网上查询公积金缴存的明细",
            "企业开办需要带哪些材料去窗口",
            "我想问一下残疾人证怎么申请呢谢谢你啊",
            "",
        ] {
            assert_eq!(about(whole, NOW), None, "{whole}");
        }
        assert!(about("那要多少钱", NOW + CONTEXT_FOR).is_some());
        assert_eq!(about("那要多少钱", NOW + CONTEXT_FOR + 1), None, "nobody means it any more");
        assert_eq!(heard(&[asked("q"), back(&["a"])]).context_of("那要多少钱", NOW), None, "nothing was answered");
    }

    proptest! {
        /// Whatever is said: if it steps aside as it should, nobody is asked back more than twice in one matter.
        #[test]
        fn nobody_is_asked_back_three_times(steps in proptest::collection::vec(0..4_u8, 0..60)) {
            let mut dialogue = Dialogue::default();
            let mut in_vain = 0;
            for step in steps {
                match step {
                    0 => { dialogue.hear(NOW, asked("q")); }
                    // Would ask back.
                    1 if dialogue.steps_aside() => { dialogue.hear(NOW, Said::Settled); in_vain = 0; }
                    1 => { dialogue.hear(NOW, back(&["a", "b"])); in_vain += 1; }
                    2 if dialogue.is_asked_back() => {
                        let over = dialogue.steps_aside();
                        dialogue.hear(NOW, if over { Said::Settled } else { Said::Refused });
                        if over { in_vain = 0; }
                    }
                    2 => {}
                    _ => { dialogue.hear(NOW, answered("a")); in_vain = 0; }
                }
                prop_assert!(in_vain <= MAX_FAILED);
            }
        }
    }
}
