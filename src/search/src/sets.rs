//! Knowledge bases and questions as `bangban bot eval` reads them: our import form, an entry each, or rows, a question each.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

use crate::{Case, Entry};

/// Which line of a file cannot be read, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// From 1; 0: the file as a whole.
    pub line: usize,
    /// Names the field.
    pub reason: String,
}

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            0 => write!(f, "{}", self.reason),
            line => write!(f, "line {line}: {}", self.reason),
        }
    }
}

impl std::error::Error for Unreadable {}

/// The values of a file: a value a line, or one list. Beside each its line, or its place in the list.
fn values(text: &str) -> Result<Vec<(usize, Value)>, Unreadable> {
    let text = text.trim_start_matches('\u{feff}');
    if text.trim_start().starts_with('[') {
        let read = serde_json::from_str::<Vec<Value>>(text);
        let list = read.map_err(|error| Unreadable { line: error.line(), reason: error.to_string() })?;
        return Ok((1..).zip(list).collect());
    }
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    let value = |(line, text): (usize, &str)| match serde_json::from_str(text) {
        Ok(value) => Ok((line, value)),
        Err(error) => Err(Unreadable { line, reason: format!("no JSON: {error}") }),
    };
    lines.map(value).collect()
}

/// An id that may be a number.
fn id(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn text(line: usize, value: &Value, field: &str) -> Result<String, Unreadable> {
    match value.get(field).and_then(Value::as_str).map(str::trim) {
        Some(text) if !text.is_empty() => Ok(text.to_owned()),
        _ => Err(Unreadable { line, reason: format!("`{field}` must be a text") }),
    }
}

/// What our import form has beside id and question.
#[derive(Deserialize)]
struct Rest {
    #[serde(default)]
    similar: Vec<String>,
    #[serde(default)]
    answer: Option<String>,
    #[serde(default)]
    item: Option<String>,
    #[serde(default)]
    department: Option<String>,
    #[serde(default)]
    audience: Option<String>,
    #[serde(default)]
    source: Option<String>,
}

/// The entries of a knowledge base. Rows (`e`, `q`) of one entry are its question and, after the first, its similar questions.
///
/// # Errors
/// Names line and field.
pub fn entries(file: &str) -> Result<Vec<Entry>, Unreadable> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut by_id: HashMap<String, usize> = HashMap::new();
    for (line, value) in values(file)? {
        let is_row = value.get("e").is_some();
        let key = if is_row { "e" } else { "id" };
        let id =
            value.get(key).and_then(id).ok_or_else(|| Unreadable { line, reason: format!("`{key}` must be an id") })?;
        let question = text(line, &value, if is_row { "q" } else { "question" })?;
        match (by_id.get(&id), is_row) {
            (Some(at), true) => entries[*at].similar.push(question),
            (Some(_), false) => return Err(Unreadable { line, reason: format!("`id` {id} stands in the file twice") }),
            (None, _) => {
                let rest: Rest =
                    if is_row { Value::Object(serde_json::Map::new()) } else { value }.deserialize_at(line)?;
                by_id.insert(id.clone(), entries.len());
                entries.push(Entry {
                    id,
                    question,
                    similar: rest.similar,
                    answer: rest.answer.unwrap_or_default(),
                    item: rest.item.unwrap_or_default(),
                    department: rest.department.unwrap_or_default(),
                    audience: rest.audience.unwrap_or_else(|| "both".to_owned()),
                    source: rest.source.unwrap_or_default(),
                    ..Entry::default()
                });
            }
        }
    }
    if entries.is_empty() {
        return Err(Unreadable { line: 0, reason: "no entry in the file".to_owned() });
    }
    Ok(entries)
}

trait Deserialized {
    fn deserialize_at<T: for<'a> Deserialize<'a>>(self, line: usize) -> Result<T, Unreadable>;
}

impl Deserialized for Value {
    fn deserialize_at<T: for<'a> Deserialize<'a>>(self, line: usize) -> Result<T, Unreadable> {
        serde_json::from_value(self).map_err(|error| Unreadable { line, reason: error.to_string() })
    }
}

/// Questions with the right entry (`e`, or `entry`), or none: `q` or `question`, or a line that is a text and nothing else.
///
/// # Errors
/// Names line and field; a right entry that the knowledge base lacks is one too.
pub fn cases(file: &str, entries: &[Entry]) -> Result<Vec<Case>, Unreadable> {
    let known: std::collections::HashSet<&str> = entries.iter().map(|entry| entry.id.as_str()).collect();
    let mut cases = Vec::new();
    for (line, value) in values(file)? {
        if let Value::String(question) = value {
            cases.push(Case { question, entry: None });
            continue;
        }
        let question = text(line, &value, if value.get("q").is_some() { "q" } else { "question" })?;
        let key = if value.get("e").is_some() { "e" } else { "entry" };
        let entry = match value.get(key) {
            None | Some(Value::Null) => None,
            Some(value) => {
                Some(id(value).ok_or_else(|| Unreadable { line, reason: format!("`{key}` must be an id or null") })?)
            }
        };
        if let Some(entry) = entry.as_ref().filter(|entry| !known.contains(entry.as_str())) {
            return Err(Unreadable { line, reason: format!("`{key}`: the knowledge base has no entry {entry}") });
        }
        cases.push(Case { question, entry });
    }
    if cases.is_empty() {
        return Err(Unreadable { line: 0, reason: "no question in the file".to_owned() });
    }
    Ok(cases)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read() {
        let rows =
            entries("{\"e\":7,\"q\":\"居住证怎么办\"}\n\n{\"e\":7,\"q\":\"办居住证\"}\n{\"e\":8,\"q\":\"护照\"}")
                .unwrap();
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[0].id.as_str(), rows[0].similar.as_slice()), ("7", ["办居住证".to_owned()].as_slice()));
        let import = r#"[{"id":"a","question":"护照","similar":["办护照"],"answer":"去","item":"p","department":"d","audience":"person"}]"#;
        let own = entries(import).unwrap();
        assert_eq!((own[0].audience.as_str(), own[0].similar.len()), ("person", 1));
        let cases = cases("{\"q\":\"护照咋办\",\"e\":8,\"kind\":\"in\"}\n{\"q\":\"天气\",\"e\":null}\n\"你好\"", &rows)
            .unwrap();
        assert_eq!(cases[0].entry.as_deref(), Some("8"));
        assert!(cases[1].entry.is_none() && cases[2].question == "你好");
    }

    #[test]
    fn what_is_wrong_is_named_by_line_and_field() {
        let said = |file: &str| entries(file).unwrap_err().to_string();
        assert_eq!(said("{\"e\":1,\"q\":\"a\"}\n{\"e\":1}"), "line 2: `q` must be a text");
        assert_eq!(said("{\"question\":\"a\"}"), "line 1: `id` must be an id");
        assert!(said("{\"id\":\"a\",\"question\":\"a\",\"similar\":\"b\"}").starts_with("line 1: "));
        assert_eq!(
            said("{\"id\":\"a\",\"question\":\"a\"}\n{\"id\":\"a\",\"question\":\"b\"}"),
            "line 2: `id` a stands in the file twice"
        );
        assert!(said("{").starts_with("line 1: no JSON"));
        assert_eq!(said("\n"), "no entry in the file");
        let known = entries("{\"e\":1,\"q\":\"a\"}").unwrap();
        let said = |file: &str| cases(file, &known).unwrap_err().to_string();
        assert_eq!(said("{\"q\":\"a\",\"e\":2}"), "line 1: `e`: the knowledge base has no entry 2");
        assert_eq!(said("{\"q\":\"a\",\"e\":[]}"), "line 1: `e` must be an id or null");
    }
}
