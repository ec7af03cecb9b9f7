//! The texts that citizens agree to, with their versions: `config/consents.json`, which is part of the program, so that what
//! was agreed to can always be read again in the version of the program that showed it.

use std::collections::BTreeMap;

use anyhow::Context as _;
use bangban_domain::window::{ConsentText, Input, Purpose};
use bangban_protocol::ConsentTextView;
use serde::Deserialize;

const TEXTS: &str = include_str!("../../../../config/consents.json");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    id: String,
    version: u32,
    zh: String,
    en: String,
}

/// One text for each purpose.
#[derive(Debug, Clone)]
pub(super) struct Texts(Vec<ConsentTextView>);

impl Texts {
    pub(super) fn new() -> anyhow::Result<Self> {
        let mut known: BTreeMap<Purpose, Text> = serde_json::from_str(TEXTS).context("config/consents.json")?;
        let texts = Purpose::ALL.iter().map(|purpose| {
            let text = known.remove(purpose).with_context(|| format!("config/consents.json: {purpose} is missing"))?;
            let Text { id, version, zh, en } = text;
            Ok(ConsentTextView { purpose: *purpose, id, version, zh, en })
        });
        Ok(Self(texts.collect::<anyhow::Result<_>>()?))
    }

    /// As pages show them.
    pub(super) fn views(&self) -> &[ConsentTextView] {
        &self.0
    }

    /// As the rules know them.
    pub(super) fn published(&self) -> impl Iterator<Item = Input> + '_ {
        self.0.iter().map(|text| Input::TextPublished {
            purpose: text.purpose,
            text: ConsentText { id: text.id.clone(), version: text.version },
        })
    }
}
