//! Words before a number that say what it is.

use super::letters::Letters;

/// What a number is said to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    Identity,
    Telephone,
    Card,
    Permit,
    /// A number of a case, an order, a document: nobody's.
    Other,
}

/// So many letters before a number are looked at.
const REACH: usize = 16;

const WORDS: &[(&str, Said)] = &[
    ("身份证", Said::Identity),
    ("公民身份号码", Said::Identity),
    ("证件号", Said::Identity),
    ("identity", Said::Identity),
    ("id card", Said::Identity),
    ("id no", Said::Identity),
    ("id number", Said::Identity),
    ("电话", Said::Telephone),
    ("手机", Said::Telephone),
    ("座机", Said::Telephone),
    ("固话", Said::Telephone),
    ("联系方式", Said::Telephone),
    ("致电", Said::Telephone),
    ("回电", Said::Telephone),
    ("传真", Said::Telephone),
    ("phone", Said::Telephone),
    ("mobile", Said::Telephone),
    ("call me", Said::Telephone),
    ("tel", Said::Telephone),
    ("卡号", Said::Card),
    ("银行卡", Said::Card),
    ("储蓄卡", Said::Card),
    ("信用卡", Said::Card),
    ("借记卡", Said::Card),
    ("账号", Said::Card),
    ("帐号", Said::Card),
    ("账户", Said::Card),
    ("帐户", Said::Card),
    ("bank card", Said::Card),
    ("account", Said::Card),
    ("护照", Said::Permit),
    ("通行证", Said::Permit),
    ("居留许可", Said::Permit),
    ("台胞证", Said::Permit),
    ("回乡证", Said::Permit),
    ("passport", Said::Permit),
    ("travel permit", Said::Permit),
    ("编号", Said::Other),
    ("单号", Said::Other),
    ("订单", Said::Other),
    ("流水", Said::Other),
    ("案号", Said::Other),
    ("受理号", Said::Other),
    ("办件", Said::Other),
    ("快递", Said::Other),
    ("发票", Said::Other),
    ("凭证", Said::Other),
    ("条码", Said::Other),
    ("编码", Said::Other),
    ("代码", Said::Other),
    ("序号", Said::Other),
    ("回执", Said::Other),
    ("文号", Said::Other),
    ("合同号", Said::Other),
    ("order", Said::Other),
    ("receipt", Said::Other),
    ("invoice", Said::Other),
    ("reference", Said::Other),
    ("case no", Said::Other),
];

/// What the words in front of a place say; the last one counts. Another number, a mask or the end of a sentence between
/// them and the place breaks the bond.
pub(super) fn said_before(letters: &Letters, index: usize) -> Option<Said> {
    let breaks = |letter: &char| {
        letter.is_ascii_digit() || matches!(letter, '*' | '。' | '！' | '？' | '!' | '?' | '\n' | '；' | ';')
    };
    let from = index.saturating_sub(REACH);
    let reach = letters.slice(from..index);
    let reach = reach.rsplit(|letter| breaks(letter)).next().unwrap_or(reach);
    let reach: String = reach.iter().map(char::to_ascii_lowercase).collect();
    let ends = WORDS.iter().filter_map(|(word, said)| Some((reach.rfind(word)? + word.len(), word.len(), *said)));
    ends.max_by_key(|(end, length, _)| (*end, *length)).map(|(_, _, said)| said)
}

/// Is it an amount? 元 and the like behind a number, a currency's sign before it.
pub(super) fn is_amount(letters: &Letters, begin: usize, end: usize) -> bool {
    const UNITS: &[&str] = &[
        "元",
        "万",
        "亿",
        "块",
        "美",
        "欧",
        "港币",
        "日元",
        "人民币",
        "%",
        "rmb",
        "RMB",
        "yuan",
        "CNY",
        "USD",
        "㎡",
        "平方",
        "公里",
        "吨",
        "人",
        "件",
        "次",
    ];
    let behind = letters.run(end, 2, |letter| letter == ' ');
    let is_before = matches!(letters.before(begin), '¥' | '￥' | '$' | '€');
    is_before || UNITS.iter().any(|unit| letters.has(behind, unit))
}
