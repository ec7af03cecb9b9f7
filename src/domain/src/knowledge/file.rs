//! Pictures and documents of an answer. Its Markdown names them by their ids, `![what it shows](fl_…)` and `[form](fl_…)`: an
//! address would be of one installation only, and might lead elsewhere.

use serde::{Deserialize, Serialize};

use crate::{
    FileId, Timestamp,
    knowledge::RevisionState,
    time::{DAY, Millis},
    words::FileKind,
};

/// Most files of one answer.
pub const MAX_FILES: usize = 20;

/// A file that no revision has, or has any more, is kept for so long: a picture that was taken out of a draft can come back by
/// "undo", and an upload waits for its draft to be saved.
pub const UNUSED_FILE_KEPT: Millis = 7 * DAY;

/// A file of an answer, as whoever shows the answer has to know it beforehand. The server writes it beside the answer at every
/// save, from what was found in the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export_to = "protocol.ts"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AnswerFile {
    /// Which: `/files/answers/{file}/original`, of a picture `thumb` too.
    pub file: FileId,
    /// A picture or a document.
    pub kind: FileKind,
    /// Its name; the ending is true.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Pixels of a picture, as it is seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub width: Option<u32>,
    /// Pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub height: Option<u32>,
}

/// Where an answer names a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileReference<'a> {
    /// Which.
    pub file: FileId,
    /// To be seen in its place, not to be saved.
    pub is_picture: bool,
    /// What a picture shows, or how a document is called.
    pub words: &'a str,
}

/// Every place in which a text in Markdown names a file, in their order.
#[must_use]
pub fn file_references(markdown: &str) -> Vec<FileReference<'_>> {
    let ends = markdown.match_indices("](");
    ends.filter_map(|(end, _)| {
        let (id, _) = markdown[end + 2..].split_once(')')?;
        let begin = markdown[..end].rfind('[')?;
        let is_picture = markdown[..begin].ends_with('!');
        Some(FileReference { file: id.parse().ok()?, is_picture, words: &markdown[begin + 1..end] })
    })
    .collect()
}

/// A revision that has a file, and its entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileUse {
    /// Which entry.
    pub entry: String,
    /// Who owns it.
    pub unit: String,
    /// From then on nothing of the entry holds.
    pub retired_at: Option<Timestamp>,
    /// What has become of the revision.
    pub state: RevisionState,
    /// When it was published or sent back.
    pub decided_at: Option<Timestamp>,
    /// When it begins to hold, if not when it is published.
    pub valid_from: Option<Timestamp>,
}

impl FileUse {
    /// May everybody see the file for this reason? Once the revision has begun to hold, also when a later one has taken its
    /// place, because conversations keep what was said; not if the entry was retired.
    #[must_use]
    pub fn is_public(&self, now: Timestamp) -> bool {
        let has_begun = self.decided_at.is_some_and(|at| at.max(self.valid_from.unwrap_or(at)) <= now);
        self.state == RevisionState::Published && has_begun && self.retired_at.is_none_or(|at| at > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_where_they_are_named() {
        let (a, b) = (FileId::new(1), FileId::new(2));
        let text =
            format!("见 ![样张]({a})：\n\n- [申请表 (2026)]({b})\n- [指南](https://zwdt.sh.gov.cn/) [x](fl_1) {a}");
        let found: Vec<_> = file_references(&text).iter().map(|one| (one.file, one.is_picture, one.words)).collect();
        assert_eq!(found, [(a, true, "样张"), (b, false, "申请表 (2026)")]);
        assert_eq!(file_references("没有"), []);
    }

    #[test]
    fn a_file_is_public_from_the_begin_of_its_revision_until_the_entry_is_retired() {
        let one = FileUse {
            entry: "kb-1".to_owned(),
            unit: "police".to_owned(),
            retired_at: None,
            state: RevisionState::Published,
            decided_at: Some(Timestamp(10)),
            valid_from: None,
        };
        assert!(!one.is_public(Timestamp(9)) && one.is_public(Timestamp(10)));
        let scheduled = FileUse { valid_from: Some(Timestamp(20)), ..one.clone() };
        assert!(!scheduled.is_public(Timestamp(19)) && scheduled.is_public(Timestamp(20)));
        let retired = FileUse { retired_at: Some(Timestamp(30)), ..one.clone() };
        assert!(retired.is_public(Timestamp(29)) && !retired.is_public(Timestamp(30)));
        for state in [RevisionState::Draft, RevisionState::InReview, RevisionState::Discarded] {
            assert!(!FileUse { state, ..one.clone() }.is_public(Timestamp(99)), "{state:?}");
        }
    }
}
