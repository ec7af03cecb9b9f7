//! What a question is about, and what is to be done with it: an answer needs more than shared words of asking.
//!
//! A pair of characters is a *subject* of an item if it stands in two or more of the item's rows and names, and if few
//! other items have it. "找不到了怎么补" is in one row of an item and says nothing about which thing was lost; "驾照" is in
//! many.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::{Entry, text};

/// In so many rows and names of an item at least.
const ROWS: usize = 2;
/// No more than this share of all items may have it ...
const SHARE: f64 = 0.1;
/// ... but so many always may, or a small knowledge base would have no subjects.
const ITEMS: usize = 3;

/// What offices do and issue and whom they serve, and when, whatever the matter.
const GENERAL: [&str; 36] = [
    "登记", "证明", "记录", "备案", "注册", "年审", "补领", "补办", "换证", "到期", "许可", "申报", "审核", "查询",
    "缴费", "转移", "迁移", "预约", "鉴定", "评估", "补贴", "津贴", "变更", "注销", "个人", "单位", "老人", "小孩",
    "孩子", "父母", "退税", "续签", "时候", "开始", "提前", "办法",
];

/// What citizens want done, by words that say it. If the question has one of a group, so must some row of the entry:
/// otherwise the entry is about the same thing but answers another question. Progress and penalty are the groups that
/// an entry seldom has: nobody but a person can look into a case.
const ACTIONS: [&[&str]; 7] = [
    &["丢", "掉了", "遗失", "不见", "找不到", "被偷", "挂失", "补"],
    &["到期", "过期", "续", "换证", "换领", "换新", "能换", "换一", "有效期到"],
    &["注销", "取消", "退掉", "撤销"],
    &["转移", "转到", "转入", "转过来", "转上", "迁"],
    &["还没到", "没到账", "没下来", "还没收到", "没收到", "进度", "到哪一步", "办好了没", "批了没", "审核通过"],
    &["被罚", "罚多少", "罚款", "处罚", "违法"],
    &["投资", "买卖", "转让", "出租", "继承", "赠与"],
];

/// Words that have a character of [`ACTIONS`] and mean something else.
const NOT_ACTIONS: [&str; 6] = ["补贴", "补助", "补缴", "补税", "补充", "补偿"];

/// Subjects and names of items.
pub(crate) struct Subjects {
    by_pair: FxHashMap<String, FxHashSet<String>>,
    /// Item and normalised name, none empty.
    names: Vec<(String, String)>,
}

/// An entry's questions, normalised.
fn rows(entry: &Entry) -> impl Iterator<Item = String> {
    std::iter::once(&entry.question).chain(&entry.similar).map(|question| text::normalise(question))
}

/// Collects what items are about until it becomes [`Subjects`].
pub(crate) struct Collected {
    names: Vec<(String, String)>,
    items: FxHashSet<String>,
    /// Of each pair the items that have it, and how often.
    counts: FxHashMap<String, FxHashMap<String, usize>>,
}

impl Collected {
    /// One more row of an item, normalised.
    pub(crate) fn read(&mut self, item: &str, text: &str) {
        if !self.items.contains(item) {
            self.items.insert(item.to_owned());
        }
        self.count(item, text);
    }

    fn count(&mut self, item: &str, text: &str) {
        for pair in subjects_in(text) {
            let items = self.counts.entry(pair).or_default();
            match items.get_mut(item) {
                Some(count) => *count += 1,
                None => drop(items.insert(item.to_owned(), 1)),
            }
        }
    }

    /// What was collected.
    pub(crate) fn finish(self) -> Subjects {
        let most = SHARE * crate::count(self.items.len());
        let mut by_pair = FxHashMap::default();
        for (pair, items) in self.counts {
            if items.len() > ITEMS && crate::count(items.len()) > most {
                continue;
            }
            let own: FxHashSet<String> = items.into_iter().filter(|(_, n)| *n >= ROWS).map(|(item, _)| item).collect();
            if !own.is_empty() {
                by_pair.insert(pair, own);
            }
        }
        Subjects { by_pair, names: self.names }
    }
}

impl Subjects {
    /// `names`: item and name.
    pub(crate) fn collect(names: &[(String, String)]) -> Collected {
        let names = names.iter().map(|(item, name)| (item.clone(), text::normalise(name)));
        let names: Vec<(String, String)> = names.filter(|(_, name)| !name.is_empty()).collect();
        let mut this = Collected { names: Vec::new(), items: FxHashSet::default(), counts: FxHashMap::default() };
        for (item, name) in &names {
            this.count(item, name);
        }
        Collected { names, ..this }
    }

    /// May the entry answer the question?
    pub(crate) fn allow(&self, query: &str, entry: &Entry) -> bool {
        let texts: Vec<String> = rows(entry).collect();
        let offered = texts.iter().fold(0, |bits, row| bits | actions_in(row));
        let same_action = actions_in(query) & !offered == 0;
        let is_own = |pair: &String| self.by_pair.get(pair).is_some_and(|items| items.contains(&entry.item));
        same_action && subjects_in(query).iter().any(is_own) && !self.names_another(query, entry, &texts)
    }

    /// Does the question name an item that the entry neither belongs to nor mentions? "开养老院" shares its subject with
    /// entries about moving into one, and is another matter. Names inside a longer name do not count.
    fn names_another(&self, query: &str, entry: &Entry, texts: &[String]) -> bool {
        let named: Vec<_> = self.names.iter().filter(|(_, name)| query.contains(name.as_str())).collect();
        let is_whole = |name: &str| !named.iter().any(|(_, other)| other.len() > name.len() && other.contains(name));
        let mentions = |name: &str| texts.iter().any(|row| row.contains(name));
        named.iter().any(|(owner, name)| *owner != entry.item && is_whole(name) && !mentions(name))
    }
}

fn subjects_in(text: &str) -> FxHashSet<String> {
    // A pair that begins with 证 is the end of one word and the begin of another.
    let says_what =
        |pair: &String| !text::has_stop(pair) && !GENERAL.contains(&pair.as_str()) && !pair.starts_with('证');
    text::units(text).windows(2).map(<[&str]>::concat).filter(says_what).collect()
}

pub(crate) fn actions_in(text: &str) -> u8 {
    let text = NOT_ACTIONS.iter().fold(text.to_owned(), |text, word| text.replace(word, ""));
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    ACTIONS.iter().enumerate().filter(|(_, words)| has(words)).fold(0, |bits, (n, _)| bits | 1 << n)
}
