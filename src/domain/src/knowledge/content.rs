//! What a revision says, and what of it can be judged.

use serde::{Deserialize, Serialize};

use super::file::{AnswerFile, MAX_FILES, file_references};
use crate::{
    FileId, Timestamp,
    org::{Audience, Directory, Invalid, MAX_NAME, UnitKind, code, line, lines, set},
};

/// Longest question, in characters.
pub const MAX_QUESTION: usize = 200;

/// Longest answer.
pub const MAX_ANSWER: usize = 4_000;

/// Most similar questions.
pub const MAX_SIMILAR: usize = 50;

/// Longest spoken answer: what a voice says in about half a minute.
const MAX_SPOKEN: usize = 150;

/// Longest name of a source, and of a clause of it.
const MAX_SOURCE: usize = 200;

/// Most items of one entry.
const MAX_ITEMS: usize = 20;

/// Sites that an answer may lead to: authorities', by their domain.
const OFFICIAL: &str = ".gov.cn";

/// What a revision of an entry says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(rename = "EntryContent", export_to = "protocol.ts"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = EntryContent))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Content {
    /// The question in its official wording.
    pub question: String,
    /// Other ways in which citizens ask it.
    #[serde(default)]
    pub similar: Vec<String>,
    /// The official answer, in Markdown without HTML; links lead to authorities only, pictures and documents are named by the
    /// ids of files that were uploaded here.
    pub answer: String,
    /// What a voice says; empty: there is nothing short enough.
    #[serde(default)]
    pub spoken: String,
    /// Codes of the items that it is about, the main one first; empty: about none.
    #[serde(default)]
    pub items: Vec<String>,
    /// Codes of situations of these items; empty: all.
    #[serde(default)]
    pub situations: Vec<String>,
    /// Codes of the districts where it holds; empty: the whole city.
    #[serde(default)]
    pub districts: Vec<String>,
    /// Whom it is for.
    pub audience: Audience,
    /// The document or office that it rests on.
    pub source: String,
    /// Where in the document, e.g. 第十二条.
    #[serde(default)]
    pub clause: String,
    /// Holds from then on; none: from its publication.
    #[serde(default)]
    pub valid_from: Option<Timestamp>,
    /// Holds until then.
    #[serde(default)]
    pub valid_to: Option<Timestamp>,
    /// Id of the entry that it replaces, from its begin on.
    #[serde(default)]
    pub supersedes: Option<String>,
    /// A district's local detail (rule 11): id of the city's entry that it adds to.
    #[serde(default)]
    pub base: Option<String>,
    /// The files that the answer names; written by the server, whatever is sent.
    #[serde(default)]
    pub files: Vec<AnswerFile>,
}

impl Content {
    /// Looks at everything that can be judged by itself.
    ///
    /// # Errors
    /// [`Invalid`] names the first field that cannot be taken.
    pub fn check(&self) -> Result<(), Invalid> {
        line("question", &self.question, 2, MAX_QUESTION)?;
        if self.similar.len() > MAX_SIMILAR {
            return Err(Invalid::new("similar", format!("must have at most {MAX_SIMILAR} parts")));
        }
        set("similar", &self.similar)?;
        for (n, similar) in self.similar.iter().enumerate() {
            line(&format!("similar[{n}]"), similar, 2, MAX_QUESTION)?;
        }
        lines("answer", &self.answer, 2, MAX_ANSWER)?;
        links("answer", &self.answer)?;
        line("spoken", &self.spoken, 0, MAX_SPOKEN)?;
        codes("items", &self.items)?;
        if self.items.len() > MAX_ITEMS {
            return Err(Invalid::new("items", format!("must have at most {MAX_ITEMS} parts")));
        }
        codes("situations", &self.situations)?;
        codes("districts", &self.districts)?;
        line("source", &self.source, 1, MAX_SOURCE)?;
        line("clause", &self.clause, 0, MAX_NAME)?;
        if let (Some(from), Some(to)) = (self.valid_from, self.valid_to)
            && to <= from
        {
            return Err(Invalid::new("validTo", "must be after validFrom"));
        }
        for (field, id) in [("supersedes", &self.supersedes), ("base", &self.base)] {
            if let Some(id) = id {
                code(field, id)?;
            }
        }
        if self.base.is_some() && self.districts.len() != 1 {
            return Err(Invalid::new("districts", "must be the one district whose detail it is"));
        }
        Ok(())
    }

    /// Looks at what refers to units and items, and at who owns the answer (rule 11): the department of its items, in the
    /// city or in a district; local detail belongs to the district's units. Of delegated items both stay with the city's
    /// department, whoever does them.
    ///
    /// # Errors
    /// [`Invalid`] names the first field that cannot be taken.
    pub fn check_owner(&self, unit: &str, directory: &Directory) -> Result<(), Invalid> {
        if directory.unit(unit).is_none() {
            return Err(Invalid::new("unit", "is no unit"));
        }
        for (n, item) in self.items.iter().enumerate() {
            let Some(item) = directory.item(item) else {
                return Err(Invalid::new(format!("items[{n}]"), "is no item"));
            };
            let is_owner = directory.above(&item.department).iter().any(|above| above == unit);
            if self.base.is_none() && !is_owner {
                let problem = format!("belongs to {}, which owns its official answer", item.department);
                return Err(Invalid::new(format!("items[{n}]"), problem));
            }
            if item.delegated && directory.is_of_district(unit) {
                let problem = format!("is delegated: its answers stay with {}", item.department);
                return Err(Invalid::new(format!("items[{n}]"), problem));
            }
        }
        let is_known = |situation: &String| {
            let items = self.items.iter().filter_map(|item| directory.item(item));
            items.flat_map(|item| &item.situations).any(|one| one.code == *situation)
        };
        if let Some(n) = self.situations.iter().position(|one| !is_known(one)) {
            return Err(Invalid::new(format!("situations[{n}]"), "is no situation of these items"));
        }
        let is_district = |code: &String| directory.unit(code).is_some_and(|one| one.kind == UnitKind::District);
        if let Some(n) = self.districts.iter().position(|one| !is_district(one)) {
            return Err(Invalid::new(format!("districts[{n}]"), "is no district"));
        }
        if let (Some(_), Some(district)) = (&self.base, self.districts.first())
            && !directory.above(unit).contains(district)
        {
            return Err(Invalid::new("unit", "local detail belongs to a unit of the district"));
        }
        Ok(())
    }

    /// Everything that it can be found by, in small letters.
    #[must_use]
    pub fn words(&self) -> String {
        let parts = std::iter::once(&self.question).chain(&self.similar).chain([&self.answer, &self.source]);
        parts.map(|part| part.to_lowercase()).collect::<Vec<_>>().join("\n")
    }
}

fn codes(field: &str, list: &[String]) -> Result<(), Invalid> {
    set(field, list)?;
    list.iter().enumerate().try_for_each(|(n, one)| code(&format!("{field}[{n}]"), one))
}

/// One address of an authority, and nothing else.
///
/// # Errors
/// [`Invalid`] for this field.
pub(crate) fn official_link(field: &str, text: &str) -> Result<(), Invalid> {
    line(field, text, 1, MAX_SOURCE)?;
    if !text.starts_with("https://") || text.contains(char::is_whitespace) {
        return Err(Invalid::new(field, format!("may only be a link to https://...{OFFICIAL}")));
    }
    links(field, text)
}

/// Pictures from elsewhere would tell their server who reads, and links lead people who trust us.
fn links(field: &str, markdown: &str) -> Result<(), Invalid> {
    pictures(field, markdown)?;
    let begins = markdown.match_indices("://").map(|(at, _)| at);
    for at in begins {
        let scheme = markdown[..at].rsplit(|letter: char| !letter.is_ascii_alphanumeric()).next().unwrap_or_default();
        let rest = &markdown[at + 3..];
        let end = rest.find(|letter: char| !(letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-')));
        let (host, after) = rest.split_at(end.unwrap_or(rest.len()));
        // user@host and host:port are ways to make one address look like another.
        let is_plain = !after.starts_with(['@', ':', '\\', '%', '_']);
        let is_official = host.ends_with(OFFICIAL) && host.len() > OFFICIAL.len();
        if !scheme.eq_ignore_ascii_case("https") || !is_official || !is_plain {
            return Err(Invalid::new(field, format!("may only have links to https://...{OFFICIAL}")));
        }
    }
    // The target of a Markdown link is an address of that kind, or none at all.
    let mut rest = markdown;
    while let Some(at) = rest.find("](") {
        rest = &rest[at + 2..];
        let is_file = rest.split_once(')').is_some_and(|(target, _)| target.parse::<FileId>().is_ok());
        if !is_file && !rest.trim_start_matches([' ', '<']).to_ascii_lowercase().starts_with("https://") {
            return Err(Invalid::new(field, format!("may only have links to https://...{OFFICIAL}")));
        }
    }
    if markdown.lines().any(|line| line.trim_start().starts_with('[') && line.contains("]:")) {
        return Err(Invalid::new(field, "must have the addresses of links in their place, not apart"));
    }
    Ok(())
}

/// Pictures are files of ours, and say what they show to those who cannot see them.
fn pictures(field: &str, markdown: &str) -> Result<(), Invalid> {
    let files = file_references(markdown);
    let mut shown = files.iter().filter(|one| one.is_picture);
    if shown.clone().count() != markdown.matches("![").count() || markdown.contains("[![") {
        return Err(Invalid::new(field, "may only have pictures that were uploaded here, as ![what it shows](id)"));
    }
    if shown.any(|one| one.words.trim().is_empty()) {
        return Err(Invalid::new(field, "must say what each picture shows, between [ and ]"));
    }
    if files.len() > MAX_FILES {
        return Err(Invalid::new(field, format!("must have at most {MAX_FILES} pictures and documents")));
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::org::{Body, Item, Record, Unit};

    pub(crate) fn content(question: &str, answer: &str) -> Content {
        Content {
            question: question.to_owned(),
            similar: Vec::new(),
            answer: answer.to_owned(),
            spoken: String::new(),
            items: Vec::new(),
            situations: Vec::new(),
            districts: Vec::new(),
            audience: Audience::Both,
            source: "上海市公安局".to_owned(),
            clause: String::new(),
            valid_from: None,
            valid_to: None,
            supersedes: None,
            base: None,
            files: Vec::new(),
        }
    }

    fn field(content: &Content) -> Option<String> {
        content.check().err().map(|invalid| invalid.field)
    }

    #[test]
    fn what_cannot_be_taken_names_its_field() {
        let good = || content("居住证怎么办", "请到社区事务受理服务中心办理。");
        assert_eq!(field(&good()), None);
        type Spoil = fn(&mut Content);
        let wrong: [(&str, Spoil); 9] = [
            ("question", |one| one.question = "？".to_owned()),
            ("similar[1]", |one| one.similar = vec!["居住证咋办".to_owned(), String::new()]),
            ("answer", |one| one.answer = "好".repeat(MAX_ANSWER + 1)),
            ("spoken", |one| one.spoken = "好".repeat(MAX_SPOKEN + 1)),
            ("items[0]", |one| one.items = vec!["居住证".to_owned()]),
            ("source", |one| one.source = String::new()),
            ("validTo", |one| (one.valid_from, one.valid_to) = (Some(Timestamp(5)), Some(Timestamp(5)))),
            ("supersedes", |one| one.supersedes = Some("KB".to_owned())),
            ("districts", |one| one.base = Some("kb-1".to_owned())),
        ];
        for (expected, spoil) in wrong {
            let mut one = good();
            spoil(&mut one);
            assert_eq!(field(&one).as_deref(), Some(expected));
        }
    }

    #[test]
    fn an_answer_leads_to_authorities_only() {
        for good in [
            "见 https://www.shanghai.gov.cn/a_b?x=1。",
            "[办事指南](https://zwdt.sh.gov.cn/govPortals) 与 [另一处](<https://gaj.sh.gov.cn/>)",
            "没有链接，比例 1:2，[注]（见上）",
            "![正面](fl_0000000000000000000000000000000a)，[表 1](fl_0000000000000000000000000000000b)",
        ] {
            assert_eq!(links("answer", good), Ok(()), "{good}");
        }
        for bad in [
            "http://www.sh.gov.cn/",
            "https://evil.example/",
            "https://www.sh.gov.cn.evil.example/",
            "https://www.sh.gov.cn@evil.example/",
            "https://www.sh.gov.cn:8443/",
            "https://www.sh.gov.cn\\@evil.example",
            "https://.gov.cn/",
            "[点我](javascript:alert(1))",
            "[点我]( data:text/html,x)",
            "[点我](//evil.example)",
            "[点我][1]\n\n[1]: //evil.example",
            "![图](https://www.sh.gov.cn/x.png)",
            "![图][1]",
            "![](fl_0000000000000000000000000000000a)",
            "![ ](fl_0000000000000000000000000000000a)",
            "![图](fl_0000000000000000000000000000000a \"题\")",
            "![图](fl_000000000000000000000000000000zz)",
            "![图](/files/answers/fl_0000000000000000000000000000000a/original)",
            "[表](fl_1)",
            "[![图](fl_0000000000000000000000000000000a)](https://www.sh.gov.cn/)",
        ] {
            assert!(links("answer", bad).is_err(), "{bad}");
        }
        let picture = "![图](fl_0000000000000000000000000000000a) ";
        assert_eq!(links("answer", &picture.repeat(MAX_FILES)), Ok(()));
        assert!(links("answer", &picture.repeat(MAX_FILES + 1)).is_err());
    }

    fn directory() -> Directory {
        let unit = |kind, parent: Option<&str>| {
            Body::Unit(Unit {
                name: "单位".to_owned(),
                kind,
                parent: parent.map(str::to_owned),
                ..serde_json::from_str(r#"{"name":"单位","kind":"office"}"#).unwrap()
            })
        };
        let item: Item = serde_json::from_str(
            r#"{"name":"居住证办理","department":"police","audience":"person","team":"general",
                "situations":[{"code":"renting","name":"租房"}]}"#,
        )
        .unwrap();
        let bodies = [
            ("sh", unit(UnitKind::City, None)),
            ("police", unit(UnitKind::Department, Some("sh"))),
            ("xuhui", unit(UnitKind::District, Some("sh"))),
            ("xuhui-police", unit(UnitKind::Department, Some("xuhui"))),
            ("delegated", Body::Item(Item { delegated: true, ..item.clone() })),
            ("residence-permit", Body::Item(item)),
        ];
        let record = |((id, body), no): ((&str, Body), u64)| {
            let changed_at = Timestamp(0);
            Record { id: id.to_owned(), no, version: 1, changed_at, body }
        };
        Directory::new(bodies.into_iter().zip(0..).map(record))
    }

    #[test]
    fn the_items_department_owns_the_answer_and_the_district_its_detail() {
        let directory = directory();
        let mut city = content("居住证怎么办", "在线申请。");
        city.items = vec!["residence-permit".to_owned()];
        let owner = |content: &Content, unit| content.check_owner(unit, &directory).err().map(|error| error.field);
        assert_eq!(owner(&city, "police"), None);
        assert_eq!(owner(&city, "sh"), None, "the city stands above its department");
        assert_eq!(owner(&city, "xuhui-police").as_deref(), Some("items[0]"), "the city's item");
        assert_eq!(owner(&city, "nowhere").as_deref(), Some("unit"));
        let detail = Content { base: Some("kb-1".to_owned()), districts: vec!["xuhui".to_owned()], ..city.clone() };
        assert_eq!(owner(&detail, "xuhui-police"), None);
        assert_eq!(owner(&detail, "police").as_deref(), Some("unit"));
        let delegated = |content: &Content| Content { items: vec!["delegated".to_owned()], ..content.clone() };
        assert_eq!(owner(&delegated(&city), "police"), None);
        assert_eq!(owner(&delegated(&detail), "xuhui-police").as_deref(), Some("items[0]"), "its detail stays too");
        let unknown = Content { situations: vec!["buying".to_owned()], ..city.clone() };
        assert_eq!(owner(&unknown, "police").as_deref(), Some("situations[0]"));
        let department = Content { districts: vec!["police".to_owned()], ..city };
        assert_eq!(owner(&department, "police").as_deref(), Some("districts[0]"));
    }
}
