//! Files in conversations: who may upload, send and open them.

use std::sync::Arc;

use bangban_domain::{
    ConversationId, FileId, Timestamp,
    conversation::{self, MAX_CLIENT_ID, may_continue},
    words::FileKind,
};
use bangban_protocol::{Answer, ErrorCode, HandOverReason, ThreadBody, WireError};
use bangban_store::{Author, Change, FileChange, FileOwner, FileRow, Lane, Unit};

use super::{
    App, actor, forbidden, invalid,
    messages::{Writer, bot_entry},
};
use crate::{
    auth::Principal,
    desk::{Order, entry},
    files::Announced,
};

/// One `open_files` asks for so many.
const MAX_OPEN: usize = 50;

/// Whose uploads these are.
#[must_use]
pub const fn owner(who: &Principal) -> FileOwner {
    match who {
        Principal::Citizen(citizen) => FileOwner::Citizen(citizen.id),
        Principal::Staff(staff) => FileOwner::Staff(staff.id),
    }
}

impl App {
    /// Begins an upload, for one who may write in the conversation: its citizen, also while it is closed and may be
    /// continued (sending opens it again), or the agent who serves it.
    ///
    /// # Errors
    /// `not_found`, `forbidden`, or what is wrong with the file.
    pub async fn begin_upload(&self, who: &Principal, announced: Announced) -> Result<FileRow, WireError> {
        let id = announced.conversation;
        let is_visitor = matches!(who, Principal::Citizen(citizen) if citizen.anonymous);
        if is_visitor && announced.kind != FileKind::Image {
            let error = WireError::new(ErrorCode::Forbidden, "who is not logged in sends pictures only");
            return Err(WireError { field: Some("kind".to_owned()), ..error });
        }
        let is_live = self.shared.live.contains_key(&id);
        match who {
            Principal::Citizen(_) if !is_live => {
                let (row, _) = self.readable(who, id).await?;
                let now = self.clock.now();
                if row.closed_at.is_some_and(|at| !may_continue(at, now)) {
                    return Err(forbidden());
                }
            }
            Principal::Citizen(_) => drop(self.writer(who, id)?),
            Principal::Staff(_) => {
                drop(self.writer(who, id)?);
                self.words.check("name", &announced.name)?;
            }
        }
        self.files.begin(owner(who), is_visitor, announced).await
    }

    /// Sends a message that carries a file. It is looked up before the writer gets the message, so this runs alone.
    pub(super) async fn send_file(
        self: &Arc<Self>,
        who: &Arc<Principal>,
        at: Timestamp,
        id: ConversationId,
        client_id: &str,
        file: FileId,
    ) -> Result<Answer, WireError> {
        let client_id = conversation::text("clientId", client_id, MAX_CLIENT_ID).map_err(invalid)?;
        // First, so that a file that is none opens nothing again.
        let row = self.files.to_send(owner(who), id, file, client_id).await?;
        if matches!(**who, Principal::Citizen(_)) && !self.shared.live.contains_key(&id) {
            self.desk.give(actor(who), at, Order::Reopen(id)).await?;
        }
        let Writer { author, party, asked } = self.writer(who, id)?;
        let mut message = entry(id, Lane::Public, at, author, &party, &body(&row));
        message.client_id = Some(client_id.to_owned());
        message.answers = matches!(author, Author::Agent(_));
        message.owes = if author == Author::Citizen { self.owes(id, at) } else { None };
        let attach = FileChange::Attach { file: row.id, client_id: client_id.to_owned() };
        let mut unit = Unit { changes: vec![Change::File(attach)], entries: vec![message], ..Unit::default() };
        if asked.is_some() {
            // 小申 says at once that it cannot see it, instead of nothing.
            let said = ThreadBody::BotHandOver {
                reason: HandOverReason::CannotSee,
                opens_at: None,
                decided: None,
                proposed: None,
            };
            unit.entries.push(bot_entry(id, at, &said));
        }
        Ok(self.append(at, unit)?.await?.0)
    }

    /// Addresses of files, for one who may read the conversation.
    pub(super) async fn open_files(
        &self,
        who: &Principal,
        id: ConversationId,
        files: &[FileId],
    ) -> Result<Answer, WireError> {
        if files.len() > MAX_OPEN {
            return Err(WireError::field("files", format!("at most {MAX_OPEN} at once")));
        }
        let (row, view) = self.readable(who, id).await?;
        if let Principal::Staff(staff) = who {
            let detail = serde_json::json!({ "files": files });
            self.tell_look(staff, &row, &view, "file.open", detail).await?;
        }
        Ok(Answer::Files { files: self.files.links(owner(who), id, files).await? })
    }

    /// May the one whom an address was made for fetch the file now? The address says that they might when it was made; a
    /// conversation that was handed on, or an account that was closed, ends that at once.
    ///
    /// # Errors
    /// `not_found`, `forbidden`.
    pub async fn check_viewer(&self, viewer: FileOwner, row: &FileRow) -> Result<(), WireError> {
        self.check_reading(viewer, row.conversation).await
    }
}

/// What the thread says of it.
fn body(row: &FileRow) -> ThreadBody {
    let FileRow { id: file, kind, size, sides, duration_ms, .. } = *row;
    let name = row.name.clone();
    match kind {
        FileKind::Image => {
            let (width, height) = sides.unwrap_or_default();
            ThreadBody::Image { file, name, size, width, height }
        }
        FileKind::File => ThreadBody::File { file, name, size },
        FileKind::Voice => ThreadBody::Voice { file, size, duration_ms: duration_ms.unwrap_or_default() },
    }
}
