//! Fits the shipped ranker and calibrator by the demo's own entries and writes `src/search/weights/model.json`: each way in which
//! an entry is asked is a question for the others of its entry, as it is and with typical slips. `make bot-weights` runs it.

use std::{collections::HashMap, fs, io::Read, path::Path, sync::Arc};

use bangban_search::{
    Case, Entry, FEATURES, Half, Index, Logistic, Model, Thresholds, Weights, fit, fit_thresholds, half_of,
};
use serde::Deserialize;

/// Pull towards 0 of the ranker's weights.
const RIDGE: f64 = 3.0;
/// How often the ranker is fitted.
const ROUNDS: usize = 4;
/// How often questions as people ask them are counted, next to those of the entries, which are put more carefully.
const TOLD: usize = 5;
/// Of what people type about a matter so many are rows.
const ROWS: usize = 2;

#[derive(Deserialize)]
struct Item {
    code: String,
    name: String,
    aliases: Vec<String>,
}

/// Questions as people ask them; written for the study that this design rests on.
#[derive(Deserialize)]
struct Colloquial {
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

fn read<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<T, Box<dyn std::error::Error>> {
    Ok(serde_json::from_str(&fs::read_to_string(path)?)?)
}

/// The question with one character in place of another that sounds the same: every so often, always the same one.
fn slipped(question: &str, homophones: &HashMap<char, char>, nth: usize) -> String {
    let known: Vec<usize> =
        question.chars().enumerate().filter(|(_, c)| homophones.contains_key(c)).map(|(at, _)| at).collect();
    let Some(at) = known.get(nth % known.len().max(1)) else { return question.to_owned() };
    question
        .chars()
        .enumerate()
        .map(|(i, c)| if i == *at { homophones.get(&c).copied().unwrap_or(c) } else { c })
        .collect()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let demo = root.join("../../config/demo");
    let entries: Vec<Entry> = read(&demo.join("entries.json"))?;
    let items: Vec<Item> = read(&demo.join("items.json"))?;
    let text = root.join("../../scripts/bot/text");
    let asked = fs::read_to_string(text.join("asked.tsv"))?;
    let homophones: HashMap<String, String> = read(&text.join("homophones.json"))?;
    let homophones: HashMap<char, char> =
        homophones.iter().filter_map(|(a, b)| Some((a.chars().next()?, b.chars().next()?))).collect();
    // Items that no entry is about are entries to be told from the right ones.
    let bare = items.iter().filter(|item| !entries.iter().any(|entry| entry.item == item.code));
    let bare = bare.map(|item| Entry {
        id: format!("item-{}", item.code),
        question: item.name.clone(),
        similar: item.aliases.clone(),
        item: item.code.clone(),
        ..Entry::default()
    });
    // Real questions of another city: long ones, and near to ours.
    let mut packed_lines = String::new();
    let packed = fs::read(text.join("taipei_gov_faq.jsonl.gz"))?;
    flate2::read::GzDecoder::new(packed.as_slice()).read_to_string(&mut packed_lines)?;
    let mut strangers = Vec::new();
    for (at, line) in packed_lines.lines().enumerate() {
        let Stranger { question } = serde_json::from_str(line)?;
        strangers.push(Entry { id: format!("other-{at}"), question, ..Entry::default() });
    }
    let all: Vec<Entry> = entries.iter().cloned().chain(bare).chain(strangers.iter().cloned()).collect();
    let blank = Model {
        weights: Weights { ranker: Logistic::default(), calibrator: Logistic::default() },
        thresholds: Thresholds { version: "none".to_owned(), answer: 1.0, clarify: 1.0, approve: None },
    };
    let index = Index::build(all).with_model(Arc::new(blank.clone()));

    // What people type about many other matters, of which two ways each are rows and the others questions.
    let mut matters: Vec<Entry> = Vec::new();
    let mut typed: Vec<Case> = Vec::new();
    for line in fs::read_to_string(text.join("said.tsv"))?.lines().filter(|line| !line.starts_with('#')) {
        let Some((matter, question)) = line.split_once('\t') else { continue };
        if matters.last().is_none_or(|last| last.question != matter) {
            let id = format!("matter-{}", matters.len());
            matters.push(Entry { id, question: matter.to_owned(), ..Entry::default() });
        }
        let Some(last) = matters.last_mut() else { continue };
        if last.similar.len() < ROWS {
            last.similar.push(question.to_owned());
        } else {
            typed.push(Case { question: question.to_owned(), entry: Some(last.id.clone()) });
        }
    }
    matters.extend(strangers.iter().cloned());
    let other = Index::build(matters).with_model(Arc::new(blank.clone()));
    let strange = fs::read_to_string(text.join("strange.tsv"))?;
    let strange = strange.lines().filter(|line| !line.starts_with('#'));
    typed.extend(strange.clone().map(|question| Case { question: question.to_owned(), entry: None }));

    let mut questions: Vec<Case> = Vec::new();
    for entry in &entries {
        for question in std::iter::once(&entry.question).chain(&entry.similar) {
            questions.push(Case { question: question.clone(), entry: Some(entry.id.clone()) });
        }
    }
    let own = questions.len();
    let told = asked.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('\t'));
    questions.extend(told.map(|(id, question)| {
        let entry = (id != "-").then(|| format!("kb-{id}"));
        Case { question: question.to_owned(), entry }
    }));
    let slips: Vec<Case> = questions
        .iter()
        .enumerate()
        .filter(|(at, _)| at % 4 == 0)
        .map(|(at, case)| Case { question: slipped(&case.question, &homophones, at), entry: case.entry.clone() })
        .collect();
    println!("{} questions: {own} of entries, {} slips", questions.len() + slips.len(), slips.len());
    questions.extend(slips);

    // Of an entry's rows one is meant: at first all are taken for it, then the one that the last weights hold to be nearest.
    let of_demo = questions.iter().enumerate().map(|(at, case)| (&index, case, if at >= own { TOLD } else { 1 }));
    let lessons: Vec<_> = of_demo
        .chain(typed.iter().map(|case| (&other, case, 1)))
        .filter_map(|(index, case, times)| {
            let right = case.entry.as_ref()?;
            let rows = index.lesson(&case.question, None).into_iter().map(|(entry, row)| (row, entry.id == *right));
            Some((times, rows.collect::<Vec<_>>()))
        })
        .filter(|(_, rows)| rows.iter().any(|(_, is_right)| *is_right))
        .collect();
    let mut ranker = Logistic::default();
    for round in 0..ROUNDS {
        let mut examples = Vec::new();
        for (times, rows) in &lessons {
            let right = rows.iter().filter(|(_, is_right)| *is_right).map(|(row, _)| row);
            let nearest = right.max_by(|a, b| ranker.log_odds(a).total_cmp(&ranker.log_odds(b)));
            let counts = |(row, is_right): &&(Vec<f64>, bool)| round == 0 || !is_right || nearest == Some(row);
            for _ in 0..*times {
                examples.extend(rows.iter().filter(counts).cloned());
            }
        }
        ranker = Logistic::fit(&examples, RIDGE);
        println!("{} rows of {} questions", examples.len(), lessons.len());
    }
    for (name, weight) in FEATURES.iter().zip(&ranker.weights) {
        println!("{name:<32} {weight:.3}");
    }

    // The calibrator learns from each question with its entry there, and with its entry gone: then nothing is right.
    let model =
        Arc::new(Model { weights: Weights { ranker: ranker.clone(), ..blank.weights.clone() }, ..blank.clone() });
    let ranked = [index, other].map(|index| index.with_model(Arc::clone(&model)));
    let mut lessons = Vec::new();
    let of_demo = questions.iter().map(|case| (&ranked[0], case));
    for (index, case) in of_demo.chain(typed.iter().map(|case| (&ranked[1], case))) {
        for without in [None, case.entry.as_deref()] {
            if without.is_none() || lessons.len() % 2 == 0 {
                for (entry, inputs) in index.calibration(&case.question, true, without) {
                    lessons.push((inputs, without.is_none() && Some(&entry.id) == case.entry.as_ref()));
                }
            }
        }
    }
    let calibrator = Logistic::fit(&lessons, 1.0);
    println!("{} hits; {calibrator:?}", lessons.len());

    // Thresholds, and the calibrator once more, by the development half of the colloquial questions.
    let model = Model { weights: Weights { ranker, calibrator }, ..blank };
    let Colloquial { entries, out_of_scope } = read(&root.join("testdata/shanghai.json"))?;
    let mut all = strangers;
    let mut cases = Vec::new();
    for (no, Asked { std, similar, test }) in (1..).zip(entries) {
        // The number that the entry has in the study's own files: the halves are the same there.
        let id = format!("{no}");
        cases.extend(test.into_iter().map(|question| Case { question, entry: Some(id.clone()) }));
        all.push(Entry { id, question: std, similar, ..Entry::default() });
    }
    cases.extend(out_of_scope.into_iter().map(|question| Case { question, entry: None }));
    cases.retain(|case| half_of(case) == Half::Dev);
    let index = Index::build(all);
    let fitted = fit(&index.clone().with_model(Arc::new(model)), &cases, "1");
    // What no portal can answer says how sure a stranger may seem, and nothing of how often strangers come: it moves the
    // thresholds, not the calibrator.
    cases.extend(strange.map(|question| Case { question: question.to_owned(), entry: None }));
    let thresholds = fit_thresholds(&index.with_model(Arc::new(fitted.clone())), &cases, "1");
    let model = Model { thresholds, ..fitted };
    println!("{:?} {:?}", model.weights.calibrator, model.thresholds);
    fs::write(root.join("weights/model.json"), serde_json::to_string_pretty(&model)? + "\n")?;
    Ok(())
}
