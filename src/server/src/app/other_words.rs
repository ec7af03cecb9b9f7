//! Official answers in everyday words (docs/bot.md, "In other words"). A connector writes them, the domain checks them, and what is said
//! stands beside the official wording in the thread.

use bangban_domain::{ConversationId, Timestamp, knowledge::strip};
use bangban_protocol::{Rephrased, ThreadBody};

use super::{App, dialogue::Heard};
use crate::{auth::Principal, catalogue::Catalogue, connectors::rephrase::Official};

/// Shortest name that is looked for, in letters: a shorter one is a word like any other.
const SHORTEST_NAME: usize = 3;

/// An answer in other words, and of which revision it is.
#[derive(Debug, Clone)]
pub(super) struct Worded {
    entry: String,
    revision: Option<u32>,
    rephrased: Rephrased,
}

/// Names of units and items.
fn names(catalogue: &Catalogue) -> Vec<&str> {
    let directory = catalogue.directory();
    let units = directory.units().map(|(_, unit)| unit.name.as_str());
    let items = directory.items().map(|(_, item)| item.name.as_str());
    units.chain(items).filter(|name| name.chars().count() >= SHORTEST_NAME).collect()
}

/// What is said, with the other words if they are of this very revision: it may have changed while they were written.
pub(super) fn worded(mut body: ThreadBody, words: Option<&Worded>) -> ThreadBody {
    if let (ThreadBody::BotAnswer { entry, revision, rephrased, .. }, Some(words)) = (&mut body, words)
        && *entry == words.entry
        && *revision == words.revision
    {
        *rephrased = Some(words.rephrased.clone());
    }
    body
}

impl App {
    /// The answer to a question, in other words. `None`: 小申 does not answer it, or says it as it stands; so it does with what nobody
    /// has reviewed. An answer that the citizen chose by its official question is not asked for here: they have read the official
    /// words already.
    pub(super) async fn in_other_words(
        &self,
        who: &Principal,
        at: Timestamp,
        id: ConversationId,
        text: &str,
        heard: &Heard,
    ) -> Option<Worded> {
        let rephraser = self.rephraser.as_ref()?;
        let Principal::Citizen(citizen) = who else { return None };
        let item = self.writer(who, id).ok()?.asked?;
        let reply = self.bot_reply(who, at, id, item.as_deref(), text.trim(), heard, |asking| asking.reply());
        let ThreadBody::BotAnswer { entry, text: official, revision, unreviewed: false, .. } = reply.body else {
            return None;
        };
        let catalogue = self.catalogue();
        let names = names(&catalogue);
        let question = strip(text.trim(), &[citizen.name.as_str()]);
        let wanted = Official { entry: &entry, text: &official, question: &question, names: &names };
        let rephrased = rephraser.rephrased(wanted).await?;
        Some(Worded { entry, revision, rephrased })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bot::answer;

    fn said(body: &ThreadBody) -> Option<&str> {
        let ThreadBody::BotAnswer { rephrased, .. } = body else { panic!("an answer") };
        rephrased.as_ref().map(|words| words.text.as_str())
    }

    #[test]
    fn words_of_another_revision_or_entry_are_not_said() {
        let catalogue = Catalogue::demo().unwrap();
        let entry = "kb-residence-permit-lost";
        let official = || answer(&catalogue, entry, None).unwrap();
        let ThreadBody::BotAnswer { revision, .. } = official() else { panic!("an answer") };
        let rephrased = Rephrased { text: "words".to_owned(), by: "m".to_owned() };
        let words = |entry: &str, revision| Worded { entry: entry.to_owned(), revision, rephrased: rephrased.clone() };
        assert_eq!(said(&worded(official(), Some(&words(entry, revision)))), Some("words"));
        assert_eq!(said(&worded(official(), Some(&words(entry, revision.map(|one| one + 1))))), None);
        assert_eq!(said(&worded(official(), Some(&words("kb-other", revision)))), None);
        assert_eq!(said(&worded(official(), None)), None);
    }

    #[test]
    fn every_answer_of_the_demo_may_be_said_as_it_stands_with_all_names_known() {
        let catalogue = Catalogue::demo().unwrap();
        let names = names(&catalogue);
        assert!(names.contains(&"上海市公安局") && names.iter().any(|name| name.contains("居住证")));
        for entry in catalogue.index().entries() {
            let ThreadBody::BotAnswer { text, .. } = answer(&catalogue, &entry.id, None).unwrap() else { panic!() };
            assert_eq!(bangban_domain::rephrase::check(&text, &text, &names), Ok(()), "{}", entry.id);
            let other = text.replacen('不', "", 1);
            let is_same = other == text;
            assert!(is_same || bangban_domain::rephrase::check(&text, &other, &names).is_err(), "{other}");
        }
    }
}
