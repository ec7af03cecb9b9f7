//! The catalogue of service items.

use serde::{Deserialize, Serialize};

use super::{Invalid, MAX_NAME, code, line, set};
use crate::{conversation, words::words};

words! {
    /// Whom an item is for.
    Audience {
        /// 个人.
        Person = "person",
        /// 企业和其他组织.
        Enterprise = "enterprise",
        /// Both.
        Both = "both",
    }
}

/// 情形: a variant that decides conditions and materials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export_to = "protocol.ts"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Situation {
    /// Code, unique within the item.
    pub code: String,
    /// Name.
    pub name: String,
}

/// A number that is rung for a three-way call of one item, in order. Those that items share: [`super::TransferNumber`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export_to = "protocol.ts"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Number {
    /// Whose it is.
    pub label: String,
    /// 5 to 20 digits; blanks and `-` may stand between.
    pub number: String,
}

/// 事项.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export_to = "protocol.ts"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Item {
    /// Official name.
    pub name: String,
    /// In English; empty: as `name`.
    #[serde(default)]
    pub name_en: String,
    /// What citizens call it.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Variants.
    #[serde(default)]
    pub situations: Vec<Situation>,
    /// Code of the unit that owns it and its official answer (rule 11).
    pub department: String,
    /// Codes of the districts where it is done; empty: in all.
    #[serde(default)]
    pub districts: Vec<String>,
    /// Whom it is for.
    pub audience: Audience,
    /// Code of the team that serves it.
    pub team: String,
    /// One of the 520 (rule 4)?
    #[serde(default)]
    pub high_frequency: bool,
    /// 热点政策 (rule 5)?
    #[serde(default)]
    pub hot_policy: bool,
    /// Put through directly by 12345 (rule 6)?
    #[serde(default)]
    pub direct_line: bool,
    /// Done by the districts on behalf of the city's department, which keeps the answers (rule 11)?
    #[serde(default)]
    pub delegated: bool,
    /// Offers a virtual window?
    #[serde(default)]
    pub virtual_window: bool,
    /// Numbers to ring.
    #[serde(default)]
    pub numbers: Vec<Number>,
}

impl Item {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        line("name", &self.name, 1, MAX_NAME)?;
        line("nameEn", &self.name_en, 0, 2 * MAX_NAME)?;
        set("aliases", &self.aliases)?;
        for (n, alias) in self.aliases.iter().enumerate() {
            line(&format!("aliases[{n}]"), alias, 1, MAX_NAME)?;
        }
        for (n, situation) in self.situations.iter().enumerate() {
            code(&format!("situations[{n}].code"), &situation.code)?;
            line(&format!("situations[{n}].name"), &situation.name, 1, MAX_NAME)?;
        }
        let codes: Vec<&str> = self.situations.iter().map(|situation| situation.code.as_str()).collect();
        set("situations", &codes)?;
        code("department", &self.department)?;
        set("districts", &self.districts)?;
        for (n, district) in self.districts.iter().enumerate() {
            code(&format!("districts[{n}]"), district)?;
        }
        code("team", &self.team)?;
        let digits: Vec<&str> = self.numbers.iter().map(|one| one.number.as_str()).collect();
        set("numbers", &digits)?;
        for (n, Number { label, number }) in self.numbers.iter().enumerate() {
            line(&format!("numbers[{n}].label"), label, 1, MAX_NAME)?;
            conversation::telephone("number", number)
                .map_err(|error| Invalid::new(format!("numbers[{n}].number"), error.problem.to_string()))?;
        }
        Ok(())
    }
}
