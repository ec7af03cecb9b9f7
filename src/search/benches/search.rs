//! The bot's search at size: `make bench-search`. Entries are made from the demo's questions, each with something of its own, so
//! that no two are the same and their words are as frequent as in life.

#![expect(clippy::disallowed_methods, reason = "it measures time")]

use std::{fs, hint::black_box, path::Path, time::Instant};

use bangban_search::{Entry, Index};

const ENTRIES: usize = 100_000;
const QUESTIONS: usize = 2_000;
const CHANGES: usize = 50;

fn resident_megabytes() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}

fn part(sorted: &[f64], percent: usize) -> f64 {
    sorted.get((sorted.len().max(1) - 1) * percent / 100).copied().unwrap_or(0.0)
}

fn millis(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

/// Work of this thread's core so far, whatever else the machine does.
fn worked() -> f64 {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    #[expect(clippy::cast_precision_loss, reason = "seconds of a run")]
    let (seconds, nanoseconds) = (spent.tv_sec as f64, spent.tv_nsec as f64);
    seconds * 1e3 + nanoseconds / 1e6
}

/// Entry `n` of the made ones.
fn made(questions: &[String], names: &[String], n: usize) -> Entry {
    let question = &questions[n % questions.len()];
    let name = &names[(n / questions.len() * 7 + n) % names.len()];
    Entry { id: format!("e{n}"), question: format!("{name}，{question}"), ..Entry::default() }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/demo");
    let entries: Vec<Entry> = serde_json::from_str(&fs::read_to_string(demo.join("entries.json"))?)?;
    let items: Vec<serde_json::Value> = serde_json::from_str(&fs::read_to_string(demo.join("items.json"))?)?;
    let names: Vec<String> = items.iter().filter_map(|item| Some(item["name"].as_str()?.to_owned())).collect();
    let questions: Vec<String> =
        entries.iter().flat_map(|entry| std::iter::once(&entry.question).chain(&entry.similar)).cloned().collect();
    let empty = resident_megabytes();
    let begun = Instant::now();
    drop(Index::build(entries));
    println!("weights read and the demo indexed: {:.0} ms", millis(begun));
    let all: Vec<Entry> = (0..ENTRIES).map(|n| made(&questions, &names, n)).collect();
    let begun = Instant::now();
    let mut index = Index::build(all);
    println!("{ENTRIES} entries built: {:.2} s", begun.elapsed().as_secs_f64());
    println!("memory with weights, index and entries: {:.0} MB", resident_megabytes() - empty);
    let mut times: Vec<f64> = (0..QUESTIONS)
        .map(|n| {
            let text = format!("{}{}", names[n * 31 % names.len()], questions[n * 17 % questions.len()]);
            let text: String = text.chars().skip(n % 3).take(18).collect();
            let begun = worked();
            black_box(index.decide(&text, None));
            worked() - begun
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!("a question: p50 {:.2} ms, p99 {:.2} ms of one core's work", part(&times, 50), part(&times, 99));
    let mut times: Vec<f64> = (0..CHANGES)
        .map(|n| {
            let begun = Instant::now();
            let entry = Entry {
                id: format!("new{n}"), question: format!("第{n}号新政策怎么申请"), ..Entry::default()
            };
            index = index.changed(vec![entry], &[format!("e{n}")]);
            let found = index.search(&format!("第{n}号新政策怎么申请"), None, 1);
            assert!(found.first().is_some_and(|hit| hit.confidence >= 1.0), "the change is seen");
            millis(begun)
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!("a change until it is found: p50 {:.2} ms, max {:.2} ms", part(&times, 50), part(&times, 100));
    Ok(())
}
