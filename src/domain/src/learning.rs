//! What conversations teach the knowledge base: labels, each a question with what became of it. They suggest other wordings,
//! show what nobody could answer, and are what the calibrator is fitted by.

use std::collections::BTreeMap;

use crate::words::words;

words! {
    /// What a label says of a question.
    LabelKind {
        /// 小申 found nothing, or nothing that was meant.
        NotFound = "not_found",
        /// 👍: the answer solved it.
        Solved = "solved",
        /// 👎: it did not.
        Unsolved = "unsolved",
        /// The citizen chose this entry when 小申 asked back.
        Chosen = "chosen",
        /// An agent sent this entry's answer.
        Sent = "sent",
    }
}

/// What somebody says in a thread, as far as it teaches something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said<'a> {
    /// The citizen, in words.
    Asked(&'a str),
    /// What the citizen said last was no question: a greeting, a wish for a person, a complaint.
    NoQuestion,
    /// 小申 answers.
    Answered {
        /// With this entry.
        entry: &'a str,
        /// ... that answers this question.
        question: &'a str,
        /// ... as it was then.
        revision: Option<u32>,
        /// What was said before was weighed too: the question alone says too little to teach something.
        in_context: bool,
    },
    /// 小申 asks back, with these entries to choose from.
    Offered(Vec<&'a str>),
    /// The citizen means none of them.
    Refused,
    /// 小申 has found nothing, or what it proposed to a person did not fit.
    Unknown,
    /// 小申 proposes an answer to a person: what becomes of the question is said after it.
    Proposed,
    /// The citizen judges an answer.
    Judged {
        /// Its position.
        answer: u64,
        /// The verdict.
        solved: bool,
    },
    /// An agent sends an entry's answer.
    Sent {
        /// Which.
        entry: &'a str,
        /// ... as it was then.
        revision: Option<u32>,
    },
}

/// A question with what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Position of the entry of the thread that says it.
    pub seq: u64,
    /// What became of the question.
    pub kind: LabelKind,
    /// As the citizen asked it.
    pub question: String,
    /// The knowledge entry.
    pub entry: Option<String>,
    /// Which revision of it.
    pub revision: Option<u32>,
}

/// How a thread stands while it is read.
#[derive(Default)]
struct Reading<'a> {
    labels: Vec<Label>,
    asked: Option<&'a str>,
    /// What was asked before that.
    before: Option<&'a str>,
    /// The question that was asked back, and the entries to choose from.
    offer: Option<(&'a str, Vec<&'a str>)>,
    /// By position: question, entry, revision.
    answers: BTreeMap<u64, (&'a str, &'a str, Option<u32>)>,
}

/// The labels of a thread, in its order. Of an answer that the citizen chose the question is what they had asked before they
/// were asked back; what was chosen from a greeting teaches nothing, because nobody asked.
#[must_use]
pub fn labels<'a>(thread: impl IntoIterator<Item = (u64, Said<'a>)>) -> Vec<Label> {
    let mut reading = Reading::default();
    for (seq, said) in thread {
        reading.read(seq, said);
    }
    reading.labels
}

impl<'a> Reading<'a> {
    fn read(&mut self, seq: u64, said: Said<'a>) {
        match said {
            Said::Asked(text) => self.before = self.asked.replace(text),
            Said::NoQuestion => self.asked = self.before.take(),
            Said::Offered(entries) => self.offer = self.asked.map(|asked| (asked, entries)),
            Said::Refused => {
                if let Some((question, _)) = self.offer.take() {
                    self.put(seq, LabelKind::NotFound, question, None);
                }
            }
            Said::Unknown => {
                self.offer = None;
                if let Some(asked) = self.asked {
                    self.put(seq, LabelKind::NotFound, asked, None);
                }
            }
            Said::Proposed => self.offer = None,
            Said::Answered { entry, question, revision, in_context } => {
                // Who chooses says the entry's own question.
                let is_choice = self.asked == Some(question);
                let chosen = self.offer.take().filter(|(_, entries)| is_choice && entries.contains(&entry));
                if let Some((asked, _)) = chosen {
                    self.put(seq, LabelKind::Chosen, asked, Some((entry, revision)));
                    self.asked = Some(asked);
                }
                if let Some(asked) = self.asked.filter(|_| !in_context) {
                    self.answers.insert(seq, (asked, entry, revision));
                }
            }
            Said::Judged { answer, solved } => {
                if let Some((question, entry, revision)) = self.answers.get(&answer).copied() {
                    let kind = if solved { LabelKind::Solved } else { LabelKind::Unsolved };
                    self.put(seq, kind, question, Some((entry, revision)));
                }
            }
            Said::Sent { entry, revision } => {
                if let Some(asked) = self.asked {
                    self.put(seq, LabelKind::Sent, asked, Some((entry, revision)));
                }
            }
        }
    }

    /// Said twice, it teaches no more.
    fn put(&mut self, seq: u64, kind: LabelKind, question: &str, about: Option<(&str, Option<u32>)>) {
        let entry = about.map(|(entry, _)| entry);
        let is_same = |one: &Label| (one.kind, one.question.as_str(), one.entry.as_deref()) == (kind, question, entry);
        if !self.labels.iter().any(is_same) {
            self.labels.push(Label {
                seq,
                kind,
                question: question.to_owned(),
                entry: entry.map(str::to_owned),
                revision: about.and_then(|(_, revision)| revision),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told<'a>(thread: Vec<Said<'a>>) -> Vec<(u64, LabelKind, String, Option<String>)> {
        let labels = labels((1..).zip(thread));
        labels.into_iter().map(|one| (one.seq, one.kind, one.question, one.entry)).collect()
    }

    fn label(
        seq: u64,
        kind: LabelKind,
        question: &str,
        entry: Option<&str>,
    ) -> (u64, LabelKind, String, Option<String>) {
        (seq, kind, question.to_owned(), entry.map(str::to_owned))
    }

    const fn answered(entry: &str) -> Said<'_> {
        Said::Answered { entry, question: "居住证丢失了怎么补办", revision: Some(1), in_context: false }
    }

    #[test]
    fn a_verdict_is_about_the_question_that_the_answer_was_to() {
        let thread = vec![
            Said::Asked("居住证丢了咋办"),
            answered("kb-lost"),
            Said::Asked("要多久"),
            answered("kb-span"),
            Said::Judged { answer: 2, solved: true },
            Said::Judged { answer: 4, solved: false },
            Said::Judged { answer: 3, solved: false },
        ];
        let expected = [
            label(5, LabelKind::Solved, "居住证丢了咋办", Some("kb-lost")),
            label(6, LabelKind::Unsolved, "要多久", Some("kb-span")),
        ];
        assert_eq!(told(thread), expected, "of what is no answer nothing is judged");
    }

    #[test]
    fn who_chooses_says_what_they_had_meant() {
        let thread = vec![
            Said::Asked("证掉了"),
            Said::Offered(vec!["kb-lost", "kb-id-lost"]),
            Said::Asked("居住证丢失了怎么补办"),
            answered("kb-lost"),
            Said::Judged { answer: 4, solved: true },
        ];
        let expected = [
            label(4, LabelKind::Chosen, "证掉了", Some("kb-lost")),
            label(5, LabelKind::Solved, "证掉了", Some("kb-lost")),
        ];
        assert_eq!(told(thread), expected);
        let another = vec![
            Said::Asked("证掉了"),
            Said::Offered(vec!["kb-lost"]),
            Said::Asked("护照多少钱"),
            answered("kb-passport-fee"),
        ];
        assert_eq!(told(another), []);
        assert_eq!(told(vec![Said::Offered(vec!["kb-lost"]), answered("kb-lost")]), [], "nobody had asked");
    }

    #[test]
    fn what_an_agent_sends_belongs_to_the_last_question_and_counts_once() {
        let sent = || Said::Sent { entry: "kb-lost", revision: Some(2) };
        let thread = vec![sent(), Said::Asked("量子居住证"), Said::Unknown, Said::Unknown, sent(), sent()];
        let expected = [
            label(3, LabelKind::NotFound, "量子居住证", None),
            label(5, LabelKind::Sent, "量子居住证", Some("kb-lost")),
        ];
        assert_eq!(told(thread), expected);
    }

    #[test]
    fn other_words_for_what_was_asked_back_are_no_choice_and_a_refusal_says_that_nothing_was_found() {
        let offer = || [Said::Asked("证掉了"), Said::Offered(vec!["kb-lost"])];
        let other_words = offer().into_iter().chain([Said::Asked("居住证丢了"), answered("kb-lost")]);
        assert_eq!(told(other_words.collect()), []);
        let refused = offer().into_iter().chain([Said::Refused, Said::Unknown, Said::Refused]);
        assert_eq!(told(refused.collect()), [label(3, LabelKind::NotFound, "证掉了", None)]);
    }

    #[test]
    fn what_is_proposed_to_a_person_teaches_what_they_make_of_it() {
        let sent = Said::Sent { entry: "kb-lost", revision: Some(2) };
        // The request that is made with it refuses nothing that was offered before.
        let thread = vec![
            Said::Asked("证掉了"),
            Said::Offered(vec!["kb-id-lost"]),
            Said::Asked("居住证丢了咋办"),
            Said::Proposed,
            Said::Refused,
        ];
        assert_eq!(told(thread.clone()), []);
        let with: Vec<_> = thread.into_iter().chain([sent]).collect();
        assert_eq!(told(with), [label(6, LabelKind::Sent, "居住证丢了咋办", Some("kb-lost"))]);
    }

    #[test]
    fn what_says_too_little_by_itself_and_what_is_no_question_teach_nothing() {
        let question = "居住证丢失了怎么补办";
        let follow =
            Said::Answered { entry: "kb-span", question: "居住证多久办好", revision: Some(1), in_context: true };
        let thread = vec![
            Said::Asked(question),
            answered("kb-lost"),
            Said::Asked("那要多久"),
            follow,
            Said::Judged { answer: 4, solved: true },
        ];
        assert_eq!(told(thread), []);
        let sent = Said::Sent { entry: "kb-lost", revision: Some(2) };
        let thread =
            vec![Said::Asked("量子居住证"), Said::Unknown, Said::Asked("转人工"), Said::NoQuestion, sent.clone()];
        let expected = [
            label(2, LabelKind::NotFound, "量子居住证", None),
            label(5, LabelKind::Sent, "量子居住证", Some("kb-lost")),
        ];
        assert_eq!(told(thread), expected);
        assert_eq!(told(vec![Said::Asked("转人工"), Said::NoQuestion, sent]), []);
    }
}
