//! What travels: numbered frames of one node, in postcard's encoding.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::NodeId;

/// Changes with every incompatible change of [`Frame`]; frames of another version are not read.
const VERSION: u8 = 1;

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Frame {
    /// Who says it.
    pub(crate) node: NodeId,
    /// Rises by one with every frame of the node, those that were never sent included: so a loss shows.
    pub(crate) number: u64,
    /// What.
    pub(crate) body: Body,
}

/// What a frame says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Body {
    /// "I am here; tell me your keys", at every opening of the link.
    Hello,
    /// "You, tell me your keys": something of yours was missed.
    Ask(NodeId),
    /// All keys of the node.
    State(Vec<String>),
    /// One key came or went.
    Present(String, bool),
    /// Crosses the whole path and comes back to its sender.
    Canary,
    /// Messages for the others' sockets.
    Batch(Vec<Vec<u8>>),
    /// The node ends.
    Bye,
}

impl Frame {
    pub(crate) fn encode(&self) -> Bytes {
        match postcard::to_extend(self, vec![VERSION]) {
            Ok(bytes) => bytes.into(),
            Err(error) => {
                // Growing vectors do not run out, and every type here can be written.
                tracing::error!(%error, "a frame of the bus cannot be written");
                Bytes::new()
            }
        }
    }

    /// `None`: not a frame of this version.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (version, rest) = bytes.split_first()?;
        (*version == VERSION).then(|| postcard::from_bytes(rest).ok()).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_survive_the_way_and_foreign_bytes_are_refused() {
        let bodies = [
            Body::Hello,
            Body::Ask(u128::MAX),
            Body::State(vec!["agent:1".to_owned(), String::new()]),
            Body::Present("市民".to_owned(), true),
            Body::Canary,
            Body::Batch(vec![Vec::new(), vec![0, 255]]),
            Body::Bye,
        ];
        for body in bodies {
            let frame = Frame { node: 1 << 100, number: u64::MAX, body };
            let bytes = frame.encode();
            assert_eq!(Frame::decode(&bytes).as_ref(), Some(&frame));
            let mut other = bytes.to_vec();
            other[0] += 1;
            assert_eq!(Frame::decode(&other), None, "another version");
            assert_eq!(Frame::decode(&bytes[..bytes.len() - 1]), None, "cut off");
        }
        assert_eq!(Frame::decode(b""), None);
    }
}
