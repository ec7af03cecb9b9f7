//! Addresses below the district. An address is known by a house number behind a road (漕溪北路398号), a room behind a
//! house (12号楼302室), a house behind an estate (梅陇三村20号), or the English forms of these. It is hidden from the name
//! of the road or estate on, with town and street office before it; province, city and district stay.

use super::{
    Found,
    letters::{Letters, is_han, is_numeral},
};

/// Longest name of a road, an estate or a town, without its last character.
const NAME: usize = 6;

/// Longest number of a house or a room.
const NUMBER: usize = 5;

/// Parts of one address behind its name.
const PARTS: usize = 8;

/// Last characters of roads.
const ROADS: &[&str] = &["路", "街", "道", "巷", "胡同"];

/// Last characters of estates and buildings.
const ESTATES: &[&str] = &[
    "村", "苑", "坊", "庭", "邸", "公寓", "小区", "花园", "大厦", "广场", "家园", "公馆", "别墅", "大楼", "园", "城",
    "湾",
];

/// Words that stand before an address and are no part of its name.
const STOPS: &str = "在到住址于位是的我你他她您从去往近为至寄送搬叫给请问第条附处找说，。";

/// Behind 号 these make something else of it: a line, a document, a window, an exit.
const NOT_A_HOUSE: &str = "线文令公通窗口机码厅台柜岗牌批决会种型馆员球箱桩";

/// What stands behind a number in an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Lane,
    House,
    /// 幢, 栋, 号楼, 座, 单元: within an estate.
    Block,
    Floor,
    Room,
    /// 组, 队, 宅: in a village.
    Group,
}

/// Can a unit of an address begin with it? See [`part`].
pub(super) const fn is_unit(letter: char) -> bool {
    matches!(letter, '号' | '弄' | '室' | '幢' | '栋' | '座' | '单' | '支' | '户' | '层' | '楼' | '组' | '队' | '宅')
}

/// Is there a word for a road in English?
pub(super) fn has_english_road(text: &str) -> bool {
    let words = text.split(|letter: char| !letter.is_ascii_alphabetic()).filter(|word| (2..10).contains(&word.len()));
    words.into_iter().any(|word| ENGLISH_ROADS.iter().any(|road| road.eq_ignore_ascii_case(word)))
}

pub(super) fn find(letters: &Letters, found: &mut Vec<Found>) {
    let mut index = 0;
    while index < letters.len() {
        match chinese(letters, index).or_else(|| english(letters, index)) {
            Some((begin, end)) => {
                found.push(Found { range: letters.bytes(begin..end), shown: "***".to_owned() });
                index = end;
            }
            // A number that begins no address is passed as a whole.
            None => index = number(letters, index).unwrap_or(index + 1),
        }
    }
}

// --- Chinese ----------------------------------------------------------------------------------------------------

/// An address whose first number begins here: where it begins and ends.
fn chinese(letters: &Letters, index: usize) -> Option<(usize, usize)> {
    let (first, mut end) = part(letters, index)?;
    let name = name_end(letters, index);
    let ends_with = |words: &[&str]| {
        words.iter().any(|word| {
            let length = word.chars().count();
            name >= length && letters.has(name - length, word)
        })
    };
    let mut units = vec![first];
    while units.len() < PARTS {
        let next = letters.run(end, 1, |letter| matches!(letter, ' ' | '-' | ',' | '，' | '、'));
        let Some((unit, after)) = part(letters, next) else { break };
        units.push(unit);
        end = after;
    }
    let is_on_road = ends_with(ROADS) && matches!(first, Unit::Lane | Unit::House);
    let is_in_estate = ends_with(ESTATES) && matches!(first, Unit::House | Unit::Block | Unit::Room | Unit::Group);
    let has_room = units[1..].contains(&Unit::Room);
    let is_house_with_room = has_room && first != Unit::Floor
        || first == Unit::Lane && units.len() > 1
        || first == Unit::Group && units[1..].contains(&Unit::House);
    if !(is_on_road || is_in_estate || is_house_with_room) {
        return None;
    }
    // 25号601: a room without its word.
    let bare = letters.run(end, 1, |letter| matches!(letter, ' ' | '-'));
    let room = letters.run(bare, NUMBER, |letter| letter.is_ascii_digit());
    if matches!(units.last(), Some(Unit::House | Unit::Block))
        && matches!(room - bare, 3 | 4)
        && !is_han(letters.get(room))
        && !letters.get(room).is_ascii_alphanumeric()
    {
        end = room;
    }
    Some((name_begin(letters, name, index), end))
}

/// The number itself: 398, 398-2, 一百二十, 甲3, B.
fn number(letters: &Letters, index: usize) -> Option<usize> {
    let is_chinese = is_numeral;
    let is_inside = |letter: char| letter.is_ascii_digit();
    if is_inside(letters.before(index)) {
        return None;
    }
    let digits = letters.run(index, NUMBER + 1, is_inside);
    if digits > index {
        if digits - index > NUMBER {
            return None;
        }
        let more = letters.run(digits + 1, NUMBER, is_inside);
        return Some(if matches!(letters.get(digits), '-' | '之') && more > digits + 1 { more } else { digits });
    }
    let chinese = letters.run(index, NUMBER + 1, is_chinese);
    if chinese > index && !is_chinese(letters.before(index)) {
        return Some(chinese);
    }
    let is_letter = letters.get(index).is_ascii_uppercase() && !letters.before(index).is_ascii_alphanumeric();
    (is_letter && !letters.get(index + 1).is_ascii_alphanumeric()).then_some(index + 1)
}

/// A number with its unit, and where it ends.
fn part(letters: &Letters, index: usize) -> Option<(Unit, usize)> {
    const UNITS: &[(&str, Unit)] = &[
        ("号楼", Unit::Block),
        ("单元", Unit::Block),
        ("支弄", Unit::Lane),
        ("弄", Unit::Lane),
        ("号", Unit::House),
        ("幢", Unit::Block),
        ("栋", Unit::Block),
        ("座", Unit::Block),
        ("室", Unit::Room),
        ("户", Unit::Room),
        ("层", Unit::Floor),
        ("楼", Unit::Floor),
        ("组", Unit::Group),
        ("队", Unit::Group),
        ("宅", Unit::Group),
    ];
    let end = letters.run(number(letters, index)?, 1, |letter| letter == ' ');
    let (word, unit) = UNITS.iter().find(|(word, _)| letters.has(end, word))?;
    let end = end + word.chars().count();
    let is_other = *unit == Unit::House && NOT_A_HOUSE.contains(letters.get(end));
    (!is_other).then_some((*unit, end))
}

/// Behind the name that stands before the number.
fn name_end(letters: &Letters, index: usize) -> usize {
    if letters.before(index) == ' ' { index - 1 } else { index }
}

/// Where the name begins, and what below the district stands before it.
fn name_begin(letters: &Letters, name: usize, number: usize) -> usize {
    let mut begin = walk_back(letters, name);
    if begin == name {
        return number;
    }
    // 凌云路街道, 川沙新镇
    for _ in 0..3 {
        let is_below =
            begin > 0 && (matches!(letters.before(begin), '镇' | '乡') || begin > 1 && letters.has(begin - 2, "街道"));
        if !is_below {
            break;
        }
        begin = walk_back(letters, begin - 1);
    }
    begin
}

fn walk_back(letters: &Letters, end: usize) -> usize {
    let mut begin = end;
    while begin > 0 && end - begin <= NAME {
        let letter = letters.before(begin);
        let is_word = begin > 1 && (letters.has(begin - 2, "城市") || letters.has(begin - 2, "小区"));
        let is_above = begin < end
            && !is_word
            && (matches!(letter, '省' | '市' | '区' | '县' | '镇' | '乡')
                || begin > 1 && letters.has(begin - 2, "街道"));
        if !is_han(letter) || STOPS.contains(letter) || is_above {
            break;
        }
        begin -= 1;
    }
    begin
}

// --- English ----------------------------------------------------------------------------------------------------

/// `No. 398, North Caoxi Road`, `Room 1203, Lane 100, 398 Caoxi Rd`: from the first number with its word to the road.
fn english(letters: &Letters, index: usize) -> Option<(usize, usize)> {
    if letters.before(index).is_ascii_alphanumeric() || !letters.get(index).is_ascii_alphanumeric() {
        return None;
    }
    let mut at = index;
    let mut has_number = false;
    for _ in 0..PARTS {
        let Some(next) = english_part(letters, at) else { break };
        has_number = true;
        at = skip(letters, next);
    }
    // `398 Caoxi Road` has no word before its number.
    let mut words = 0;
    let mut end = None;
    while has_number && words < NAME {
        let after = letters.run(at, 24, |letter| letter.is_ascii_alphabetic() || letter == '\'');
        if after == at {
            break;
        }
        let word: String = letters.text(at..after).to_ascii_lowercase();
        if ENGLISH_ROADS.contains(&word.as_str()) && words > 0 {
            end = Some(after);
            break;
        }
        let is_name = letters.get(at).is_ascii_uppercase()
            || matches!(word.as_str(), "north" | "south" | "east" | "west" | "middle");
        if !is_name {
            break;
        }
        words += 1;
        at = letters.run(after, 2, |letter| matches!(letter, ' ' | '.'));
        // `Lane` ends a name: it has its number behind it.
    }
    let end = end?;
    // `(N)` and the like are part of the road's name.
    Some((index, end))
}

const ENGLISH_ROADS: &[&str] =
    &["road", "rd", "street", "st", "avenue", "ave", "lane", "boulevard", "blvd", "highway", "alley"];

const ENGLISH_PARTS: &[&str] = &[
    "no",
    "number",
    "room",
    "rm",
    "apt",
    "apartment",
    "flat",
    "unit",
    "suite",
    "building",
    "bldg",
    "block",
    "lane",
    "floor",
    "house",
];

/// `Room 1203`, `No. 398`, `12F`, `398`: where it ends.
fn english_part(letters: &Letters, index: usize) -> Option<usize> {
    let word = letters.run(index, 10, |letter| letter.is_ascii_alphabetic());
    let at = if word > index { letters.run(word, 3, |letter| matches!(letter, '.' | ' ' | '#')) } else { index };
    let digits = letters.run(at, NUMBER, |letter| letter.is_ascii_digit());
    let is_part = |text: String| ENGLISH_PARTS.contains(&text.to_ascii_lowercase().as_str());
    if digits == at || word > index && !is_part(letters.text(index..word)) {
        return None;
    }
    let end = letters.run(digits, 2, |letter| letter.is_ascii_alphabetic());
    (!letters.get(end).is_ascii_alphanumeric()).then_some(end)
}

fn skip(letters: &Letters, index: usize) -> usize {
    letters.run(index, 3, |letter| matches!(letter, ',' | ' '))
}
