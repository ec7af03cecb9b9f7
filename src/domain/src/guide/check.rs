//! Whether a guide can be published: its fields, what they refer to, and every way through it.

use std::collections::HashSet;

use super::{Choice, Guide, GuideAbout, Question, Situation};
use crate::{
    knowledge::official_link,
    org::{Directory, Invalid, Item, MAX_NAME, UnitKind, code, line, lines, set},
    words::CitizenKind,
};

/// Most questions of a guide: nobody answers more.
pub const MAX_QUESTIONS: usize = 12;

/// Most choices of a question.
pub const MAX_CHOICES: usize = 20;

/// Most situations: the walk keeps the candidates as bits of a number.
pub const MAX_SITUATIONS: usize = 60;

/// Most words of a choice, and most conditions or documents of a situation.
const MAX_PARTS: usize = 30;

/// Longest question, condition, place.
const MAX_LINE: usize = 200;

/// Longest help and note.
const MAX_HELP: usize = 500;

/// Most states of a walk that are looked at.
const MAX_STATES: usize = 20_000;

fn most(field: &str, length: usize, most: usize) -> Result<(), Invalid> {
    if length <= most { Ok(()) } else { Err(Invalid::new(field, format!("must have at most {most} parts"))) }
}

/// Names nothing twice; the error stands at the second one.
fn unique<'a>(field: &str, codes: impl Iterator<Item = &'a str>) -> Result<(), Invalid> {
    let mut seen = HashSet::new();
    for (n, one) in codes.enumerate() {
        code(&format!("{field}[{n}].code"), one)?;
        if !seen.insert(one) {
            return Err(Invalid::new(format!("{field}[{n}].code"), "is named twice"));
        }
    }
    Ok(())
}

impl Choice {
    fn check(&self, field: &str) -> Result<(), Invalid> {
        line(&format!("{field}.label"), &self.label, 1, MAX_NAME)?;
        most(&format!("{field}.words"), self.words.len(), MAX_PARTS)?;
        set(&format!("{field}.words"), &self.words)?;
        for (n, word) in self.words.iter().enumerate() {
            // One character is part of too many words.
            line(&format!("{field}.words[{n}]"), word, 2, MAX_NAME)?;
        }
        set(&format!("{field}.districts"), &self.districts)
    }
}

impl Question {
    fn check(&self, field: &str) -> Result<(), Invalid> {
        line(&format!("{field}.text"), &self.text, 2, MAX_LINE)?;
        lines(&format!("{field}.help"), &self.help, 0, MAX_HELP)?;
        let choices = format!("{field}.choices");
        most(&choices, self.choices.len(), MAX_CHOICES)?;
        if self.choices.len() < 2 {
            return Err(Invalid::new(choices, "must have at least 2 parts"));
        }
        unique(&choices, self.choices.iter().map(|choice| choice.code.as_str()))?;
        for (n, choice) in self.choices.iter().enumerate() {
            let field = format!("{choices}[{n}]");
            choice.check(&field)?;
            match self.about {
                GuideAbout::Audience if CitizenKind::parse(&choice.code).is_none() => {
                    let problem = "must be \"person\" or \"enterprise\", because the question is about that";
                    return Err(Invalid::new(format!("{field}.code"), problem));
                }
                GuideAbout::Audience | GuideAbout::Other if !choice.districts.is_empty() => {
                    return Err(Invalid::new(format!("{field}.districts"), "belong to a question about the district"));
                }
                GuideAbout::District => {
                    let before = self.choices[..n].iter();
                    let is_named = |district: &String| before.clone().any(|other| other.districts.contains(district));
                    if let Some(at) = choice.districts.iter().position(is_named) {
                        return Err(Invalid::new(format!("{field}.districts[{at}]"), "is named twice"));
                    }
                }
                GuideAbout::Audience | GuideAbout::Other => {}
            }
        }
        if self.about == GuideAbout::District {
            let others: Vec<usize> =
                (0..self.choices.len()).filter(|n| self.choices[*n].districts.is_empty()).collect();
            if let Some(second) = others.get(1) {
                let problem = "only one choice may stand for all other districts";
                return Err(Invalid::new(format!("{choices}[{second}].districts"), problem));
            }
        }
        Ok(())
    }
}

impl Situation {
    fn check(&self, field: &str, guide: &Guide) -> Result<(), Invalid> {
        line(&format!("{field}.name"), &self.name, 1, MAX_NAME)?;
        let asked: Vec<&str> = self.fits.iter().map(|fit| fit.question.as_str()).collect();
        set(&format!("{field}.fits"), &asked)?;
        for (n, fit) in self.fits.iter().enumerate() {
            let field = format!("{field}.fits[{n}]");
            let question = guide.question(&fit.question);
            let question = question.ok_or_else(|| Invalid::new(format!("{field}.question"), "is no question"))?;
            if fit.choices.is_empty() {
                return Err(Invalid::new(format!("{field}.choices"), "must not be empty"));
            }
            set(&format!("{field}.choices"), &fit.choices)?;
            if let Some(at) = fit.choices.iter().position(|one| question.choice(one).is_none()) {
                return Err(Invalid::new(format!("{field}.choices[{at}]"), "is no choice of the question"));
            }
        }
        most(&format!("{field}.conditions"), self.conditions.len(), MAX_PARTS)?;
        set(&format!("{field}.conditions"), &self.conditions)?;
        for (n, condition) in self.conditions.iter().enumerate() {
            line(&format!("{field}.conditions[{n}]"), condition, 2, MAX_HELP)?;
        }
        most(&format!("{field}.materials"), self.materials.len(), MAX_PARTS)?;
        for (n, material) in self.materials.iter().enumerate() {
            line(&format!("{field}.materials[{n}].name"), &material.name, 1, MAX_LINE)?;
            line(&format!("{field}.materials[{n}].note"), &material.note, 0, MAX_HELP)?;
        }
        let names: Vec<&str> = self.materials.iter().map(|one| one.name.as_str()).collect();
        set(&format!("{field}.materials"), &names)?;
        line(&format!("{field}.where"), &self.place, 1, MAX_HELP)?;
        line(&format!("{field}.duration"), &self.duration, 1, MAX_LINE)?;
        line(&format!("{field}.cost"), &self.cost, 1, MAX_LINE)?;
        line(&format!("{field}.source"), &self.source, 1, MAX_LINE)?;
        if self.link.is_empty() { Ok(()) } else { official_link(&format!("{field}.link"), &self.link) }
    }
}

impl Guide {
    /// Looks at everything that can be judged by itself, the ways through it included: what is reviewed has to pass.
    ///
    /// # Errors
    /// [`Invalid`] names the first field that cannot be taken.
    pub fn check(&self) -> Result<(), Invalid> {
        self.check_fields()?;
        self.check_ways()
    }

    /// Looks at the fields alone: what somebody is still at work on leads nowhere in places.
    ///
    /// # Errors
    /// As above.
    pub fn check_fields(&self) -> Result<(), Invalid> {
        most("questions", self.questions.len(), MAX_QUESTIONS)?;
        unique("questions", self.questions.iter().map(|question| question.code.as_str()))?;
        for (n, question) in self.questions.iter().enumerate() {
            question.check(&format!("questions[{n}]"))?;
        }
        most("situations", self.situations.len(), MAX_SITUATIONS)?;
        if self.situations.is_empty() {
            return Err(Invalid::new("situations", "must not be empty"));
        }
        unique("situations", self.situations.iter().map(|situation| situation.code.as_str()))?;
        for (n, situation) in self.situations.iter().enumerate() {
            situation.check(&format!("situations[{n}]"), self)?;
        }
        Ok(())
    }

    /// Looks at what refers to the item and to districts.
    ///
    /// # Errors
    /// As above.
    pub fn check_item(&self, item: &Item, directory: &Directory) -> Result<(), Invalid> {
        for (n, situation) in self.situations.iter().enumerate() {
            if !situation.of.is_empty() && !item.situations.iter().any(|one| one.code == situation.of) {
                return Err(Invalid::new(format!("situations[{n}].of"), "is no situation of the item"));
            }
        }
        let is_district = |code: &String| directory.unit(code).is_some_and(|one| one.kind == UnitKind::District);
        for (n, question) in self.questions.iter().enumerate() {
            for (m, choice) in question.choices.iter().enumerate() {
                if let Some(at) = choice.districts.iter().position(|one| !is_district(one)) {
                    let field = format!("questions[{n}].choices[{m}].districts[{at}]");
                    return Err(Invalid::new(field, "is no district"));
                }
            }
        }
        Ok(())
    }

    /// Every state of a walk. Only one in which something was skipped may end with several situations.
    fn check_ways(&self) -> Result<(), Invalid> {
        let mut seen = HashSet::new();
        let mut found = 0;
        let mut open = vec![(self.all(), 0_u32, false)];
        while let Some(state @ (candidates, asked, has_skipped)) = open.pop() {
            if !seen.insert(state) {
                continue;
            }
            if seen.len() > MAX_STATES {
                return Err(Invalid::new("questions", "there are too many ways through them"));
            }
            let is_open = |n: usize, question: &Question| asked & (1 << n) == 0 && self.separates(candidates, question);
            let Some((n, question)) = self.questions.iter().enumerate().find(|(n, one)| is_open(*n, one)) else {
                let first = candidates.trailing_zeros();
                if candidates.count_ones() == 1 {
                    found |= candidates;
                    if !has_skipped {
                        self.check_end(first as usize, asked)?;
                    }
                } else if !has_skipped {
                    let second = (candidates & (candidates - 1)).trailing_zeros();
                    let problem = format!("no question tells it apart from situations[{first}]");
                    return Err(Invalid::new(format!("situations[{second}].fits"), problem));
                }
                continue;
            };
            let asked = asked | 1 << n;
            for (m, choice) in question.choices.iter().enumerate() {
                let left = self.left(candidates, &question.code, &choice.code);
                if left == 0 {
                    let field = format!("questions[{n}].choices[{m}]");
                    return Err(Invalid::new(field, "fits none of the situations in which it can be chosen"));
                }
                open.push((left, asked, has_skipped));
            }
            open.push((candidates, asked, true));
        }
        match self.all() & !found {
            0 => Ok(()),
            never => Err(Invalid::new(format!("situations[{}].fits", never.trailing_zeros()), "no answers lead to it")),
        }
    }

    /// Whoever ends in a situation has been asked for everything that it depends on: who answers otherwise belongs elsewhere.
    fn check_end(&self, at: usize, asked: u32) -> Result<(), Invalid> {
        for (n, fit) in self.situations[at].fits.iter().enumerate() {
            let question = self.questions.iter().enumerate().find(|(_, question)| question.code == fit.question);
            let excludes =
                |(m, one): (usize, &Question)| asked & (1 << m) == 0 && fit.choices.len() < one.choices.len();
            if question.is_some_and(excludes) {
                let problem = "is not asked on a way to it: who answers otherwise would end here too";
                return Err(Invalid::new(format!("situations[{at}].fits[{n}]"), problem));
            }
        }
        Ok(())
    }
}
