//! Guided dialogues that are in force (docs/guide.md), and what of a walk through one travels in a thread. It never changes;
//! [`crate::organisation::Organisation`] has the newest one.

use std::{collections::BTreeMap, sync::Arc};

use bangban_domain::guide::{Choice, Fact, Given, Guide, Question, Situation, Walk};
use bangban_protocol::{GuideGiven, GuideKnown, GuideOption, GuideWalk};
use bangban_store::{GuideRevision, GuideRow};

/// An item's guide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InForce {
    /// Which revision.
    pub revision: u32,
    /// What it says.
    pub content: Arc<Guide>,
}

/// See the module.
#[derive(Default)]
pub struct Guides(BTreeMap<String, InForce>);

impl Guides {
    /// Of what the store says is in force.
    #[must_use]
    pub fn of(rows: Vec<(GuideRow, GuideRevision)>) -> Self {
        let one = |(row, revision): (GuideRow, GuideRevision)| {
            (row.head.id, InForce { revision: revision.no, content: Arc::new(revision.content) })
        };
        Self(rows.into_iter().map(one).collect())
    }

    /// An item's.
    #[must_use]
    pub fn get(&self, item: &str) -> Option<&InForce> {
        self.0.get(item)
    }
}

/// The answers of a walk, in the words of the guide.
#[must_use]
pub fn given(guide: &Guide, walk: &Walk) -> Vec<GuideGiven> {
    let one = |given: &Given| {
        let question = guide.question(&given.question);
        let choice = question.zip(given.choice.as_ref()).and_then(|(question, code)| question.choice(code));
        GuideGiven {
            question: given.question.clone(),
            text: question.map(|question| question.text.clone()).unwrap_or_default(),
            choice: given.choice.clone(),
            label: choice.map(|choice| choice.label.clone()).unwrap_or_default(),
            known: given.is_known,
        }
    };
    walk.given.iter().map(one).collect()
}

/// A walk as a thread carries it.
#[must_use]
pub fn carried(item: &str, item_name: &str, revision: u32, guide: &Guide, walk: &Walk) -> GuideWalk {
    let known = |fact: &Fact| GuideKnown { question: fact.question.clone(), choice: fact.choice.clone() };
    GuideWalk {
        item: item.to_owned(),
        item_name: item_name.to_owned(),
        revision,
        given: given(guide, walk),
        known: walk.known.iter().map(known).collect(),
    }
}

/// And back.
#[must_use]
pub fn walk_of(carried: &GuideWalk) -> Walk {
    let given =
        |one: &GuideGiven| Given { question: one.question.clone(), choice: one.choice.clone(), is_known: one.known };
    let known = |one: &GuideKnown| Fact { question: one.question.clone(), choice: one.choice.clone() };
    Walk { given: carried.given.iter().map(given).collect(), known: carried.known.iter().map(known).collect() }
}

/// What one may answer.
#[must_use]
pub fn choices(question: &Question) -> Vec<GuideOption> {
    let option = |choice: &Choice| GuideOption { code: choice.code.clone(), label: choice.label.clone() };
    question.choices.iter().map(option).collect()
}

/// What one may choose from when several remain.
#[must_use]
pub fn situations(some: &[&Situation]) -> Vec<GuideOption> {
    some.iter().map(|one| GuideOption { code: one.code.clone(), label: one.name.clone() }).collect()
}
