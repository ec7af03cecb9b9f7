//! Topics: what one subscribes to.

use std::{fmt, str::FromStr};

use bangban_domain::{AgentId, CallId, ContinuationId, ConversationId, WindowId};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A stream of events. Text form `conversation:cv_...`, `notes:cv_...`, `agent:ag_...`, `board`, `board:UNIT`,
/// `alerts`, `alerts:UNIT`, `continuation:cn_...`, `window:wn_...`, `calls`, `call:cl_...`, `notices`, `session`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts", type = "string"))]
pub enum Topic {
    /// The thread that citizen and agent share; its `seq` numbers the durable entries.
    Conversation(ConversationId),
    /// Private lane of the same conversation: notes, with their own gapless `seq` so that a citizen sees no gaps.
    Notes(ConversationId),
    /// One agent's offers, conversations and status.
    Agent(AgentId),
    /// The board of the whole city.
    Board,
    /// That other notices are in force than before; for everybody.
    Notices,
    /// The board of a unit and those below it.
    BoardOf(UnitCode),
    /// The alerts of the whole city.
    Alerts,
    /// The alerts of a unit and those below it.
    AlertsOf(UnitCode),
    /// One's own way to a second device: used or taken back.
    Continuation(ContinuationId),
    /// A virtual window: who sits there, what is agreed, what is drawn.
    Window(WindowId),
    /// What concerns oneself of calls: who rings, where one takes part, what one may watch.
    Calls,
    /// A call: who is in it, who is being rung.
    Call(CallId),
    /// This connection: `tick`, and what one's own media connection needs; needs no subscription.
    Session,
}

/// Code of a unit, small enough to be copied like an id: 1..=64 small letters, digits, `-`, `_` and `.`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UnitCode {
    /// Behind the code, zeros.
    bytes: [u8; 64],
}

impl UnitCode {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let end = self.bytes.iter().position(|byte| *byte == 0).unwrap_or(self.bytes.len());
        // Only ASCII gets in.
        str::from_utf8(&self.bytes[..end]).unwrap_or_default()
    }
}

impl FromStr for UnitCode {
    type Err = ParseTopicError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_sign = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
        if !(1..=64).contains(&text.len()) || !text.bytes().all(is_sign) {
            return Err(ParseTopicError);
        }
        let mut bytes = [0; 64];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Self { bytes })
    }
}

impl fmt::Display for UnitCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for UnitCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no topic.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a topic: conversation:ID, notes:ID, agent:ID, board, board:UNIT, alerts, alerts:UNIT, continuation:ID, window:ID, \
     calls, call:ID, notices or session"
)]
pub struct ParseTopicError;

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conversation(id) => write!(f, "conversation:{id}"),
            Self::Notes(id) => write!(f, "notes:{id}"),
            Self::Agent(id) => write!(f, "agent:{id}"),
            Self::Board => f.write_str("board"),
            Self::Notices => f.write_str("notices"),
            Self::BoardOf(unit) => write!(f, "board:{unit}"),
            Self::Alerts => f.write_str("alerts"),
            Self::AlertsOf(unit) => write!(f, "alerts:{unit}"),
            Self::Continuation(id) => write!(f, "continuation:{id}"),
            Self::Window(id) => write!(f, "window:{id}"),
            Self::Calls => f.write_str("calls"),
            Self::Call(id) => write!(f, "call:{id}"),
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
            Some(("board", code)) => Self::BoardOf(code.parse()?),
            Some(("alerts", code)) => Self::AlertsOf(code.parse()?),
            Some(("continuation", id)) => Self::Continuation(id.parse().map_err(|_| ParseTopicError)?),
            Some(("window", id)) => Self::Window(id.parse().map_err(|_| ParseTopicError)?),
            Some(("call", id)) => Self::Call(id.parse().map_err(|_| ParseTopicError)?),
            None if text == "calls" => Self::Calls,
            None if text == "board" => Self::Board,
            None if text == "alerts" => Self::Alerts,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_board_is_the_citys_or_a_units() {
        for text in [
            "board",
            "alerts",
            "alerts:xuhui",
            "board:xuhui",
            "board:hrss-medical_2.old",
            &format!("board:{}", "x".repeat(64)),
        ] {
            assert_eq!(text.parse::<Topic>().unwrap().to_string(), text);
        }
        for text in ["board:", "board:Xuhui", "board:徐汇", "board:a b", &format!("board:{}", "x".repeat(65))] {
            assert_eq!(text.parse::<Topic>(), Err(ParseTopicError), "{text}");
        }
    }
}
