//! `bangban bot`: how well 小申 would do on questions whose right entry is known.

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use bangban_search::{Case, Explanation, Figures, Half, Index, Model, fit, half_of, sets};
use clap::{Args, Subcommand};
use flate2::read::GzDecoder;
use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;

use crate::{
    bot_thresholds::{self, ThresholdsCommand},
    config::Config,
};

/// What two bytes begin a gzip file.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// `bangban bot ...`
#[derive(Subcommand)]
pub enum BotCommand {
    /// Prints the figures of docs/bot.md for a knowledge base and questions.
    Eval(Eval),
    /// Why a question is answered as it is: words, scores, features, probability, band.
    Explain {
        /// The knowledge base, as for `eval`.
        #[arg(long)]
        kb: PathBuf,
        /// The question.
        question: String,
    },
    /// From which probability on it answers and asks back, while no server runs on the database.
    Thresholds {
        /// A TOML file over the defaults.
        #[arg(long, global = true)]
        config: Option<PathBuf>,
        /// What is done.
        #[command(subcommand)]
        command: ThresholdsCommand,
    },
}

/// `bangban bot eval`
#[derive(Args)]
pub struct Eval {
    /// Entries: JSON lines or one list, plain or gzip. {"id","question","similar","answer","item","department","audience"} an
    /// entry, or {"e","q"} a question of one.
    #[arg(long)]
    kb: PathBuf,
    /// Questions: {"q","e"}, `e` null: out of scope.
    #[arg(long)]
    set: PathBuf,
    /// Questions out of scope: {"q"}, or a text a line.
    #[arg(long)]
    oos: Option<PathBuf>,
    /// Weights and thresholds to use in place of the shipped ones, as --save-model writes them.
    #[arg(long)]
    model: Option<PathBuf>,
    /// Fits calibrator and thresholds by one half of the entries' questions (and of those out of scope), and prints the figures
    /// of both halves.
    #[arg(long)]
    fit_dev: bool,
    /// Where to write what was fitted.
    #[arg(long, requires = "fit_dev")]
    save_model: Option<PathBuf>,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

/// What `--fit-dev` prints.
#[derive(Serialize)]
struct Halves {
    dev: Figures,
    test: Figures,
    answer_at: f64,
    clarify_at: f64,
}

fn read(path: &Path) -> anyhow::Result<String> {
    let bytes = fs::read(path).with_context(|| path.display().to_string())?;
    let mut text = String::new();
    if bytes.starts_with(&GZIP) {
        GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).with_context(|| path.display().to_string())?;
        return Ok(text);
    }
    String::from_utf8(bytes).with_context(|| path.display().to_string())
}

/// Milliseconds that this thread has worked.
#[expect(clippy::cast_precision_loss, reason = "a span of time")]
fn worked() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}

fn lines(figures: &Figures) -> anyhow::Result<String> {
    let named = serde_json::to_value(figures)?;
    let line =
        |(name, value): (&String, &serde_json::Value)| format!("{name:<22} {:.4}\n", value.as_f64().unwrap_or(0.0));
    Ok(named.as_object().into_iter().flatten().map(line).collect())
}

/// What the command prints.
///
/// # Errors
/// Names file, line and field.
#[tokio::main]
pub async fn run(command: BotCommand) -> anyhow::Result<String> {
    match command {
        BotCommand::Eval(eval) => evaluate(&eval),
        BotCommand::Explain { kb, question } => {
            let entries = sets::entries(&read(&kb)?).with_context(|| kb.display().to_string())?;
            let said: Explanation = Index::build(entries).explain(&question, None, 5);
            Ok(serde_json::to_string_pretty(&said)? + "\n")
        }
        BotCommand::Thresholds { config, command } => {
            bot_thresholds::run(&Config::load(config.as_deref())?, command).await
        }
    }
}

fn evaluate(eval: &Eval) -> anyhow::Result<String> {
    let entries = sets::entries(&read(&eval.kb)?).with_context(|| eval.kb.display().to_string())?;
    let of = |path: &Path| sets::cases(&read(path)?, &entries).with_context(|| path.display().to_string());
    let mut cases = of(&eval.set)?;
    if let Some(path) = &eval.oos {
        // Whatever their file says of an entry: this knowledge base does not answer them.
        cases.extend(of(path)?.into_iter().map(|case| Case { entry: None, ..case }));
    }
    let mut index = Index::build(entries);
    if let Some(path) = &eval.model {
        let model: Model = serde_json::from_str(&read(path)?).with_context(|| path.display().to_string())?;
        index = index.with_model(Arc::new(model));
    }
    if !eval.fit_dev {
        let figures = Figures::of(&index, &cases, worked);
        return if eval.json { Ok(serde_json::to_string(&figures)? + "\n") } else { lines(&figures) };
    }
    let (dev, test): (Vec<Case>, Vec<Case>) = cases.into_iter().partition(|case| half_of(case) == Half::Dev);
    let model = fit(&index, &dev, "fitted");
    if let Some(path) = &eval.save_model {
        fs::write(path, serde_json::to_string_pretty(&model)? + "\n").with_context(|| path.display().to_string())?;
    }
    let (answer_at, clarify_at) = (model.thresholds.answer, model.thresholds.clarify);
    let fitted = index.with_model(Arc::new(model));
    let halves = Halves {
        dev: Figures::of(&fitted, &dev, worked),
        test: Figures::of(&fitted, &test, worked),
        answer_at,
        clarify_at,
    };
    if eval.json {
        return Ok(serde_json::to_string(&halves)? + "\n");
    }
    let (dev, test) = (lines(&halves.dev)?, lines(&halves.test)?);
    Ok(format!("dev half\n{dev}\ntest half\n{test}\nanswer at {answer_at:.3}, clarify at {clarify_at:.3}\n"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(subcommand)]
        command: BotCommand,
    }

    fn said(arguments: &[&str]) -> anyhow::Result<String> {
        run(Line::try_parse_from([&["bot"], arguments].concat())?.command)
    }

    #[test]
    fn the_figures_of_files_are_printed_by_their_names_and_errors_by_file_and_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let kb = file("kb", "{\"e\":1,\"q\":\"居住证怎么办理\"}\n{\"e\":2,\"q\":\"护照丢了怎么补办\"}\n");
        let set = file("set", "{\"q\":\"居住证怎么办理\",\"e\":1}\n{\"q\":\"护照丢了怎么补办\",\"e\":2}\n");
        let oos = file("oos", "\"今天天气\"\n");
        let figures = said(&["eval", "--kb", &kb, "--set", &set, "--oos", &oos, "--json"]).unwrap();
        let figures: serde_json::Value = serde_json::from_str(&figures).unwrap();
        let names: Vec<&String> = figures.as_object().unwrap().keys().collect();
        let wanted = [
            "recall_at_1",
            "recall_at_3",
            "mrr",
            "ece",
            "coverage_at_95",
            "coverage_at_90",
            "resolved_with_clarify",
            "oos_answered",
            "p50_ms",
            "p99_ms",
        ];
        assert!(names.len() == wanted.len() && wanted.iter().all(|name| figures.get(*name).is_some()), "{figures}");
        assert_eq!((figures["recall_at_1"].as_f64(), figures["oos_answered"].as_f64()), (Some(1.0), Some(0.0)));
        assert!(figures["p99_ms"].as_f64() > Some(0.0), "time was measured");
        let bad = file("bad", "{\"q\":\"a\",\"e\":1}\n{\"q\":\"b\",\"e\":9}\n");
        let error = said(&["eval", "--kb", &kb, "--set", &bad, "--json"]).unwrap_err();
        assert_eq!(format!("{error:#}"), format!("{bad}: line 2: `e`: the knowledge base has no entry 9"));
        let explained = said(&["explain", "--kb", &kb, "护照丢失"]).unwrap();
        assert!(explained.contains("\"readAs\"") && explained.contains("\"probability\""), "{explained}");
    }
}
