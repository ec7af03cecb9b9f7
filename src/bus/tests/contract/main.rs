//! One contract, two transports: each test runs on both. Redis is a real one, killed and frozen as it happens.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall say where")]

use std::{
    collections::BTreeMap,
    future::Future,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use bangban_bus::{Bus, Ending, Inbox, Net, News, Redis, Settings, testing::RedisServer};
use bytes::Bytes;
use tokio::time::{Instant, timeout, timeout_at};

/// Quick, so that the tests are.
const CANARY: Duration = Duration::from_millis(200);

/// More than enough for all that is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where nodes can be, and what can happen to the way between them.
trait Site {
    fn open() -> Self;
    fn join(&self, settings: Settings) -> (Bus, Inbox, Ending);
    fn cut(&mut self);
    /// Open, but nothing passes.
    fn mute(&mut self);
    fn mend(&mut self);
}

impl Site for Net {
    fn open() -> Self {
        Self::default()
    }

    fn join(&self, settings: Settings) -> (Bus, Inbox, Ending) {
        Bus::memory(settings, self)
    }

    fn cut(&mut self) {
        Self::cut(self);
    }

    fn mute(&mut self) {
        Self::mute(self);
    }

    fn mend(&mut self) {
        Self::mend(self);
    }
}

impl Site for RedisServer {
    fn open() -> Self {
        Self::start()
    }

    fn join(&self, settings: Settings) -> (Bus, Inbox, Ending) {
        Bus::redis(settings, &self.address()).unwrap()
    }

    fn cut(&mut self) {
        self.kill_9();
    }

    fn mute(&mut self) {
        self.freeze();
    }

    fn mend(&mut self) {
        self.go_on();
    }
}

fn settings() -> Settings {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    Settings { node: NEXT.fetch_add(1, Ordering::Relaxed).into(), canary: CANARY }
}

/// A node and all it has been told.
struct Node {
    bus: Bus,
    inbox: Inbox,
    ending: Ending,
    heard: Vec<String>,
    missed: u32,
    keys: BTreeMap<String, bool>,
}

impl Node {
    async fn join(site: &impl Site) -> Self {
        let mut node = Self::join_soon(site);
        node.until("live", |node| node.bus.is_live()).await;
        node
    }

    fn join_soon(site: &impl Site) -> Self {
        let (bus, inbox, ending) = site.join(settings());
        Self { bus, inbox, ending, heard: Vec::new(), missed: 0, keys: BTreeMap::new() }
    }

    fn publish(&self, text: &str) {
        self.bus.publish(Bytes::copy_from_slice(text.as_bytes()));
    }

    /// Takes news until it is so.
    async fn until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !is_so(self) {
            let news = timeout_at(end, self.inbox.next()).await.unwrap_or_else(|_| panic!("in vain: {what}")).unwrap();
            self.take(news);
        }
    }

    fn take(&mut self, news: News) {
        self.heard.extend(news.messages.iter().map(|message| String::from_utf8(message.to_vec()).unwrap()));
        self.missed += u32::from(news.missed);
        self.keys.extend(news.presence);
    }

    /// Says the word, again and again, until the other one hears it.
    async fn meet(&self, other: &mut Self, word: &str) {
        let end = Instant::now() + PATIENCE;
        while !other.heard.iter().any(|text| text == word) {
            assert!(Instant::now() < end, "in vain: {word}");
            self.publish(word);
            if let Ok(news) = timeout(CANARY, other.inbox.next()).await {
                other.take(news.unwrap());
            }
        }
    }

    fn has(&self, key: &str) -> bool {
        self.keys.get(key) == Some(&true)
    }

    /// What was heard of those numbered words, in the order of hearing.
    fn numbers(&self, prefix: &str) -> Vec<u64> {
        self.heard.iter().filter_map(|text| text.strip_prefix(prefix)?.parse().ok()).collect()
    }
}

async fn messages_reach_the_others_once_and_in_order<S: Site>() {
    let site = S::open();
    let mut nodes = [Node::join(&site).await, Node::join(&site).await, Node::join(&site).await];
    for round in 0..20 {
        for (n, node) in nodes.iter().enumerate() {
            for number in 0..50 {
                node.publish(&format!("{n}:{}", round * 50 + number));
            }
        }
        for (n, node) in nodes.iter_mut().enumerate() {
            for other in (0..3).filter(|other| *other != n) {
                let prefix = format!("{other}:");
                node.until("the whole round", |node| node.numbers(&prefix).len() >= (round + 1) * 50).await;
            }
        }
    }
    let all: Vec<u64> = (0..1000).collect();
    for (n, node) in nodes.iter().enumerate() {
        for other in (0..3).filter(|other| *other != n) {
            assert_eq!(node.numbers(&format!("{other}:")), all);
        }
        assert_eq!(node.numbers(&format!("{n}:")), [], "its own words are no news");
    }
}

async fn a_cut_link_is_told_and_opened_again_and_nothing_comes_twice<S: Site>() {
    let mut site = S::open();
    let (a, mut b) = (Node::join(&site).await, Node::join(&site).await);
    a.meet(&mut b, "hello").await;
    for round in 0..3_u64 {
        let missed = b.missed;
        for number in 0..100 {
            a.publish(&format!("n{}", round * 1000 + number));
        }
        site.cut();
        for number in 100..200 {
            a.publish(&format!("n{}", round * 1000 + number));
        }
        b.until("the cut", |node| !node.bus.is_live()).await;
        site.mend();
        b.until("missed", |node| node.bus.is_live() && node.missed > missed).await;
        a.meet(&mut b, &format!("end{round}")).await;
    }
    let numbers = b.numbers("n");
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
}

async fn a_link_that_is_open_and_carries_nothing_is_found_by_its_canary<S: Site>() {
    let mut site = S::open();
    let (a, mut b) = (Node::join(&site).await, Node::join(&site).await);
    a.meet(&mut b, "hello").await;
    let missed = b.missed;
    site.mute();
    a.publish("lost");
    b.until("dead", |node| !node.bus.is_live()).await;
    site.mend();
    b.until("live", |node| node.bus.is_live() && node.missed > missed).await;
}

async fn presence_is_known_to_those_who_come_later_and_after_a_cut<S: Site>() {
    let mut site = S::open();
    let mut a = Node::join(&site).await;
    a.bus.set_present("agent:1", true);
    a.bus.set_present("agent:2", true);
    a.bus.set_present("agent:2", false);
    let mut b = Node::join(&site).await;
    b.until("the first", |node| node.has("agent:1")).await;
    assert!(!b.has("agent:2"));
    a.until("its own", |node| node.has("agent:1")).await;
    site.cut();
    a.bus.set_present("agent:1", false);
    a.bus.set_present("agent:3", true);
    b.until("the cut", |node| !node.bus.is_live()).await;
    site.mend();
    b.until("the new state", |node| node.has("agent:3") && !node.has("agent:1")).await;
    b.bus.set_present("agent:3", true);
    a.until("both", |node| node.has("agent:3")).await;
    a.bus.set_present("agent:3", false);
    a.meet(&mut b, "still").await;
    assert!(b.has("agent:3"), "one of two is left");
}

async fn what_a_node_said_ends_with_it_at_once_or_when_it_is_silent<S: Site>() {
    let site = S::open();
    let mut watcher = Node::join(&site).await;
    let polite = Node::join(&site).await;
    polite.bus.set_present("polite", true);
    watcher.until("there", |node| node.has("polite")).await;
    polite.ending.end().await;
    watcher.until("good-bye", |node| !node.has("polite")).await;

    // A node that is killed: its runtime stops in the middle.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let entered = runtime.enter();
    let rude = Node::join_soon(&site);
    drop(entered);
    rude.bus.set_present("rude", true);
    watcher.until("there", |node| node.has("rude")).await;
    runtime.shutdown_background();
    watcher.until("silent", |node| !node.has("rude")).await;
    drop(rude);
}

async fn a_flood_is_dropped_and_told_and_never_waited_for<S: Site>() {
    let mut site = S::open();
    let (a, mut b) = (Node::join(&site).await, Node::join(&site).await);
    a.meet(&mut b, "hello").await;
    let missed = b.missed;
    site.mute();
    // One turn of the test's only thread: the runner cannot take any of it.
    for number in 0..20_000 {
        a.publish(&format!("n{number}"));
    }
    assert!(a.bus.dropped() >= 10_000, "{}", a.bus.dropped());
    site.mend();
    a.meet(&mut b, "later").await;
    assert!(b.missed > missed);
    let numbers = b.numbers("n");
    assert!(numbers.is_sorted_by(|a, b| a < b));
}

/// So many threads as one, so that a flood meets no runner.
fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(test);
}

macro_rules! contract {
    ($($name:ident),+ $(,)?) => {
        mod memory {
            $(#[test] fn $name() { super::run(super::$name::<super::Net>()); })+
        }
        mod redis {
            $(#[test] fn $name() { super::run(super::$name::<super::RedisServer>()); })+
        }
    };
}

contract!(
    messages_reach_the_others_once_and_in_order,
    a_cut_link_is_told_and_opened_again_and_nothing_comes_twice,
    a_link_that_is_open_and_carries_nothing_is_found_by_its_canary,
    presence_is_known_to_those_who_come_later_and_after_a_cut,
    what_a_node_said_ends_with_it_at_once_or_when_it_is_silent,
    a_flood_is_dropped_and_told_and_never_waited_for,
);

#[tokio::test]
async fn a_wrong_address_or_password_is_refused_without_saying_the_password() {
    let wrong = Redis { url: "http://me:secret@host/".to_owned(), ..Redis::default() };
    let error = wrong.validate().unwrap_err().to_string();
    assert!(error.starts_with("not an address of Redis") && !error.contains("secret"), "{error}");

    let server = RedisServer::start_with(&["--requirepass", "open-sesame"]);
    let right = Redis { password: "open-sesame".to_owned(), ..server.address() };
    right.check().await.unwrap();
    let wrong = Redis { password: "secret".to_owned(), ..server.address() };
    let error = wrong.check().await.unwrap_err().to_string();
    assert!(error.starts_with("Redis cannot be reached") && !error.contains("secret"), "{error}");
    assert!(!format!("{wrong:?}").contains("secret"));
}
