//! Files on their way into a conversation. docs/files.md tells the way from outside.
//!
//! ```text
//!   begin ──► append* ──► finish ──► (send_file) attached
//!     │          │          │ refused, infected        ▲
//!     └──────────┴──cancel──┴──► gone ──► deleted      │ the message's own unit
//!                                  ▲                   │
//!                                  └─ not sent in time ┘ never both: the writer decides
//! ```
//!
//! Who may is decided by `App`, which knows conversations; here an upload belongs to its owner. Logs and metrics get ids,
//! kinds and sizes, never names.

mod answers;
mod kinds;
mod links;
mod objects;
mod picture;
mod scan;
mod sweep;
mod uploads;

use std::{path::Path, sync::Arc, time::Duration};

use axum::body::Bytes;
use bangban_domain::{
    ConversationId, FileId, Timestamp, file,
    time::{HOUR, MINUTE, Millis},
    words::{FileKind, FileState},
};
use bangban_protocol::{ErrorCode, FileLimits, FileLink, FileView, WireError};
use bangban_store::{Change, FileChange, FileOwner, FileRow, Store, Unit, Uploaded};
use futures_util::Stream;
use metrics::{counter, histogram};
use object_store::GetRange;
use tokio::{sync::Semaphore, time::Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{auth::secret, clock::Clock, config::Config};
pub use kinds::known_endings;
use links::Links;
pub use links::{BadLink, Variant};
pub use objects::Part;
use objects::{Folder, Objects};
pub use scan::Scanner;
use uploads::{Ended, Uploads};

/// Uploads of one person are begun one after the other, so that none slips past the quota; these many people at once.
const STRIPES: usize = 64;

/// The quota's span.
const QUOTA_SPAN: Millis = HOUR;

/// What one kind of person may upload within an hour.
#[derive(Debug, Clone, Copy)]
struct Quota {
    files: u64,
    bytes: u64,
}

/// What a client says before the first byte.
#[derive(Debug, Clone)]
pub struct Announced {
    /// Where it is to be sent.
    pub conversation: ConversationId,
    /// What it is to people.
    pub kind: FileKind,
    /// Name.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Length of a voice message.
    pub duration_ms: Option<u32>,
}

/// What was made of an upload.
struct Stored {
    name: String,
    mime: &'static str,
    /// Of a picture, which loses what the camera wrote beside it.
    size: Option<u64>,
    sides: Option<(u32, u32)>,
}

/// See the module.
pub struct Files {
    store: Store,
    clock: Clock,
    objects: Objects,
    uploads: Uploads,
    scanner: Scanner,
    links: Links,
    limits: FileLimits,
    most_pixels: u64,
    keep: Millis,
    citizens: Quota,
    visitors: Quota,
    staff: Quota,
    /// A picture takes a processor and much memory: as many at once as there are processors.
    decoding: Semaphore,
    beginning: [tokio::sync::Mutex<()>; STRIPES],
    /// Work that goes on although its client has gone.
    working: TaskTracker,
    stopping: CancellationToken,
}

const fn mebibytes(count: u32) -> u64 {
    (count as u64) << 20
}

fn not_found() -> WireError {
    WireError::new(ErrorCode::NotFound, "no such upload")
}

fn too_large(field: &str, detail: String) -> WireError {
    WireError { field: Some(field.to_owned()), ..WireError::new(ErrorCode::TooLarge, detail) }
}

fn store_error(error: bangban_store::StoreError) -> WireError {
    crate::app::store_error(error)
}

fn disk_error(error: std::io::Error) -> WireError {
    tracing::error!(%error, "an upload cannot be kept (data.dir)");
    WireError::new(ErrorCode::Busy, "the upload cannot be kept now, try again")
}

impl Files {
    /// Starts the sweeper too; it ends with `stopping`.
    ///
    /// # Errors
    /// Names the key or folder.
    pub fn start(
        config: &Config,
        clock: Clock,
        store: Store,
        stopping: CancellationToken,
        working: TaskTracker,
    ) -> anyhow::Result<Arc<Self>> {
        let files = Arc::new(Self::new(config, clock, store, stopping.clone(), working)?);
        tokio::spawn(sweep::run(Arc::clone(&files), stopping));
        Ok(files)
    }

    fn new(
        config: &Config,
        clock: Clock,
        store: Store,
        stopping: CancellationToken,
        working: TaskTracker,
    ) -> anyhow::Result<Self> {
        let keys = &config.files;
        let quota = |files: u32, mib: u32| Quota { files: files.into(), bytes: mebibytes(mib) };
        let processors = std::thread::available_parallelism().map_or(2, usize::from);
        Ok(Self {
            store,
            clock,
            objects: Objects::new(keys, &config.data.dir)?,
            uploads: Uploads::new(&config.data.dir)?,
            scanner: Scanner::new(keys.scan_command.clone(), Duration::from_secs(keys.scan_seconds.into())),
            links: Links::new(&secret("", &config.data.dir, "links.secret")?, i64::from(keys.link_minutes) * MINUTE),
            limits: FileLimits {
                image_bytes: mebibytes(keys.image_mib),
                file_bytes: mebibytes(keys.file_mib),
                voice_bytes: mebibytes(keys.voice_mib),
                voice_seconds: keys.voice_seconds,
                endings: keys.endings.clone(),
            },
            most_pixels: u64::from(keys.image_megapixels) * 1_000_000,
            keep: i64::from(keys.keep_hours) * HOUR,
            citizens: quota(keys.citizen_files_per_hour, keys.citizen_mib_per_hour),
            visitors: quota(config.citizen.anonymous_files_per_hour, config.citizen.anonymous_mib_per_hour),
            staff: quota(keys.staff_files_per_hour, keys.staff_mib_per_hour),
            decoding: Semaphore::new(processors),
            beginning: std::array::from_fn(|_| tokio::sync::Mutex::new(())),
            working,
            stopping,
        })
    }

    /// What pages have to know beforehand.
    #[must_use]
    pub const fn limits(&self) -> &FileLimits {
        &self.limits
    }

    const fn most_bytes(&self, kind: FileKind) -> u64 {
        match kind {
            FileKind::Image => self.limits.image_bytes,
            FileKind::File => self.limits.file_bytes,
            FileKind::Voice => self.limits.voice_bytes,
        }
    }

    /// The largest upload of any kind.
    #[must_use]
    pub fn largest(&self) -> u64 {
        FileKind::ALL.iter().map(|kind| self.most_bytes(*kind)).max().unwrap_or(0)
    }

    /// Begins an upload that the owner may make. A visitor, who has not logged in, has a quota of their own.
    ///
    /// # Errors
    /// Names the field; `quota_used`.
    pub async fn begin(&self, owner: FileOwner, is_visitor: bool, announced: Announced) -> Result<FileRow, WireError> {
        let Announced { conversation, kind, name, size, duration_ms } = announced;
        let name = self.check_announced(kind, &name, size)?;
        let duration_ms = match (kind, duration_ms) {
            (FileKind::Voice, None) => return Err(WireError::field("duration", "is missing")),
            (FileKind::Voice, Some(length)) if length > self.limits.voice_seconds.saturating_add(1) * 1_000 => {
                let detail = format!("a voice message has at most {} seconds", self.limits.voice_seconds);
                return Err(too_large("duration", detail));
            }
            (FileKind::Voice, length) => length,
            (FileKind::Image | FileKind::File, _) => None,
        };
        let now = self.clock.now();
        let _turn = self.stripe(owner).lock().await;
        self.check_quota(owner, is_visitor, now, size).await?;
        let row = FileRow {
            id: FileId::new(crate::desk::new_id()),
            conversation,
            owner,
            kind,
            name,
            mime: String::new(),
            size,
            state: FileState::Uploading,
            sides: None,
            duration_ms,
            made_at: now,
            kept_until: now + self.keep,
            attached_as: None,
        };
        self.commit(FileChange::New(row.clone())).await?;
        tracing::debug!(file = %row.id, %conversation, %owner, %kind, size, "an upload begins");
        Ok(row)
    }

    /// What can be said of a file before its first byte; gives its name without tricks.
    fn check_announced(&self, kind: FileKind, name: &str, size: u64) -> Result<String, WireError> {
        let name =
            file::name("name", name).map_err(|error| WireError::field(error.field, error.problem.to_string()))?;
        kinds::check_name(kind, &name, &self.limits.endings)?;
        let most = self.most_bytes(kind);
        if size == 0 {
            return Err(WireError::field("size", "an empty file cannot be sent"));
        }
        if size > most {
            return Err(too_large("size", format!("has {size} bytes, at most {most} are taken")));
        }
        Ok(name)
    }

    fn stripe(&self, owner: FileOwner) -> &tokio::sync::Mutex<()> {
        use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(owner);
        let index = usize::try_from(hash % STRIPES as u64).unwrap_or(0);
        &self.beginning[index]
    }

    async fn check_quota(
        &self,
        owner: FileOwner,
        is_visitor: bool,
        now: Timestamp,
        size: u64,
    ) -> Result<(), WireError> {
        let quota = match owner {
            FileOwner::Citizen(_) if is_visitor => self.visitors,
            FileOwner::Citizen(_) => self.citizens,
            FileOwner::Staff(_) => self.staff,
        };
        let used = self.store.uploaded(owner, now, QUOTA_SPAN).await.map_err(store_error)?;
        Self::check_used(quota, used, size)
    }

    fn check_used(quota: Quota, used: Uploaded, size: u64) -> Result<(), WireError> {
        if used.files >= quota.files || used.bytes.saturating_add(size) > quota.bytes {
            counter!("bangban_files_total", "kind" => "any", "result" => "quota_used").increment(1);
            return Err(WireError::new(ErrorCode::QuotaUsed, "too much was uploaded within an hour, try later"));
        }
        Ok(())
    }

    async fn commit(&self, change: FileChange) -> Result<(), WireError> {
        let unit = Unit { changes: vec![Change::File(change)], ..Unit::default() };
        self.store.commit(unit).await.map(drop).map_err(store_error)
    }

    /// The owner's upload and how much of it is there. Another's is as good as none.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn progress(&self, owner: FileOwner, id: FileId) -> Result<(FileRow, u64), WireError> {
        let row = self.store.file(id).await.map_err(store_error)?;
        let row = row.filter(|row| row.owner == owner && row.state != FileState::Gone).ok_or_else(not_found)?;
        let offset = match row.state {
            FileState::Uploading => self.uploads.offset(id).await.map_err(disk_error)?,
            // All was there; what is stored may have another length.
            FileState::Ready | FileState::Gone => row.size,
        };
        Ok((row, offset))
    }

    /// Appends bytes; what came before a cut stays. Goes on to the end although its client has gone.
    ///
    /// # Errors
    /// `not_found`; `invalid_stage` if the bytes are not the next ones or another request is at it.
    pub async fn append<E: Send + 'static>(
        self: &Arc<Self>,
        owner: FileOwner,
        id: FileId,
        from: u64,
        bytes: impl Stream<Item = Result<Bytes, E>> + Send + Unpin + 'static,
    ) -> Result<(FileRow, u64), WireError> {
        let files = Arc::clone(self);
        let work = async move {
            let mine = files.uploads.take(id).ok_or_else(busy_upload)?;
            let (row, offset) = files.progress(owner, id).await?;
            if row.state != FileState::Uploading || from != offset {
                let detail = format!("the next byte is {offset}, not {from}");
                return Err(WireError { field: Some("Upload-Offset".to_owned()), ..invalid_stage(detail) });
            }
            let (reached, ended) = tokio::select! {
                // What came until then is there; the next server says how much.
                () = files.stopping.cancelled() => return Err(WireError::new(ErrorCode::Busy, "the server stops")),
                appended = mine.append(offset, row.size, bytes) => appended.map_err(disk_error)?,
            };
            counter!("bangban_file_bytes_in_total").increment(reached - offset);
            match ended {
                Ended::Whole => Ok((row, reached)),
                Ended::Cut => Err(WireError::new(ErrorCode::Busy, "the bytes stopped coming")),
                Ended::TooMuch => {
                    Err(too_large("body", format!("more bytes than the {} that were announced", row.size)))
                }
            }
        };
        self.to_the_end(work).await
    }

    async fn to_the_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, WireError>> + Send + 'static,
    ) -> Result<T, WireError> {
        self.working.spawn(work).await.unwrap_or_else(|error| {
            tracing::error!(%error, "work on a file ended badly");
            Err(WireError::new(ErrorCode::Internal, "the server could not do it"))
        })
    }

    /// Gives an upload up.
    ///
    /// # Errors
    /// `not_found`; `invalid_stage` if a message carries it.
    pub async fn cancel(self: &Arc<Self>, owner: FileOwner, id: FileId) -> Result<(), WireError> {
        let (row, _) = self.progress(owner, id).await?;
        if row.attached_as.is_some() {
            return Err(invalid_stage("it was sent".to_owned()));
        }
        let files = Arc::clone(self);
        self.to_the_end(async move {
            let _mine = files.uploads.take(id).ok_or_else(busy_upload)?;
            files.give_up(&row, "cancelled").await
        })
        .await
    }

    /// The row says it first; bytes that cannot be deleted now are the sweeper's.
    async fn give_up(&self, row: &FileRow, why: &'static str) -> Result<(), WireError> {
        self.drop_file(row.id).await.map_err(store_error)?;
        let left = self.store.file(row.id).await.map_err(store_error)?;
        if left.is_some_and(|row| row.state == FileState::Gone)
            && let Err(error) = self.remove_bytes(row).await
        {
            tracing::warn!(file = %row.id, %error, "a file's bytes are left for later");
        }
        counter!("bangban_files_total", "kind" => row.kind.as_str(), "result" => why).increment(1);
        tracing::info!(file = %row.id, conversation = %row.conversation, kind = %row.kind, why, "a file is given up");
        Ok(())
    }

    /// Checks, scans and stores a complete upload; may be repeated. What is refused for good is deleted.
    ///
    /// # Errors
    /// `unsupported_file`, `too_large`, `infected`; `busy` if it may be tried again.
    pub async fn finish(self: &Arc<Self>, owner: FileOwner, id: FileId) -> Result<FileView, WireError> {
        let files = Arc::clone(self);
        self.to_the_end(async move {
            let mine = files.uploads.take(id).ok_or_else(busy_upload)?;
            let (row, offset) = files.progress(owner, id).await?;
            if row.state == FileState::Ready {
                return Ok(view(row));
            }
            if offset < row.size {
                return Err(invalid_stage(format!("{offset} of {} bytes are there", row.size)));
            }
            let began = Instant::now();
            match files.check_and_store(&row, mine.path()).await {
                Ok(ready) => {
                    histogram!("bangban_file_finish_seconds").record(began.elapsed());
                    counter!("bangban_files_total", "kind" => row.kind.as_str(), "result" => "ready").increment(1);
                    tracing::info!(file = %id, conversation = %row.conversation, kind = %row.kind, size = ready.size, "a file is stored");
                    // The sweeper removes it if this fails.
                    files.uploads.remove(id).await.ok();
                    Ok(view(ready))
                }
                Err(error) if error.retryable => Err(error),
                Err(error) => {
                    files.give_up(&row, crate::telemetry::word(error.code)).await?;
                    Err(error)
                }
            }
        })
        .await
    }

    async fn check_and_store(&self, row: &FileRow, path: &Path) -> Result<FileRow, WireError> {
        let stored = self.store_checked((row.conversation.into(), row.id), row.kind, &row.name, path).await?;
        let ready = FileRow {
            name: stored.name,
            mime: stored.mime.to_owned(),
            size: stored.size.unwrap_or(row.size),
            sides: stored.sides,
            state: FileState::Ready,
            kept_until: self.clock.now() + self.keep,
            ..row.clone()
        };
        self.commit(FileChange::Ready(ready.clone())).await?;
        Ok(ready)
    }

    /// Looks at the bytes of a complete upload, has them scanned, and stores what is taken.
    async fn store_checked(
        &self,
        of: (Folder, FileId),
        kind: FileKind,
        name: &str,
        path: &Path,
    ) -> Result<Stored, WireError> {
        let (from, name, endings) = (path.to_owned(), name.to_owned(), self.limits.endings.clone());
        let found = off_threads(move || kinds::look(&from, kind, &name, &endings)).await??;
        self.scanner.check(path).await?;
        let mut stored = Stored { name: found.name, mime: found.mime, size: None, sides: None };
        if kind == FileKind::Image {
            let turn =
                self.decoding.acquire().await.map_err(|_| WireError::new(ErrorCode::Busy, "the server stops"))?;
            let (from, mime, most) = (path.to_owned(), found.mime, self.most_pixels);
            let picture = off_threads(move || {
                std::fs::read(from).map_err(disk_error).and_then(|bytes| picture::prepare(bytes, mime, most))
            })
            .await??;
            drop(turn);
            stored.size = Some(picture.bytes.len() as u64);
            stored.sides = Some(picture.sides);
            self.objects.put(of, Variant::Original, picture.bytes).await?;
            self.objects.put(of, Variant::Thumb, picture.thumb.into()).await?;
        } else {
            self.objects.put_file(of, path).await?;
        }
        Ok(stored)
    }

    /// A stored file that the owner may send in this conversation under this client id; the one that was sent under it, if
    /// one was: two pages of one person may both have uploaded it.
    ///
    /// # Errors
    /// `not_found` with the field `file`.
    pub async fn to_send(
        &self,
        owner: FileOwner,
        conversation: ConversationId,
        id: FileId,
        client_id: &str,
    ) -> Result<FileRow, WireError> {
        let sent = self.store.file_sent_as(conversation, owner, client_id).await.map_err(store_error)?;
        if let Some(row) = sent {
            return Ok(row);
        }
        let row = self.store.file(id).await.map_err(store_error)?;
        row.filter(|row| row.owner == owner && row.conversation == conversation && row.state == FileState::Ready)
            .filter(|row| row.attached_as.is_none())
            .ok_or_else(|| WireError { field: Some("file".to_owned()), ..not_found() })
    }

    /// Addresses of a conversation's files for one who may read it: of those that were sent, and of one's own.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn links(
        &self,
        viewer: FileOwner,
        conversation: ConversationId,
        files: &[FileId],
    ) -> Result<Vec<FileLink>, WireError> {
        let until = self.links.until(self.clock.now());
        let name = viewer.to_string();
        let mut links = Vec::with_capacity(files.len());
        for id in files {
            let Some(row) = self.store.file(*id).await.map_err(store_error)? else { continue };
            let is_there = row.conversation == conversation
                && row.state == FileState::Ready
                && (row.attached_as.is_some() || row.owner == viewer);
            if is_there {
                let thumb = (row.kind == FileKind::Image).then(|| self.links.url(*id, Variant::Thumb, &name, until));
                links.push(FileLink {
                    file: *id,
                    url: self.links.url(*id, Variant::Original, &name, until),
                    thumb,
                    until,
                });
            }
        }
        Ok(links)
    }

    /// Is it an address that we made, and still good?
    ///
    /// # Errors
    /// [`BadLink`].
    pub fn check_link(
        &self,
        file: FileId,
        variant: Variant,
        viewer: &str,
        until: Timestamp,
        sign: &str,
    ) -> Result<(), BadLink> {
        self.links.check(file, variant, viewer, until, sign, self.clock.now())
    }

    /// The bytes behind a good address. `None`: deleted.
    ///
    /// # Errors
    /// `busy` if the object store does not serve.
    pub async fn open(
        &self,
        id: FileId,
        variant: Variant,
        range: Option<GetRange>,
    ) -> Result<Option<(FileRow, Part)>, WireError> {
        let row = self.store.file(id).await.map_err(store_error)?;
        let Some(row) = row.filter(|row| row.state == FileState::Ready) else { return Ok(None) };
        let part = self.objects.get((row.conversation.into(), id), variant, range).await?;
        Ok(part.map(|part| (row, part)))
    }
}

async fn off_threads<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, WireError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        // A decoder that panics has met a file made to harm it.
        tracing::error!(%error, "a file could not be looked at");
        WireError {
            field: Some("content".to_owned()),
            ..WireError::new(ErrorCode::UnsupportedFile, "could not be looked at")
        }
    })
}

fn invalid_stage(detail: String) -> WireError {
    WireError::new(ErrorCode::InvalidStage, detail)
}

fn busy_upload() -> WireError {
    WireError::new(ErrorCode::Busy, "another request is at this upload")
}

fn view(row: FileRow) -> FileView {
    let (width, height) = row.sides.unzip();
    FileView { file: row.id, kind: row.kind, name: row.name, size: row.size, width, height }
}
