//! Pictures and documents of answers: who may upload, refer to and see them. docs/knowledge.md has the rules.

use axum::body::Bytes;
use bangban_domain::{
    FileId,
    knowledge::{AnswerFile, Content, FileUse, file_references},
    rights::Action,
    words::{FileKind, FileState},
};
use bangban_protocol::WireError;
use bangban_store::{Audit, Author, Change, KnowledgeFile};
use futures_util::Stream;

use super::{App, Keeper, store_error};
use crate::{auth::Staff, privacy::json};

/// What is said of a file that an editor brings.
pub(crate) struct NewAnswerFile {
    pub(crate) kind: FileKind,
    pub(crate) name: String,
    pub(crate) size: u64,
}

impl App {
    /// Takes in a file, for whoever may write entries somewhere.
    pub(crate) async fn add_answer_file<E: Send + 'static>(
        &self,
        who: &Keeper<'_>,
        new: NewAnswerFile,
        bytes: impl Stream<Item = Result<Bytes, E>> + Send + Unpin + 'static,
    ) -> Result<AnswerFile, WireError> {
        self.require_somewhere(who.staff, Action::EditKnowledge)?;
        let NewAnswerFile { kind, name, size } = new;
        if kind == FileKind::Voice {
            return Err(WireError::field("kind", "must be image or file"));
        }
        self.words.check("name", &name)?;
        let (at, actor, address) = (self.clock.now(), Author::Agent(who.staff.id), Some(who.address.to_owned()));
        let told = move |file: &KnowledgeFile| {
            let detail = serde_json::json!({ "kind": file.kind, "size": file.size });
            Change::Audit(Audit {
                at,
                actor,
                action: "knowledge.file",
                kind: "answer_file".to_owned(),
                subject: file.id.to_string(),
                unit: None,
                reason: None,
                address,
                detail: json(&detail),
            })
        };
        Ok(self.files.add_answer_file(who.staff.id, (kind, name, size), bytes, told).await?.answer_file())
    }

    /// A file that may be seen, and whether by everybody; `None`: none. For nobody known only what is public; staff see what
    /// they uploaded, and what is in an entry whose drafts they see.
    pub(crate) async fn seen_answer_file(
        &self,
        staff: Option<&Staff>,
        id: FileId,
    ) -> Result<Option<(KnowledgeFile, bool)>, WireError> {
        let file = self.store.knowledge_file(id).await.map_err(store_error)?;
        let Some(file) = file.filter(|file| file.state == FileState::Ready) else { return Ok(None) };
        let uses = self.store.knowledge_file_uses(id).await.map_err(store_error)?;
        let now = self.clock.now();
        let is_public = uses.iter().any(|one| one.is_public(now));
        let is_seen = is_public || staff.is_some_and(|staff| self.sees_file(staff, &file, &uses));
        Ok(is_seen.then_some((file, is_public)))
    }

    fn sees_file(&self, staff: &Staff, file: &KnowledgeFile, uses: &[FileUse]) -> bool {
        let keeps = [Action::EditKnowledge, Action::ReviewKnowledge];
        let is_own =
            file.owner == staff.id && keeps.iter().any(|action| self.require_somewhere(staff, *action).is_ok());
        is_own || uses.iter().any(|one| self.sees_entries_of(staff, &one.unit))
    }

    /// Looks the files up that an answer names and puts them beside it. `Err` says what is wrong with the answer; a file that
    /// its writer may not see is none: otherwise one could publish what is another unit's draft.
    pub(super) async fn fill_files(
        &self,
        staff: &Staff,
        content: &mut Content,
    ) -> Result<Result<(), String>, WireError> {
        let mut files: Vec<AnswerFile> = Vec::new();
        for named in file_references(&content.answer) {
            let known = files.iter().find(|file| file.file == named.file).map(|file| file.kind);
            let kind = match known {
                Some(kind) => kind,
                None => {
                    let Some((file, _)) = self.seen_answer_file(Some(staff), named.file).await? else {
                        return Ok(Err(format!("names a file that is not here: {}", named.file)));
                    };
                    let kind = file.kind;
                    files.push(file.answer_file());
                    kind
                }
            };
            if named.is_picture && kind != FileKind::Image {
                return Ok(Err(format!("shows as a picture what is none: {}", named.file)));
            }
        }
        content.files = files;
        Ok(Ok(()))
    }
}
