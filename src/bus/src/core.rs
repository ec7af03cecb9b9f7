//! The state machine of one node on the bus. Pure: time and everything else comes in, effects go out.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bytes::Bytes;

use crate::{
    NodeId,
    frame::{Body, Frame},
};

/// Milliseconds since any fixed instant.
pub(crate) type Millis = i64;

/// What happens to a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Input {
    /// The link is open: what others send from now on arrives.
    Opened,
    /// The link broke, or could not be opened.
    Broken,
    /// Came over the link, our own included.
    Heard(Frame),
    /// To be told to all; messages beyond these found no room.
    Publish { messages: Vec<Vec<u8>>, dropped: bool },
    /// This node's key came or went.
    Present(String, bool),
    /// Time passes.
    Tick,
    /// The node ends.
    End,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Over the link.
    Send(Frame),
    /// The link is to be opened anew: it carries nothing.
    Reopen,
    /// The link carries again, or no more.
    Live(bool),
    /// A message of another node.
    Deliver(Bytes),
    /// Messages may have been missed.
    Missed,
    /// The first node has the key, or the last one has it no more.
    Presence(String, bool),
}

#[derive(Debug, Default)]
struct Peer {
    /// Kept when the node is gone, so that nothing is heard twice: a few bytes for each life of a node.
    last: u64,
    /// The last sign of life; `None`: gone, or not heard before.
    heard_at: Option<Millis>,
    keys: BTreeSet<String>,
    /// Are these its keys? If not, it was asked, and is asked again with each of its canaries.
    is_told: bool,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Core {
    me: NodeId,
    /// A canary is sent so often; two that did not come back tell that the link carries nothing.
    pause: Millis,
    number: u64,
    is_open: bool,
    is_live: bool,
    /// When the link was opened, or the last canary came back.
    proven_at: Millis,
    canary_at: Millis,
    mine: BTreeSet<String>,
    peers: BTreeMap<NodeId, Peer>,
    /// How many nodes have a key.
    holders: HashMap<String, u32>,
}

impl Core {
    pub(crate) fn new(me: NodeId, pause: Millis) -> Self {
        Self {
            me,
            pause,
            number: 0,
            is_open: false,
            is_live: false,
            proven_at: 0,
            canary_at: 0,
            mine: BTreeSet::new(),
            peers: BTreeMap::new(),
            holders: HashMap::new(),
        }
    }

    pub(crate) fn handle(&mut self, now: Millis, input: Input, out: &mut Vec<Effect>) {
        match input {
            Input::Opened => self.opened(now, out),
            Input::Broken => self.broken(out),
            Input::Heard(frame) => self.heard(now, frame, out),
            Input::Publish { messages, dropped } => self.publish(messages, dropped, out),
            Input::Present(key, is_present) => self.present(key, is_present, out),
            Input::Tick => {}
            Input::End => self.say(Body::Bye, out),
        }
        self.pass_time(now, out);
    }

    /// When [`Core::handle`] has to be called at the latest; `None`: never without an input.
    pub(crate) fn next_deadline(&self) -> Option<Millis> {
        let link = self.is_open.then(|| self.canary_at.min(self.proven_at + self.late()));
        let peers = self.peers.values().filter_map(|peer| peer.heard_at).map(|at| at + self.silent());
        peers.chain(link).min()
    }

    /// The link is given up after so long without a canary.
    const fn late(&self) -> Millis {
        2 * self.pause
    }

    /// A node is given up after so long without a sign of life.
    const fn silent(&self) -> Millis {
        3 * self.pause
    }

    /// Frames that cannot be sent take a number too.
    fn say(&mut self, body: Body, out: &mut Vec<Effect>) {
        self.number += 1;
        if self.is_open {
            out.push(Effect::Send(Frame { node: self.me, number: self.number, body }));
        }
    }

    fn state(&self) -> Body {
        Body::State(self.mine.iter().cloned().collect())
    }

    fn opened(&mut self, now: Millis, out: &mut Vec<Effect>) {
        self.is_open = true;
        self.proven_at = now;
        self.say(Body::Hello, out);
        self.say(self.state(), out);
        self.canary(now, out);
    }

    fn broken(&mut self, out: &mut Vec<Effect>) {
        self.is_open = false;
        self.set_live(false, out);
    }

    fn set_live(&mut self, is_live: bool, out: &mut Vec<Effect>) {
        if self.is_live != is_live {
            self.is_live = is_live;
            out.push(Effect::Live(is_live));
            if is_live {
                // Nobody knows what passed while it was not.
                out.push(Effect::Missed);
            }
        }
    }

    fn canary(&mut self, now: Millis, out: &mut Vec<Effect>) {
        self.canary_at = now + self.pause;
        self.say(Body::Canary, out);
    }

    fn pass_time(&mut self, now: Millis, out: &mut Vec<Effect>) {
        let is_silent = |peer: &Peer| peer.heard_at.is_some_and(|at| at + self.silent() <= now);
        let silent: Vec<NodeId> = self.peers.iter().filter(|(_, peer)| is_silent(peer)).map(|(id, _)| *id).collect();
        for peer in silent {
            self.forget(peer, out);
        }
        if !self.is_open {
            return;
        }
        if self.proven_at + self.late() <= now {
            self.is_open = false;
            self.set_live(false, out);
            out.push(Effect::Reopen);
        } else if self.canary_at <= now {
            self.canary(now, out);
        }
    }

    fn publish(&mut self, messages: Vec<Vec<u8>>, dropped: bool, out: &mut Vec<Effect>) {
        if dropped {
            self.number += 1;
        }
        if !messages.is_empty() {
            self.say(Body::Batch(messages), out);
        }
    }

    fn present(&mut self, key: String, is_present: bool, out: &mut Vec<Effect>) {
        let changed = if is_present { self.mine.insert(key.clone()) } else { self.mine.remove(&key) };
        if changed {
            self.count(&key, is_present, out);
            self.say(Body::Present(key, is_present), out);
        }
    }

    /// One node more or less has the key.
    fn count(&mut self, key: &str, is_present: bool, out: &mut Vec<Effect>) {
        let holders = self.holders.entry(key.to_owned()).or_insert(0);
        if is_present {
            *holders += 1;
            if *holders == 1 {
                out.push(Effect::Presence(key.to_owned(), true));
            }
        } else {
            *holders -= 1;
            if *holders == 0 {
                self.holders.remove(key);
                out.push(Effect::Presence(key.to_owned(), false));
            }
        }
    }

    fn heard(&mut self, now: Millis, frame: Frame, out: &mut Vec<Effect>) {
        let Frame { node, number, body } = frame;
        // What comes from a link that was given up already is as good as any other.
        if node == self.me {
            if body == Body::Canary && self.is_open {
                self.proven_at = now;
                self.set_live(true, out);
            }
            return;
        }
        let peer = self.peers.entry(node).or_default();
        if number <= peer.last {
            return;
        }
        let is_next = number == peer.last + 1;
        let is_known = peer.heard_at.replace(now).is_some();
        peer.last = number;
        let was_told = peer.is_told;
        let is_told = was_told && is_next && is_known;
        peer.is_told = is_told;
        if !is_next {
            out.push(Effect::Missed);
        }
        // A greeting is followed by a state. A question may get lost too.
        let asks_again = was_told || !is_known || body == Body::Canary;
        if !is_told && asks_again && !matches!(body, Body::State(_) | Body::Hello | Body::Bye) {
            self.say(Body::Ask(node), out);
        }
        match body {
            Body::Hello => self.say(self.state(), out),
            Body::Ask(whom) => {
                if whom == self.me {
                    self.say(self.state(), out);
                }
            }
            Body::State(keys) => self.set_keys(node, keys.into_iter().collect(), out),
            Body::Present(key, is_present) => {
                let keys = self.peers.get_mut(&node).map(|peer| &mut peer.keys);
                let changed =
                    keys.is_some_and(|keys| if is_present { keys.insert(key.clone()) } else { keys.remove(&key) });
                if changed {
                    self.count(&key, is_present, out);
                }
            }
            Body::Canary => {}
            Body::Batch(messages) => out.extend(messages.into_iter().map(|message| Effect::Deliver(message.into()))),
            Body::Bye => self.forget(node, out),
        }
    }

    fn set_keys(&mut self, node: NodeId, keys: BTreeSet<String>, out: &mut Vec<Effect>) {
        let Some(peer) = self.peers.get_mut(&node) else { return };
        peer.is_told = true;
        let before = std::mem::replace(&mut peer.keys, keys.clone());
        for key in keys.difference(&before) {
            self.count(key, true, out);
        }
        for key in before.difference(&keys) {
            self.count(key, false, out);
        }
    }

    fn forget(&mut self, node: NodeId, out: &mut Vec<Effect>) {
        self.set_keys(node, BTreeSet::new(), out);
        if let Some(peer) = self.peers.get_mut(&node) {
            (peer.heard_at, peer.is_told) = (None, false);
        }
    }
}

#[cfg(test)]
mod tests;
