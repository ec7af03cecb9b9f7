//! What a walk ends in.

use serde::{Deserialize, Serialize};

use super::Situation;
use crate::knowledge::{PointSubject, ReviewPoint};

/// A condition or a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export_to = "protocol.ts"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChecklistLine {
    /// What.
    pub name: String,
    /// How it has to be; may be empty.
    pub detail: String,
    /// What a review point rests on; empty: as the whole.
    pub source: String,
}

/// 办事清单: what is to be known of a situation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export_to = "protocol.ts"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Checklist {
    /// Code of the situation.
    pub situation: String,
    /// Its name.
    pub name: String,
    /// Who may.
    pub conditions: Vec<ChecklistLine>,
    /// What to bring.
    pub materials: Vec<ChecklistLine>,
    /// Where.
    #[serde(rename = "where")]
    pub place: String,
    /// How long.
    pub duration: String,
    /// What it costs.
    pub cost: String,
    /// Where to go on; may be empty.
    pub link: String,
    /// What it rests on.
    pub source: String,
}

impl Checklist {
    /// Of a situation, with the review points of its item in their order. What the guide names itself comes first; a review
    /// point of the same name says how that has to be.
    #[must_use]
    pub fn of(situation: &Situation, points: &[ReviewPoint]) -> Self {
        let own = situation.conditions.iter().map(|text| (text.as_str(), ""));
        let conditions = merged(own, points, PointSubject::Condition, &situation.of);
        let own = situation.materials.iter().map(|one| (one.name.as_str(), one.note.as_str()));
        let materials = merged(own, points, PointSubject::Material, &situation.of);
        Self {
            situation: situation.code.clone(),
            name: situation.name.clone(),
            conditions,
            materials,
            place: situation.place.clone(),
            duration: situation.duration.clone(),
            cost: situation.cost.clone(),
            link: situation.link.clone(),
            source: situation.source.clone(),
        }
    }
}

fn merged<'a>(
    own: impl Iterator<Item = (&'a str, &'a str)>,
    points: &[ReviewPoint],
    subject: PointSubject,
    situation: &str,
) -> Vec<ChecklistLine> {
    let line = |(name, detail): (&str, &str)| ChecklistLine {
        name: name.to_owned(),
        detail: detail.to_owned(),
        source: String::new(),
    };
    let mut lines: Vec<ChecklistLine> = own.map(line).collect();
    let concerns = |point: &&ReviewPoint| point.situation.is_empty() || point.situation == situation;
    for point in points.iter().filter(|point| point.subject == subject).filter(concerns) {
        match lines.iter_mut().find(|line| line.name == point.name) {
            Some(line) if line.detail.is_empty() => line.detail.clone_from(&point.rule),
            Some(line) => line.detail = format!("{}；{}", line.detail, point.rule),
            None => lines.push(ChecklistLine {
                name: point.name.clone(),
                detail: point.rule.clone(),
                source: point.source.clone(),
            }),
        }
    }
    lines
}
