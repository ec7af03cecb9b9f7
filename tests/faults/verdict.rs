//! Everything is read back, through the protocol and by SQL, and compared with what was promised.

use std::collections::HashMap;

use bangban_domain::ConversationId;
use bangban_tests::{Client, Kept, Rows, TestServer};
use serde::Serialize;

use crate::{
    outbox::{Fate, parse},
    speaker::Speaker,
};

/// What was found.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Verdict {
    /// Messages that the server promised to keep.
    pub(crate) acknowledged: u32,
    /// By agents, of these.
    pub(crate) acknowledged_to_agents: u32,
    /// Refused: the client was told that it is not kept.
    pub(crate) refused: u32,
    /// Promised, and not at its position.
    pub(crate) lost: u32,
    /// At more than one position.
    pub(crate) duplicated: u32,
    /// After one that the same client said later.
    pub(crate) out_of_order: u32,
    /// Refused at the first attempt, and kept.
    pub(crate) refused_but_kept: u32,
    /// Positions that are not 1, 2, 3 and so on.
    pub(crate) gaps: u32,
    /// Threads that the protocol shows otherwise than the rows.
    pub(crate) differs_by_protocol: u32,
    /// What the event log says otherwise than the rows.
    pub(crate) log: Vec<String>,
}

/// `conversations`: with a token of their citizen.
pub(crate) async fn read_back(
    server: &TestServer,
    conversations: &[(ConversationId, String)],
    speakers: &[Speaker],
) -> Verdict {
    let mut verdict = Verdict::default();
    let mut rows = Rows::of(&server.database.url()).await;
    let mut threads = HashMap::new();
    for (id, token) in conversations {
        let thread = rows.thread(*id).await;
        let shown = Client::connect(server.address, token).await.whole_thread(*id).await;
        let shown: Vec<Kept> =
            shown.into_iter().map(|entry| Kept { seq: entry.seq, client_id: entry.client_id }).collect();
        verdict.differs_by_protocol += u32::from(shown != thread);
        verdict.log.extend(rows.check_log(*id).await.err());
        verdict.judge_thread(&thread);
        threads.insert(*id, thread);
    }
    for speaker in speakers {
        verdict.judge_promises(speaker, &threads);
    }
    verdict
}

impl Verdict {
    fn judge_thread(&mut self, thread: &[Kept]) {
        let gaps = (1_u64..).zip(thread).filter(|(place, kept)| kept.seq != *place).count();
        self.gaps += u32::try_from(gaps).unwrap_or(u32::MAX);
        let mut last: HashMap<&str, usize> = HashMap::new();
        let mut seen: HashMap<&str, u32> = HashMap::new();
        for id in thread.iter().filter_map(|kept| kept.client_id.as_deref()) {
            *seen.entry(id).or_default() += 1;
            let Some((name, number)) = parse(id) else { continue };
            let before = last.insert(name, number);
            self.out_of_order += u32::from(before.is_some_and(|before| number < before));
        }
        self.duplicated += seen.values().map(|times| times - 1).sum::<u32>();
    }

    fn judge_promises(&mut self, speaker: &Speaker, threads: &HashMap<ConversationId, Vec<Kept>>) {
        let mut kept: HashMap<&str, u64> = HashMap::new();
        for thread in threads.values() {
            let of_clients = thread.iter().filter_map(|kept| Some((kept.client_id.as_deref()?, kept.seq)));
            kept.extend(of_clients.filter(|(id, _)| parse(id).is_some_and(|(name, _)| name == speaker.outbox.name)));
        }
        for said in &speaker.outbox.said {
            let place = kept.get(said.client_id.as_str()).copied();
            match said.fate {
                Fate::Promised(seq) => {
                    self.acknowledged += 1;
                    self.acknowledged_to_agents += u32::from(speaker.outbox.name.starts_with('a'));
                    self.lost += u32::from(place != Some(seq));
                }
                // Sent more than once, an earlier attempt may have been kept without an answer.
                Fate::Refused => {
                    self.refused += 1;
                    self.refused_but_kept += u32::from(said.attempts == 1 && place.is_some());
                }
                Fate::Waiting => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(ids: &[&str]) -> Verdict {
        let kept = |(seq, id): (u64, &&str)| Kept { seq, client_id: Some((*id).to_owned()) };
        let mut verdict = Verdict::default();
        verdict.judge_thread(&(1..).zip(ids).map(kept).collect::<Vec<_>>());
        verdict
    }

    #[test]
    fn harm_to_a_thread_is_seen() {
        let found = judged(&["c1-0", "a1-0", "c1-1", "c1-3"]);
        assert_eq!((found.duplicated, found.out_of_order, found.gaps), (0, 0, 0));
        assert_eq!(judged(&["c1-1", "a1-0", "c1-0"]).out_of_order, 1);
        assert_eq!(judged(&["c1-0", "c1-1", "c1-1"]).duplicated, 1);
        let mut verdict = Verdict::default();
        verdict.judge_thread(&[Kept { seq: 2, client_id: None }]);
        assert_eq!(verdict.gaps, 1);
    }
}
