//! The walk of one citizen through a guide.

use super::{Choice, Guide, GuideAbout, Question, Situation};
use crate::words::CitizenKind;

/// What is known of a question before it is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// Code of the question.
    pub question: String,
    /// Code of its choice.
    pub choice: String,
}

/// What became of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// Code of the question.
    pub question: String,
    /// Code of the choice; `None`: the citizen does not know.
    pub choice: Option<String>,
    /// It was not asked: the answer was known.
    pub is_known: bool,
}

/// How far a citizen has come: everything, so that a thread can carry it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Walk {
    /// In the order in which they were given.
    pub given: Vec<Given>,
    /// What is not asked because it is known.
    pub known: Vec<Fact>,
}

/// What the server knows of a citizen at the begin.
#[derive(Debug, Clone, Copy, Default)]
pub struct Facts<'a> {
    /// What they asked in words; says more than who they are.
    pub text: &'a str,
    /// Who they are; `None`: nobody has said.
    pub kind: Option<CitizenKind>,
    /// Code of their district.
    pub district: Option<&'a str>,
}

/// Where a walk stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next<'a> {
    /// This is asked.
    Ask {
        /// What.
        question: &'a Question,
        /// Which step it is, from 1; what was known is none.
        step: u32,
        /// So many steps there can be, whatever is answered or skipped from here on.
        most: u32,
    },
    /// This situation it is.
    Found(&'a Situation),
    /// These remain, because something was skipped.
    Several(Vec<&'a Situation>),
}

/// Why a step cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The walk is not at a question.
    NotAsked,
    /// The question has no such choice.
    NoChoice,
    /// There is nothing before it.
    AtBegin,
}

/// Situations by their places: a guide has at most 64.
type Set = u64;

/// What turns a word into its opposite.
const NEGATIONS: [char; 5] = ['不', '没', '未', '非', '无'];

/// It stands so near before the word: 不是首次, 没有登记.
const NEAR: usize = 2;

/// Does the citizen say this word, and not its opposite?
fn says(text: &str, word: &str) -> bool {
    let is_meant = |at: usize| {
        let before = text[..at].chars().rev().take_while(|letter| letter.is_alphanumeric()).take(NEAR);
        !before.into_iter().any(|letter| NEGATIONS.contains(&letter))
    };
    !word.is_empty() && text.match_indices(word).any(|(at, _)| is_meant(at))
}

/// The only one; two are none.
fn only<T>(mut some: impl Iterator<Item = T>) -> Option<T> {
    let one = some.next()?;
    some.next().is_none().then_some(one)
}

impl Question {
    /// The choice with this code.
    #[must_use]
    pub fn choice(&self, code: &str) -> Option<&Choice> {
        self.choices.iter().find(|choice| choice.code == code)
    }

    /// The answer that is known, if one is.
    fn known(&self, facts: &Facts<'_>) -> Option<&Choice> {
        let said = |choice: &&Choice| choice.words.iter().any(|word| says(facts.text, word));
        if let Some(choice) = only(self.choices.iter().filter(said)) {
            return Some(choice);
        }
        match self.about {
            GuideAbout::Audience => self.choice(facts.kind?.as_str()),
            GuideAbout::District => {
                let district = facts.district?;
                let names = |choice: &&Choice| choice.districts.iter().any(|one| one == district);
                let others = |choice: &&Choice| choice.districts.is_empty();
                self.choices.iter().find(names).or_else(|| only(self.choices.iter().filter(others)))
            }
            GuideAbout::Other => None,
        }
    }
}

impl Situation {
    /// May somebody be in it who answers a question so?
    fn fits(&self, question: &str, choice: &str) -> bool {
        let fit = self.fits.iter().find(|fit| fit.question == question);
        fit.is_none_or(|fit| fit.choices.iter().any(|one| one == choice))
    }
}

impl Guide {
    /// A question.
    #[must_use]
    pub fn question(&self, code: &str) -> Option<&Question> {
        self.questions.iter().find(|question| question.code == code)
    }

    /// A situation.
    #[must_use]
    pub fn situation(&self, code: &str) -> Option<&Situation> {
        self.situations.iter().find(|situation| situation.code == code)
    }

    /// A walk that has not begun, with what is known already.
    #[must_use]
    pub fn begin(&self, facts: &Facts<'_>) -> Walk {
        let known = self.questions.iter().filter_map(|question| {
            let choice = question.known(facts)?;
            Some(Fact { question: question.code.clone(), choice: choice.code.clone() })
        });
        Walk { given: Vec::new(), known: known.collect() }
    }

    /// Every situation.
    pub(super) fn all(&self) -> Set {
        self.situations.iter().enumerate().fold(0, |set, (n, _)| set | 1 << n)
    }

    /// Those of the candidates that an answer leaves.
    pub(super) fn left(&self, candidates: Set, question: &str, choice: &str) -> Set {
        let fitting = self.situations.iter().enumerate().filter(|(_, one)| one.fits(question, choice));
        fitting.fold(0, |set, (n, _)| set | 1 << n) & candidates
    }

    /// Do the candidates differ by the answer to this question: is there one that some of them fit, and not all?
    pub(super) fn separates(&self, candidates: Set, question: &Question) -> bool {
        let mut left = question.choices.iter().map(|choice| self.left(candidates, &question.code, &choice.code));
        left.any(|left| left != 0 && left != candidates)
    }

    fn candidates(&self, given: &[Given]) -> Set {
        let answers = given.iter().filter_map(|one| Some((&one.question, one.choice.as_ref()?)));
        answers.fold(self.all(), |set, (question, choice)| self.left(set, question, choice))
    }

    /// Questions that still separate, in their order. Fewer and fewer: what separates some of the candidates separates all
    /// of them, so those of now are the most that can still come.
    fn open<'a>(&'a self, given: &[Given]) -> impl Iterator<Item = &'a Question> {
        let candidates = self.candidates(given);
        let is_given = |question: &Question| given.iter().any(|one| one.question == question.code);
        self.questions.iter().filter(move |one| !is_given(one) && self.separates(candidates, one))
    }

    /// Takes what is known for as long as it is what would be asked next.
    fn take_known(&self, walk: &mut Walk) {
        loop {
            let next = self.open(&walk.given).next();
            let known = next.and_then(|question| {
                let fact = walk.known.iter().find(|fact| fact.question == question.code)?;
                question.choice(&fact.choice)
            });
            let Some((question, choice)) = next.zip(known) else { return };
            let given = Given { question: question.code.clone(), choice: Some(choice.code.clone()), is_known: true };
            walk.given.push(given);
        }
    }

    /// Where a walk stands; what is known is taken as given first.
    #[must_use]
    pub fn next(&self, walk: &mut Walk) -> Next<'_> {
        self.take_known(walk);
        let mut open = self.open(&walk.given);
        if let Some(question) = open.next() {
            let asked = walk.given.iter().filter(|one| !one.is_known).count();
            let rest = open.filter(|one| walk.known.iter().all(|fact| fact.question != one.code)).count();
            let step = count(asked) + 1;
            return Next::Ask { question, step, most: step + count(rest) };
        }
        drop(open);
        let candidates = self.candidates(&walk.given);
        let left = self.situations.iter().enumerate().filter(|(n, _)| candidates & (1 << n) != 0);
        let mut left: Vec<&Situation> = left.map(|(_, situation)| situation).collect();
        match left.len() {
            1 => Next::Found(left.remove(0)),
            _ => Next::Several(left),
        }
    }

    fn asked(&self, walk: &Walk) -> Result<&Question, Refusal> {
        match self.next(&mut walk.clone()) {
            Next::Ask { question, .. } => Ok(question),
            Next::Found(_) | Next::Several(_) => Err(Refusal::NotAsked),
        }
    }

    /// Answers what is asked.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn answer(&self, walk: &Walk, choice: &str) -> Result<Walk, Refusal> {
        let question = self.asked(walk)?;
        let choice = question.choice(choice).ok_or(Refusal::NoChoice)?;
        Ok(self.with(walk, question, Some(choice.code.clone())))
    }

    /// 我不清楚: goes on without an answer.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn skip(&self, walk: &Walk) -> Result<Walk, Refusal> {
        let question = self.asked(walk)?;
        Ok(self.with(walk, question, None))
    }

    fn with(&self, walk: &Walk, question: &Question, choice: Option<String>) -> Walk {
        let mut next = walk.clone();
        self.take_known(&mut next);
        next.given.push(Given { question: question.code.clone(), choice, is_known: false });
        next
    }

    /// Takes the last answer back, so that its question is asked again. What was known is asked when nothing that was
    /// answered is left: it may be wrong.
    ///
    /// # Errors
    /// [`Refusal::AtBegin`].
    pub fn back(&self, walk: &Walk) -> Result<Walk, Refusal> {
        let mut next = walk.clone();
        if let Some(at) = next.given.iter().rposition(|one| !one.is_known) {
            next.given.truncate(at);
            return Ok(next);
        }
        let last = next.given.pop().ok_or(Refusal::AtBegin)?;
        next.known.retain(|fact| fact.question != last.question);
        Ok(next)
    }

    /// Begins anew, and takes nothing as known: whoever begins anew was led astray.
    #[must_use]
    pub fn restart() -> Walk {
        Walk::default()
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
