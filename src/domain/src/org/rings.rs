//! Who else may be asked for a team's queue when its own agents are busy: the same line of work in neighbouring districts,
//! then the city's team of that line, then the general team.

use super::{CITY, Directory, GENERAL, Team};
use crate::TeamId;

/// The 16 districts of Shanghai, each with those that it borders on, by land or across the river (the city's map of
/// administrative divisions).
const NEIGHBOURS: [(&str, &[&str]); 16] = [
    ("huangpu", &["xuhui", "jingan", "hongkou", "pudong"]),
    ("xuhui", &["huangpu", "changning", "jingan", "minhang", "pudong"]),
    ("changning", &["xuhui", "jingan", "putuo", "minhang", "jiading"]),
    ("jingan", &["huangpu", "xuhui", "changning", "putuo", "hongkou", "baoshan"]),
    ("putuo", &["changning", "jingan", "baoshan", "jiading"]),
    ("hongkou", &["huangpu", "jingan", "yangpu", "baoshan", "pudong"]),
    ("yangpu", &["hongkou", "baoshan", "pudong"]),
    ("minhang", &["xuhui", "changning", "jiading", "pudong", "songjiang", "qingpu", "fengxian"]),
    ("baoshan", &["jingan", "putuo", "hongkou", "yangpu", "jiading", "pudong", "chongming"]),
    ("jiading", &["changning", "putuo", "minhang", "baoshan", "qingpu"]),
    ("pudong", &["huangpu", "xuhui", "hongkou", "yangpu", "minhang", "baoshan", "fengxian", "chongming"]),
    ("jinshan", &["songjiang", "qingpu", "fengxian"]),
    ("songjiang", &["minhang", "jinshan", "qingpu", "fengxian"]),
    ("qingpu", &["minhang", "jiading", "jinshan", "songjiang"]),
    ("fengxian", &["minhang", "pudong", "jinshan", "songjiang"]),
    ("chongming", &["baoshan", "pudong"]),
];

/// Codes of the districts around one.
#[must_use]
pub fn neighbours(district: &str) -> &'static [&'static str] {
    NEIGHBOURS.iter().find(|(code, _)| *code == district).map_or(&[], |(_, around)| around)
}

/// Teams beside a queue's own, ring by ring. A ring may be empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Helpers {
    /// The same line of work in neighbouring districts.
    pub neighbours: Vec<TeamId>,
    /// The same line of work in the city's department.
    pub city: Vec<TeamId>,
    /// General skill.
    pub general: Vec<TeamId>,
}

impl Directory {
    /// The line of work of a unit: of a district's what it, or the nearest unit above it, says; of the city's its
    /// department.
    #[must_use]
    pub fn line(&self, unit: &str) -> Option<&str> {
        let above = self.above(unit);
        let said = above.iter().find_map(|code| self.unit(code)?.line.as_deref());
        said.or_else(|| {
            let is_department = |code: &&String| self.unit(code).is_some_and(|one| one.parent.as_deref() == Some(CITY));
            let top = above.iter().find(is_department).map(String::as_str);
            top.filter(|_| self.district_of(unit).is_none())
        })
    }

    /// The district that a unit works in.
    #[must_use]
    pub fn district_of(&self, unit: &str) -> Option<&str> {
        self.above(unit).iter().find_map(|code| self.unit(code)?.district.as_deref())
    }

    /// Who else may be asked for a team's queue.
    #[must_use]
    pub fn helpers(&self, team: &str) -> Helpers {
        let mut helpers = Helpers::default();
        let Some(own) = self.team(team) else { return helpers };
        if team == GENERAL {
            return helpers;
        }
        if let Some(line) = self.line(&own.unit) {
            let around = self.district_of(&own.unit).map_or(&[][..], neighbours);
            let is_of_line = |(code, other): &(&str, &Team)| *code != team && self.line(&other.unit) == Some(line);
            for (code, other) in self.teams().filter(is_of_line) {
                let ring = match self.district_of(&other.unit) {
                    Some(district) if around.contains(&district) => &mut helpers.neighbours,
                    Some(_) => continue,
                    None => &mut helpers.city,
                };
                ring.extend(self.team_id(code));
            }
        }
        helpers.general.extend(self.team_id(GENERAL));
        helpers
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        Timestamp,
        org::{Body, Kind, Record},
    };

    #[test]
    fn every_district_is_its_neighbours_neighbour() {
        for (district, around) in NEIGHBOURS {
            for other in around {
                assert!(neighbours(other).contains(&district), "{other} does not border on {district}");
                assert_ne!(*other, district);
            }
        }
        assert!(neighbours("elsewhere").is_empty());
    }

    fn directory() -> Directory {
        let unit = |code: &str, kind: &str, parent: Option<&str>, district: Option<&str>, line: Option<&str>| {
            let body = json!({ "name": code, "kind": kind, "parent": parent, "district": district, "line": line });
            (Kind::Unit, code.to_owned(), body)
        };
        let team = |code: &str, unit: &str| (Kind::Team, code.to_owned(), json!({ "name": code, "unit": unit }));
        let mut all = vec![unit("sh", "city", None, None, None), team("general", "sh")];
        for line in ["hrss", "health"] {
            all.push(unit(line, "department", Some("sh"), None, None));
            all.push(unit(&format!("{line}-office"), "office", Some(line), None, None));
        }
        for district in ["xuhui", "huangpu", "chongming"] {
            all.push(unit(district, "district", Some("sh"), Some(district), None));
            for line in ["hrss", "health"] {
                let code = format!("{district}-{line}");
                all.push(unit(&code, "department", Some(district), Some(district), Some(line)));
                all.push(team(&format!("{code}-team"), &code));
            }
        }
        all.push(unit("xuhui-hrss-street", "office", Some("xuhui-hrss"), None, None));
        all.push(team("street-team", "xuhui-hrss-street"));
        all.push(team("city-team", "hrss-office"));
        all.push(team("other-city-team", "health-office"));
        all.push(team("hall-team", "xuhui"));
        let record = |(no, (kind, id, body)): (u64, (Kind, String, Value))| Record {
            id,
            no,
            version: 1,
            changed_at: Timestamp(0),
            body: Body::read(kind, body).unwrap(),
        };
        Directory::new((1..).zip(all).map(record))
    }

    #[test]
    fn neighbours_of_the_same_line_then_its_city_team_then_the_general_one() {
        let directory = directory();
        let codes =
            |teams: &[TeamId]| -> Vec<&str> { teams.iter().map(|team| directory.team_at(*team).unwrap().0).collect() };
        for (team, neighbours, city, general) in [
            ("xuhui-hrss-team", &["huangpu-hrss-team"][..], &["city-team"][..], &["general"][..]),
            ("street-team", &["huangpu-hrss-team"], &["city-team"], &["general"]),
            ("huangpu-hrss-team", &["xuhui-hrss-team", "street-team"], &["city-team"], &["general"]),
            ("chongming-health-team", &[], &["other-city-team"], &["general"]),
            // The city's own team helps, and is helped by no district's.
            ("city-team", &[], &[], &["general"]),
            // No department's matter.
            ("hall-team", &[], &[], &["general"]),
            ("general", &[], &[], &[]),
            ("unknown", &[], &[], &[]),
        ] {
            let helpers = directory.helpers(team);
            assert_eq!(codes(&helpers.neighbours), neighbours, "{team}");
            assert_eq!(codes(&helpers.city), city, "{team}");
            assert_eq!(codes(&helpers.general), general, "{team}");
        }
    }
}
