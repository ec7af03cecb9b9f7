//! 转接号码: telephones of departments and offices that are rung for a three-way call (rule 6: today 52 enterprise items share
//! 119 of them). Of one item only, [`super::Item::numbers`] says; what several items share, or all items of a unit, is a
//! record of its own.

use serde::{Deserialize, Serialize};

use super::{Invalid, MAX_NAME, UnitKind, code, directory::Directory, line, set};
use crate::conversation;

/// Where a number stands when nothing is said.
pub const USUAL_RANK: u32 = 100;

/// A telephone that calls are put through to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export_to = "protocol.ts"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TransferNumber {
    /// Whose it is.
    pub label: String,
    /// 5 to 20 digits; blanks and `-` may stand between.
    pub number: String,
    /// Code of the unit whose telephone it is.
    pub unit: String,
    /// Codes of the districts whose calls it takes; empty: those of all, or of the district that its unit is of.
    #[serde(default)]
    pub districts: Vec<String>,
    /// Codes of the items that it is rung for; empty: all of its unit.
    #[serde(default)]
    pub items: Vec<String>,
    /// 1 to 999: of several, the smallest is rung first.
    #[serde(default = "usual_rank")]
    pub rank: u32,
    /// 三方直转: is it rung when a caller is put through without an operator?
    #[serde(default)]
    pub direct_line: bool,
    /// Not rung for now.
    #[serde(default)]
    pub is_off: bool,
    /// Remark.
    #[serde(default)]
    pub note: String,
}

const fn usual_rank() -> u32 {
    USUAL_RANK
}

/// What is dialled, without what people write between the digits.
pub(crate) fn digits(number: &str) -> impl Iterator<Item = u8> {
    number.bytes().filter(u8::is_ascii_digit)
}

impl TransferNumber {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        line("label", &self.label, 1, MAX_NAME)?;
        conversation::telephone("number", &self.number)
            .map_err(|error| Invalid::new("number", error.problem.to_string()))?;
        code("unit", &self.unit)?;
        for (field, codes) in [("districts", &self.districts), ("items", &self.items)] {
            set(field, codes)?;
            for (n, one) in codes.iter().enumerate() {
                code(&format!("{field}[{n}]"), one)?;
            }
        }
        if !(1..=999).contains(&self.rank) {
            return Err(Invalid::new("rank", "must be 1 to 999"));
        }
        line("note", &self.note, 0, 200)
    }

    /// Does it take calls from this district (`None`: it is not known from which)?
    #[must_use]
    pub fn takes(&self, directory: &Directory, district: Option<&str>) -> bool {
        match directory.district_of(&self.unit) {
            Some(own) => district == Some(own),
            None => self.districts.is_empty() || self.districts.iter().any(|one| district == Some(one)),
        }
    }
}

impl Directory {
    pub(super) fn check_transfer_number(&self, id: &str, number: &TransferNumber) -> Result<(), Invalid> {
        let is_district = |code: &String| self.unit(code).is_some_and(|unit| unit.kind == UnitKind::District);
        if let Some(n) = number.districts.iter().position(|code| !is_district(code)) {
            return Err(Invalid::new(format!("districts[{n}]"), "is not a district"));
        }
        if !number.districts.is_empty() && self.district_of(&number.unit).is_some() {
            return Err(Invalid::new("districts", "must be empty, because the unit is of a district"));
        }
        let is_same =
            |other: &TransferNumber| other.unit == number.unit && digits(&other.number).eq(digits(&number.number));
        match self.transfer_numbers().find(|(other, one)| *other != id && is_same(one)) {
            Some((other, _)) => Err(Invalid::new("number", format!("stands in {other:?} of the same unit already"))),
            None => Ok(()),
        }
    }

    /// Has an item a telephone that is rung for it: one of its own, or one that names it?
    #[must_use]
    pub fn has_numbers(&self, item: &str) -> bool {
        let own = self.item(item).is_some_and(|body| !body.numbers.is_empty());
        own || self.transfer_numbers().any(|(_, one)| !one.is_off && one.items.iter().any(|named| named == item))
    }
}
