//! What one client has said, and what became of it.

use bangban_domain::ConversationId;

/// What the server said to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Nothing yet.
    Waiting,
    /// It is kept at this position.
    Promised(u64),
    /// It is not kept.
    Refused,
}

/// A message.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) conversation: ConversationId,
    pub(crate) client_id: String,
    /// How often it was sent.
    pub(crate) attempts: u32,
    pub(crate) fate: Fate,
}

/// All that a client has said, in order; what waits is sent again over every new connection.
#[derive(Debug)]
pub(crate) struct Outbox {
    /// Whoever it is: the begin of the client ids.
    pub(crate) name: String,
    pub(crate) said: Vec<Said>,
}

impl Outbox {
    pub(crate) const fn new(name: String) -> Self {
        Self { name, said: Vec::new() }
    }

    /// A new message; gives its number.
    pub(crate) fn add(&mut self, conversation: ConversationId) -> usize {
        let client_id = format!("{}-{}", self.name, self.said.len());
        self.said.push(Said { conversation, client_id, attempts: 0, fate: Fate::Waiting });
        self.said.len() - 1
    }

    /// The first that waits, from this number on.
    pub(crate) fn waiting_from(&self, number: usize) -> Option<usize> {
        self.said.iter().enumerate().skip(number).find(|(_, said)| said.fate == Fate::Waiting).map(|(number, _)| number)
    }
}

/// Whose message this is and the how manieth, from its client id.
pub(crate) fn parse(client_id: &str) -> Option<(&str, usize)> {
    let (name, number) = client_id.rsplit_once('-')?;
    Some((name, number.parse().ok()?))
}
