//! What a revision changes against another one: the fields that differ, in the order of the form, and what became of each.

use serde::{Deserialize, Serialize};

use super::Content;
use crate::words::words;

words! {
    /// A field of a revision.
    EntryField {
        /// The question.
        Question = "question",
        /// Other ways of asking it.
        Similar = "similar",
        /// The official answer.
        Answer = "answer",
        /// Names of its pictures and documents.
        Files = "files",
        /// What a voice says.
        Spoken = "spoken",
        /// Codes of items.
        Items = "items",
        /// Codes of situations.
        Situations = "situations",
        /// Codes of districts.
        Districts = "districts",
        /// For whom.
        Audience = "audience",
        /// What it rests on.
        Source = "source",
        /// Where in the document.
        Clause = "clause",
        /// Begin, in milliseconds.
        ValidFrom = "validFrom",
        /// End, in milliseconds.
        ValidTo = "validTo",
        /// The entry that it replaces.
        Supersedes = "supersedes",
        /// The entry that it adds to.
        Base = "base",
    }
}

words! {
    /// On which side a piece stands.
    PieceKind {
        /// On both.
        Same = "same",
        /// Before only.
        Gone = "gone",
        /// After only.
        New = "new",
    }
}

/// A piece of a field: of texts some letters, of lists one element.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export_to = "protocol.ts"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Piece {
    /// On which side.
    pub kind: PieceKind,
    /// What.
    pub text: String,
}

/// What became of a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export_to = "protocol.ts"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FieldChange {
    /// Which.
    pub field: EntryField,
    /// In their order; those that are not new are what it said before.
    pub pieces: Vec<Piece>,
}

/// Longer texts are compared line by line: the work grows with the product of both lengths.
const MOST_LETTERS: usize = 1_500;

/// A field as what is compared: its parts.
fn parts(content: &Content, field: EntryField) -> Vec<String> {
    let one = |text: &str| if text.is_empty() { Vec::new() } else { vec![text.to_owned()] };
    match field {
        EntryField::Question => one(&content.question),
        EntryField::Similar => content.similar.clone(),
        EntryField::Answer => one(&content.answer),
        EntryField::Files => content.files.iter().map(|file| file.name.clone()).collect(),
        EntryField::Spoken => one(&content.spoken),
        EntryField::Items => content.items.clone(),
        EntryField::Situations => content.situations.clone(),
        EntryField::Districts => content.districts.clone(),
        EntryField::Audience => one(content.audience.as_str()),
        EntryField::Source => one(&content.source),
        EntryField::Clause => one(&content.clause),
        EntryField::ValidFrom => content.valid_from.map(|at| at.0.to_string()).into_iter().collect(),
        EntryField::ValidTo => content.valid_to.map(|at| at.0.to_string()).into_iter().collect(),
        EntryField::Supersedes => content.supersedes.iter().cloned().collect(),
        EntryField::Base => content.base.iter().cloned().collect(),
    }
}

/// Texts that people write are compared inside.
const fn is_text(field: EntryField) -> bool {
    matches!(
        field,
        EntryField::Question | EntryField::Answer | EntryField::Spoken | EntryField::Source | EntryField::Clause
    )
}

/// The fields in which two revisions differ; without an older one everything that the newer one says.
#[must_use]
pub fn changes(before: Option<&Content>, after: &Content) -> Vec<FieldChange> {
    let change = |field: &EntryField| {
        let (old, new) = (before.map(|before| parts(before, *field)).unwrap_or_default(), parts(after, *field));
        if old == new {
            return None;
        }
        let pieces = match (&old[..], &new[..]) {
            ([old], [new]) if is_text(*field) => joined(compared(&letters(old, new), &letters(new, old))),
            _ => compared(
                &old.iter().map(String::as_str).collect::<Vec<_>>(),
                &new.iter().map(String::as_str).collect::<Vec<_>>(),
            ),
        };
        Some(FieldChange { field: *field, pieces })
    };
    EntryField::ALL.iter().filter_map(change).collect()
}

/// A text letter by letter; if it or the other one is long, line by line.
fn letters<'a>(text: &'a str, other: &str) -> Vec<&'a str> {
    if text.len() > 3 * MOST_LETTERS || other.len() > 3 * MOST_LETTERS {
        return text.split_inclusive('\n').collect();
    }
    text.char_indices().map(|(at, letter)| &text[at..at + letter.len_utf8()]).collect()
}

/// The longest common subsequence stays; what is gone stands before what is new.
fn compared(before: &[&str], after: &[&str]) -> Vec<Piece> {
    let width = after.len() + 1;
    let mut common = vec![0_u16; (before.len() + 1) * width];
    for i in (0..before.len()).rev() {
        for j in (0..after.len()).rev() {
            common[i * width + j] = if before[i] == after[j] {
                common[(i + 1) * width + j + 1] + 1
            } else {
                common[(i + 1) * width + j].max(common[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut pieces = Vec::new();
    let mut put = |kind, text: &str| pieces.push(Piece { kind, text: text.to_owned() });
    while i < before.len() || j < after.len() {
        if i < before.len() && j < after.len() && before[i] == after[j] {
            put(PieceKind::Same, before[i]);
            (i, j) = (i + 1, j + 1);
        } else if i < before.len() && (j == after.len() || common[(i + 1) * width + j] >= common[i * width + j + 1]) {
            put(PieceKind::Gone, before[i]);
            i += 1;
        } else {
            put(PieceKind::New, after[j]);
            j += 1;
        }
    }
    pieces
}

/// Neighbours of one kind as one piece.
fn joined(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut all: Vec<Piece> = Vec::new();
    for piece in pieces {
        match all.last_mut() {
            Some(last) if last.kind == piece.kind => last.text.push_str(&piece.text),
            _ => all.push(piece),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Timestamp, knowledge::content::tests::content};

    fn piece(kind: PieceKind, text: &str) -> Piece {
        Piece { kind, text: text.to_owned() }
    }

    #[test]
    fn what_changed_is_told_letter_by_letter_and_lists_by_their_elements() {
        let before = Content { items: vec!["id-card".to_owned()], ..content("补办收费吗", "补办收费20元") };
        let mut after =
            Content { answer: "补办收费30元".to_owned(), valid_to: Some(Timestamp(5)), ..before.clone() };
        after.items.push("passport".to_owned());
        let change = |field, pieces| FieldChange { field, pieces };
        use PieceKind::{Gone, New, Same};
        let expected = [
            change(
                EntryField::Answer,
                vec![piece(Same, "补办收费"), piece(Gone, "2"), piece(New, "3"), piece(Same, "0元")],
            ),
            change(EntryField::Items, vec![piece(Same, "id-card"), piece(New, "passport")]),
            change(EntryField::ValidTo, vec![piece(New, "5")]),
        ];
        assert_eq!(changes(Some(&before), &after), expected);
        assert_eq!(changes(Some(&after), &after), []);
    }

    #[test]
    fn without_an_older_one_everything_is_new_and_nothing_empty_is_named() {
        let said = changes(None, &content("居住证怎么办", "到窗口办理。"));
        let fields: Vec<EntryField> = said.iter().map(|one| one.field).collect();
        assert_eq!(fields, [EntryField::Question, EntryField::Answer, EntryField::Audience, EntryField::Source]);
        assert!(said.iter().flat_map(|one| &one.pieces).all(|piece| piece.kind == PieceKind::New));
    }

    proptest! {
        #[test]
        fn both_texts_can_be_read_from_the_pieces(a in "[甲乙\n😀]{0,40}", b in "[甲乙\n😀]{0,40}", is_long: bool) {
            let pad = if is_long { "长\n".repeat(2_000) } else { "头".to_owned() };
            let (a, b) = (format!("{pad}{a}"), format!("{pad}{b}"));
            let pieces = joined(compared(&letters(&a, &b), &letters(&b, &a)));
            let side = |not: PieceKind| {
                pieces.iter().filter(|one| one.kind != not).map(|one| one.text.as_str()).collect::<String>()
            };
            prop_assert_eq!(side(PieceKind::New), a);
            prop_assert_eq!(side(PieceKind::Gone), b);
        }
    }
}
