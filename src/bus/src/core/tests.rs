use proptest::prelude::*;

use super::*;

const PAUSE: Millis = 5_000;

/// One core with a clock, and what it did last.
struct Node {
    core: Core,
    now: Millis,
}

impl Node {
    fn new(id: NodeId) -> Self {
        Self { core: Core::new(id, PAUSE), now: 0 }
    }

    /// Open, and the first canary has come back.
    fn live(id: NodeId) -> Self {
        let mut node = Self::new(id);
        let sent = node.take(0, Input::Opened);
        let canary = sent.into_iter().find_map(|effect| match effect {
            Effect::Send(frame) if frame.body == Body::Canary => Some(frame),
            _ => None,
        });
        assert_eq!(node.take(0, Input::Heard(canary.unwrap())), [Effect::Live(true), Effect::Missed]);
        node
    }

    fn take(&mut self, now: Millis, input: Input) -> Vec<Effect> {
        self.now = now;
        let mut out = Vec::new();
        self.core.handle(now, input, &mut out);
        out
    }

    fn hear(&mut self, now: Millis, node: NodeId, number: u64, body: Body) -> Vec<Effect> {
        self.take(now, Input::Heard(Frame { node, number, body }))
    }
}

fn bodies(effects: &[Effect]) -> Vec<Body> {
    let body = |effect: &Effect| match effect {
        Effect::Send(frame) => Some(frame.body.clone()),
        _ => None,
    };
    effects.iter().filter_map(body).collect()
}

fn batch(text: &str) -> Body {
    Body::Batch(vec![text.as_bytes().to_vec()])
}

fn deliver(text: &str) -> Effect {
    Effect::Deliver(Bytes::copy_from_slice(text.as_bytes()))
}

#[test]
fn an_opened_link_is_greeted_and_live_when_the_canary_has_come_back() {
    let mut node = Node::new(1);
    assert_eq!(node.take(0, Input::Present("a".to_owned(), true)), [Effect::Presence("a".to_owned(), true)]);
    let effects = node.take(0, Input::Opened);
    assert_eq!(bodies(&effects), [Body::Hello, Body::State(vec!["a".to_owned()]), Body::Canary]);
    let Effect::Send(Frame { number, .. }) = effects[2] else { panic!() };
    assert_eq!(number, 4, "what was not sent has a number too");
    assert_eq!(node.hear(3, 1, 4, Body::Canary), [Effect::Live(true), Effect::Missed]);
}

#[test]
fn a_canary_every_5_s_and_after_10_s_without_one_the_link_is_opened_anew() {
    let mut node = Node::live(1);
    assert_eq!(node.core.next_deadline(), Some(5_000));
    assert_eq!(node.take(4_999, Input::Tick), []);
    assert_eq!(bodies(&node.take(5_000, Input::Tick)), [Body::Canary]);
    assert_eq!(node.take(9_999, Input::Tick), []);
    assert_eq!(node.take(10_000, Input::Tick), [Effect::Live(false), Effect::Reopen]);
    assert_eq!(node.core.next_deadline(), None);
    assert_eq!(node.take(10_001, Input::Publish { messages: vec![vec![1]], dropped: false }), [], "nowhere to");
    assert_eq!(bodies(&node.take(10_500, Input::Opened)), [Body::Hello, Body::State(vec![]), Body::Canary]);
    // It came back, but only once the link was given up: as good as any.
    assert_eq!(node.hear(10_600, 1, 9, Body::Canary), [Effect::Live(true), Effect::Missed]);
}

#[test]
fn what_was_not_heard_is_told_and_what_was_heard_twice_counts_once() {
    let mut node = Node::live(1);
    assert_eq!(bodies(&node.hear(0, 2, 1, Body::Hello)), [Body::State(vec![])]);
    assert_eq!(node.hear(0, 2, 2, Body::State(vec![])), []);
    assert_eq!(node.hear(1, 2, 3, batch("a")), [deliver("a")]);
    assert_eq!(node.hear(2, 2, 3, batch("a")), []);
    assert_eq!(node.hear(2, 2, 1, Body::Hello), []);
    let late = node.hear(3, 2, 5, batch("c"));
    assert_eq!((&late[0], &late[2]), (&Effect::Missed, &deliver("c")));
    assert_eq!(bodies(&late), [Body::Ask(2)]);
    assert_eq!(node.hear(4, 2, 4, batch("b")), [], "too late: it was told as missed");
    assert_eq!(node.hear(5, 2, 6, batch("d")), [deliver("d")], "asked once");
    // The question, or its answer, may have got lost; the end of a burst too.
    let canary = node.hear(4_999, 2, 8, Body::Canary);
    assert_eq!((&canary[0], bodies(&canary)), (&Effect::Missed, vec![Body::Ask(2)]));
}

#[test]
fn a_node_that_was_not_known_may_have_said_something_before() {
    let mut node = Node::live(1);
    let effects = node.hear(0, 2, 7, batch("g"));
    assert_eq!((&effects[0], &effects[2]), (&Effect::Missed, &deliver("g")));
    assert_eq!(bodies(&effects), [Body::Ask(2)]);
}

#[test]
fn a_key_is_there_from_its_first_node_to_its_last() {
    let mut node = Node::live(1);
    let there = |is_present| [Effect::Presence("a".to_owned(), is_present)];
    node.hear(0, 2, 1, Body::Hello);
    assert_eq!(node.hear(1, 2, 2, Body::State(vec!["a".to_owned()])), there(true));
    assert_eq!(bodies(&node.take(2, Input::Present("a".to_owned(), true))), [Body::Present("a".to_owned(), true)]);
    assert_eq!(node.take(2, Input::Present("a".to_owned(), true)), [], "said twice");
    assert_eq!(node.hear(3, 2, 3, Body::Present("a".to_owned(), false)), []);
    let gone = node.take(4, Input::Present("a".to_owned(), false));
    assert_eq!(gone[..1], there(false));
    node.hear(5, 2, 4, Body::Present("a".to_owned(), true));
    assert_eq!(node.hear(6, 2, 5, Body::Bye), there(false));
}

#[test]
fn a_node_that_is_silent_for_15_s_is_gone_with_its_keys() {
    let mut node = Node::live(1);
    node.hear(0, 2, 1, Body::Hello);
    node.hear(100, 2, 2, Body::State(vec!["a".to_owned()]));
    node.take(5_000, Input::Tick);
    node.hear(5_001, 1, 4, Body::Canary);
    node.take(10_000, Input::Tick);
    node.hear(10_001, 1, 5, Body::Canary);
    assert!(!node.take(15_099, Input::Tick).contains(&Effect::Presence("a".to_owned(), false)));
    assert!(node.take(15_100, Input::Tick).contains(&Effect::Presence("a".to_owned(), false)));
    // It was only slow, and has missed nothing; what it is present with is asked for.
    assert_eq!(bodies(&node.hear(15_200, 2, 3, Body::Canary)), [Body::Ask(2)]);
    assert_eq!(node.hear(15_201, 2, 2, Body::State(vec!["a".to_owned()])), [], "heard before");
}

#[test]
fn messages_without_room_leave_a_hole_in_the_numbers() {
    let mut node = Node::live(1);
    let number = |effects: Vec<Effect>| match &effects[..] {
        [Effect::Send(frame)] => frame.number,
        other => panic!("{other:?}"),
    };
    let publish = |dropped| Input::Publish { messages: vec![vec![1]], dropped };
    let first = number(node.take(0, publish(false)));
    assert_eq!(number(node.take(0, publish(true))), first + 2);
}

/// Three nodes on a way that loses, repeats and breaks, against what the contract promises.
#[derive(Debug, Clone)]
enum Step {
    Publish(usize),
    Present(usize, u8, bool),
    Pass(i64),
    Open(usize),
    Break(usize),
    /// The next frames towards the node are lost, though its link is open.
    Lose(usize, usize),
    /// The last frame is heard again.
    Repeat(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let node = 0_usize..3;
    let step = prop_oneof![
        6 => node.clone().prop_map(Step::Publish),
        3 => (node.clone(), 0_u8..3, any::<bool>()).prop_map(|(node, key, there)| Step::Present(node, key, there)),
        3 => (1_i64..7_000).prop_map(Step::Pass),
        2 => node.clone().prop_map(Step::Open),
        1 => node.clone().prop_map(Step::Break),
        1 => (node.clone(), 1_usize..6).prop_map(|(node, count)| Step::Lose(node, count)),
        1 => node.prop_map(Step::Repeat),
    ];
    prop::collection::vec(step, 1..120)
}

#[derive(Default)]
struct Ear {
    /// Numbers of the messages of each node, as delivered.
    heard: [Vec<u64>; 3],
    /// For each node: how many of its messages had been published when a miss was told last.
    told: [u64; 3],
    present: BTreeSet<String>,
}

struct Net {
    nodes: Vec<Core>,
    ears: Vec<Ear>,
    is_open: [bool; 3],
    to_lose: [usize; 3],
    last: [Option<Frame>; 3],
    published: [u64; 3],
    now: Millis,
}

impl Net {
    fn new() -> Self {
        Self {
            nodes: (0..3).map(|id| Core::new(id, PAUSE)).collect(),
            ears: (0..3).map(|_| Ear::default()).collect(),
            is_open: [false; 3],
            to_lose: [0; 3],
            last: [const { None }; 3],
            published: [0; 3],
            now: 0,
        }
    }

    fn give(&mut self, node: usize, input: Input) {
        let mut waiting = vec![(node, input)];
        while !waiting.is_empty() {
            let (node, input) = waiting.remove(0);
            let mut out = Vec::new();
            self.nodes[node].handle(self.now, input, &mut out);
            for effect in out {
                match effect {
                    Effect::Send(frame) => {
                        for other in 0..3 {
                            if !self.is_open[other] || !self.is_open[node] {
                            } else if self.to_lose[other] > 0 {
                                self.to_lose[other] -= 1;
                            } else {
                                self.last[other] = Some(frame.clone());
                                waiting.push((other, Input::Heard(frame.clone())));
                            }
                        }
                    }
                    Effect::Reopen => {
                        self.is_open[node] = true;
                        waiting.push((node, Input::Opened));
                    }
                    Effect::Live(_) => {}
                    Effect::Deliver(message) => {
                        let (from, number) =
                            (usize::from(message[0]), u64::from_be_bytes(message[1..].try_into().unwrap()));
                        self.ears[node].heard[from].push(number);
                    }
                    Effect::Missed => self.ears[node].told = self.published,
                    Effect::Presence(key, true) => assert!(self.ears[node].present.insert(key)),
                    Effect::Presence(key, false) => assert!(self.ears[node].present.remove(&key)),
                }
            }
        }
    }

    fn pass(&mut self, millis: Millis) {
        let until = self.now + millis;
        loop {
            let next = (0..3).filter_map(|node| Some((self.nodes[node].next_deadline()?, node))).min();
            match next.filter(|(at, _)| *at <= until) {
                Some((at, node)) => {
                    self.now = self.now.max(at);
                    self.give(node, Input::Tick);
                }
                None => break,
            }
        }
        self.now = until;
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Publish(node) => {
                self.published[node] += 1;
                let mut message = vec![u8::try_from(node).unwrap()];
                message.extend(self.published[node].to_be_bytes());
                self.give(node, Input::Publish { messages: vec![message], dropped: false });
            }
            Step::Present(node, key, there) => self.give(node, Input::Present(format!("k{key}"), there)),
            Step::Pass(millis) => self.pass(millis),
            Step::Open(node) => {
                if !self.is_open[node] {
                    self.is_open[node] = true;
                    self.give(node, Input::Opened);
                }
            }
            Step::Break(node) => {
                self.is_open[node] = false;
                self.give(node, Input::Broken);
            }
            Step::Lose(node, count) => self.to_lose[node] += count,
            Step::Repeat(node) => {
                if let Some(frame) = self.last[node].clone().filter(|_| self.is_open[node]) {
                    self.give(node, Input::Heard(frame));
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn nothing_comes_twice_or_out_of_order_and_every_hole_is_told(steps in steps()) {
        let mut net = Net::new();
        for step in steps {
            net.step(step);
        }
        for node in 0..3 {
            net.to_lose[node] = 0;
            net.step(Step::Open(node));
        }
        net.pass(2 * PAUSE + 1);
        let keys: BTreeSet<String> = net.nodes.iter().flat_map(|node| node.mine.clone()).collect();
        for (node, ear) in net.ears.iter().enumerate() {
            prop_assert!(net.nodes[node].is_live);
            for from in (0..3).filter(|from| *from != node) {
                prop_assert!(ear.heard[from].is_sorted_by(|a, b| a < b), "{:?}", ear.heard[from]);
                let heard: BTreeSet<u64> = ear.heard[from].iter().copied().collect();
                for number in 1..=net.published[from] {
                    prop_assert!(heard.contains(&number) || number <= ear.told[from], "{number} of {from} to {node}");
                }
            }
            prop_assert_eq!(&ear.present, &keys, "node {}", node);
        }
    }
}
