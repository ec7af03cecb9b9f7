//! The corpus: `masked.tsv` has a text a line and what others see of it, `kept.txt` texts that stay as they are. All
//! persons, numbers and addresses in it are made up; check digits are right where the text does not say otherwise.

use proptest::prelude::*;

use super::*;

const MASKED: &str = include_str!("corpus/masked.tsv");
const KEPT: &str = include_str!("corpus/kept.txt");

fn pairs() -> impl Iterator<Item = (&'static str, &'static str)> {
    MASKED.lines().map(|line| line.split_once('\t').unwrap())
}

/// What stands between the first and the last digits that are shown.
fn inner_digits(text: &str) -> String {
    let letters = Letters::of(text);
    (0..letters.len()).map(|index| letters.get(index)).filter(char::is_ascii_digit).collect()
}

#[test]
fn nothing_of_the_corpus_survives() {
    let wrong: Vec<String> = pairs()
        .filter(|(text, shown)| mask(text) != *shown)
        .map(|(text, shown)| format!("{text}\n  has to be {shown}\n  and is    {}", mask(text)))
        .collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), pairs().count(), wrong.join("\n"));
    assert!(pairs().count() >= 150);
    // So that a slip in the corpus does not pass for a mask.
    for (text, shown) in pairs() {
        let (all, left) = (inner_digits(text), inner_digits(shown));
        assert!(all.is_empty() || all.len() >= left.len() + 2 || text.contains(['@', '＠']), "{text} -> {shown}");
    }
}

#[test]
fn it_makes_no_difference_where_in_a_sentence_it_stands() {
    for (text, shown) in pairs().filter(|(text, _)| !text.contains("account")) {
        for (before, after) in [("您好，", "，谢谢"), ("\n", "\n"), ("「", "」"), ("好的。", "。再见")] {
            let sentence = format!("{before}{text}{after}");
            assert_eq!(mask(&sentence), format!("{before}{shown}{after}"));
        }
    }
}

#[test]
fn what_is_nobodys_stays() {
    let wrong: Vec<String> =
        KEPT.lines().filter(|text| mask(text) != *text).map(|text| format!("{text} -> {}", mask(text))).collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), KEPT.lines().count(), wrong.join("\n"));
    assert!(KEPT.lines().count() >= 150);
    assert!(KEPT.lines().all(|text| matches!(mask(text), Cow::Borrowed(_))));
}

/// Pieces of numbers, words and marks, so that finders meet each other's edges.
fn pieces() -> impl Strategy<Value = String> {
    let lines: Vec<&'static str> = MASKED.lines().flat_map(|line| line.split('\t')).chain(KEPT.lines()).collect();
    let marks = prop::sample::select(vec![
        " ",
        "-",
        "*",
        "+86",
        "@",
        ".",
        "，",
        "号",
        "路",
        "弄",
        "室",
        "电话",
        "卡号",
        "身份证",
        "护照",
        "编号",
        "沪A",
        "X",
        "元",
        "(",
        ")",
        "0",
        "138",
        "Road",
        "No. ",
        "３",
        "三",
    ]);
    let part = prop_oneof![
        2 => prop::sample::select(lines).prop_map(str::to_owned),
        3 => marks.prop_map(str::to_owned),
        2 => "[0-9]{1,12}",
        1 => "[A-Za-z0-9*@. -]{1,8}",
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(part, 1..12).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, max_shrink_iters: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn masking_again_changes_nothing_and_makes_hardly_longer(text in pieces()) {
        let once = mask(&text).into_owned();
        let twice = mask(&once);
        prop_assert_eq!(twice.as_ref(), once.as_str());
        // A card of 13 digits shows 4 digits and says ` **** **** `: 19; an e-mail's name of one letter is three stars.
        let most = text.chars().count() + 6 * (once.matches("**** ****").count()) + 3 * once.matches("***").count();
        prop_assert!(once.chars().count() <= most, "{} -> {}", text, once);
    }

    #[test]
    fn what_was_there_before_and_behind_stays(before in "[一-龥a-z，。 ]{0,10}", after in "[，。a-z]{0,10}") {
        let text = format!("{before}，13800138000，{after}");
        prop_assert!(mask(&text).contains("，138****8000，"), "{}", mask(&text));
    }
}

#[test]
fn the_work_grows_with_the_length_whatever_the_text_is() {
    for piece in [
        "1",
        "1 ",
        "12-",
        "0",
        "138 0013 800",
        "31010119900307",
        "6222 ",
        "@",
        "a@",
        "a.",
        "@a.b",
        "a1",
        "路1号",
        "1弄",
        "1号",
        "村1组",
        "1室路",
        "电话",
        "电话1",
        "沪A",
        "沪A1",
        "No. 1, ",
        "Room 1 ",
        "Aa ",
        "一",
        "一号",
        "街道",
        "镇",
        "*1",
        "＋８６",
        "\u{200b}1",
        "Lane 1 Aa ",
    ] {
        let work = |letters: usize| {
            let text: String = piece.chars().cycle().take(letters).collect();
            let letters = Letters::of(&text);
            let mut found = Vec::new();
            number::find(&letters, &mut found);
            alphanumeric::find(&letters, &mut found);
            address::find(&letters, &mut found);
            letters.looks()
        };
        let (short, long) = (work(2_000), work(8_000));
        assert!(long <= short * 5, "{piece:?}: {short} looks, then {long}");
        assert!(short <= 2_000 * 300, "{piece:?}: {short} looks");
    }
}
