//! The bars that no change may fall below: the colloquial questions of the study among real questions of another city. The
//! half by which calibrator and thresholds were fitted is not judged.

use std::{collections::HashSet, io::Read as _};

use flate2::read::GzDecoder;
use serde::Deserialize;

use crate::{Case, Entry, Figures, Half, Index, half_of};

#[derive(Deserialize)]
struct Set {
    entries: Vec<Asked>,
    out_of_scope: Vec<String>,
}

#[derive(Deserialize)]
struct Asked {
    std: String,
    similar: Vec<String>,
    test: Vec<String>,
}

#[derive(Deserialize)]
struct Stranger {
    question: String,
}

fn set() -> (Index, Vec<Case>) {
    let Set { entries, out_of_scope } = serde_json::from_str(include_str!("../testdata/shanghai.json")).unwrap();
    let mut other = String::new();
    let packed: &[u8] = include_bytes!("../../../scripts/bot/text/taipei_gov_faq.jsonl.gz");
    GzDecoder::new(packed).read_to_string(&mut other).unwrap();
    let mut all = Vec::new();
    let mut cases = Vec::new();
    for (no, Asked { std, similar, test }) in (1..).zip(entries) {
        let id = format!("{no}");
        cases.extend(test.into_iter().map(|question| Case { question, entry: Some(id.clone()) }));
        all.push(Entry { id, question: std, similar, ..Entry::default() });
    }
    for (no, line) in other.lines().enumerate() {
        let Stranger { question } = serde_json::from_str(line).unwrap();
        all.push(Entry { id: format!("other-{no}"), question, ..Entry::default() });
    }
    cases.extend(out_of_scope.into_iter().map(|question| Case { question, entry: None }));
    (Index::build(all), cases)
}

#[test]
fn colloquial_questions_find_their_entry_and_the_probabilities_hold() {
    let (index, cases) = set();
    assert_eq!(cases.len(), 274);
    let of = |half| Figures::of(&index, cases.iter().filter(|case| half_of(case) == half), || 0.0);
    let (dev, test) = (of(Half::Dev), of(Half::Test));
    println!("dev {dev:?}\ntest {test:?}");
    assert!(test.recall_at_1 >= 0.79, "{test:?}");
    assert!(test.recall_at_3 >= 0.91, "{test:?}");
    // Ten bins of 135 questions are .05 apart by chance alone.
    assert!(test.ece <= 0.11, "{test:?}");
    assert!(test.resolved_with_clarify >= 0.81, "{test:?}");
    assert!(test.oos_answered <= 0.01, "{test:?}");
    assert!(dev.recall_at_1 >= 0.81 && dev.ece <= 0.10, "{dev:?}");
}

#[test]
fn the_halves_share_no_entry_and_are_about_equal() {
    let (_, cases) = set();
    let entries = |half| -> HashSet<String> {
        cases.iter().filter(|case| half_of(case) == half).filter_map(|case| case.entry.clone()).collect()
    };
    let (dev, test) = (entries(Half::Dev), entries(Half::Test));
    assert!(dev.is_disjoint(&test) && dev.len() + test.len() == 70);
    assert!((25..=45).contains(&dev.len()), "{}", dev.len());
}
