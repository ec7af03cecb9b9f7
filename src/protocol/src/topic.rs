//! Topics: what one subscribes to.

use std::{fmt, str::FromStr};

use bangban_domain::{AgentId, ConversationId};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A stream of events. Text form `conversation:cv_...`, `notes:cv_...`, `agent:ag_...`, `board`, `notices`, `session`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts", type = "string"))]
pub enum Topic {
    /// The thread that citizen and agent share; its `seq` numbers the durable entries.
    Conversation(ConversationId),
    /// Private lane of the same conversation: notes, with their own gapless `seq` so that a citizen sees no gaps.
    Notes(ConversationId),
    /// One agent's offers, conversations and status.
    Agent(AgentId),
    /// The supervisors' board.
    Board,
    /// That other notices are in force than before; for everybody.
    Notices,
    /// This connection: `tick`, needs no subscription.
    Session,
}

/// A text that names no topic.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a topic: expected conversation:ID, notes:ID, agent:ID, board, notices or session")]
pub struct ParseTopicError;

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conversation(id) => write!(f, "conversation:{id}"),
            Self::Notes(id) => write!(f, "notes:{id}"),
            Self::Agent(id) => write!(f, "agent:{id}"),
            Self::Board => f.write_str("board"),
            Self::Notices => f.write_str("notices"),
            Self::Session => f.write_str("session"),
        }
    }
}

impl FromStr for Topic {
    type Err = ParseTopicError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let topic = match text.split_once(':') {
            Some(("conversation", id)) => Self::Conversation(id.parse().map_err(|_| ParseTopicError)?),
            Some(("notes", id)) => Self::Notes(id.parse().map_err(|_| ParseTopicError)?),
            Some(("agent", id)) => Self::Agent(id.parse().map_err(|_| ParseTopicError)?),
            None if text == "board" => Self::Board,
            None if text == "notices" => Self::Notices,
            None if text == "session" => Self::Session,
            _ => return Err(ParseTopicError),
        };
        Ok(topic)
    }
}

impl Serialize for Topic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Topic {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <std::borrow::Cow<'de, str>>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
