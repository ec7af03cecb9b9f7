//! Bytes that are still coming: one file each in `data.dir/uploads`. Its length is the offset, so a restart loses nothing
//! and there is no second place that could say something else. What was acknowledged is on the disk.

use std::{
    collections::HashSet,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::body::Bytes;
use bangban_domain::FileId;
use futures_util::{Stream, StreamExt as _};
use tokio::{
    fs::{self, OpenOptions},
    io::AsyncWriteExt as _,
    time::timeout,
};

/// A sender that is silent for so long has gone.
const SILENCE: Duration = Duration::from_secs(30);

/// The folder, and which of its files somebody is writing to.
#[derive(Clone)]
pub(super) struct Uploads {
    dir: PathBuf,
    busy: Arc<Mutex<HashSet<FileId>>>,
}

/// One upload that nobody else writes to as long as this lives.
pub(super) struct Mine {
    id: FileId,
    path: PathBuf,
    busy: Arc<Mutex<HashSet<FileId>>>,
}

impl Drop for Mine {
    fn drop(&mut self) {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

/// Why no more bytes came.
#[derive(Debug)]
pub(super) enum Ended {
    /// All that were sent are there.
    Whole,
    /// The sender has gone; what came is there.
    Cut,
    /// More than were announced; the surplus was thrown away.
    TooMuch,
}

impl Uploads {
    pub(super) fn new(data: &Path) -> io::Result<Self> {
        let dir = data.join("uploads");
        std::fs::create_dir_all(&dir)?;
        Ok(Self { dir, busy: Arc::default() })
    }

    fn path(&self, id: FileId) -> PathBuf {
        self.dir.join(id.to_string())
    }

    /// `None`: another request is at it.
    pub(super) fn take(&self, id: FileId) -> Option<Mine> {
        let is_free = self.busy.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
        is_free.then(|| Mine { id, path: self.path(id), busy: Arc::clone(&self.busy) })
    }

    /// How many bytes are there.
    pub(super) async fn offset(&self, id: FileId) -> io::Result<u64> {
        match fs::metadata(self.path(id)).await {
            Ok(found) => Ok(found.len()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// Removes what is there of one that nobody writes to.
    pub(super) async fn remove(&self, id: FileId) -> io::Result<()> {
        match fs::remove_file(self.path(id)).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Everything in the folder that is an upload.
    pub(super) async fn all(&self) -> io::Result<Vec<FileId>> {
        let mut entries = fs::read_dir(&self.dir).await?;
        let mut found = Vec::new();
        while let Some(entry) = entries.next_entry().await? {
            found.extend(entry.file_name().to_str().and_then(|name| name.parse::<FileId>().ok()));
        }
        Ok(found)
    }
}

impl Mine {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends what comes until `size` is reached; returns when it is on the disk.
    pub(super) async fn append<E>(
        &self,
        from: u64,
        size: u64,
        mut bytes: impl Stream<Item = Result<Bytes, E>> + Unpin,
    ) -> io::Result<(u64, Ended)> {
        let mut file = OpenOptions::new().create(true).append(true).open(&self.path).await?;
        let mut offset = from;
        let ended = loop {
            match timeout(SILENCE, bytes.next()).await {
                Ok(Some(Ok(chunk))) => {
                    let room = usize::try_from(size - offset).unwrap_or(usize::MAX);
                    let taken = chunk.get(..room).unwrap_or(&chunk);
                    file.write_all(taken).await?;
                    offset += taken.len() as u64;
                    if taken.len() < chunk.len() {
                        break Ended::TooMuch;
                    }
                }
                Ok(None) => break Ended::Whole,
                Ok(Some(Err(_))) | Err(_) => break Ended::Cut,
            }
        };
        file.flush().await?;
        file.sync_all().await?;
        Ok((offset, ended))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    fn chunks(parts: &[&'static str], is_cut: bool) -> impl Stream<Item = Result<Bytes, ()>> + Unpin + use<> {
        let mut all: Vec<_> = parts.iter().map(|part| Ok(Bytes::from_static(part.as_bytes()))).collect();
        all.extend(is_cut.then_some(Err(())));
        stream::iter(all)
    }

    #[tokio::test]
    async fn bytes_are_appended_and_survive_a_cut_and_a_new_start() {
        let dir = tempfile::tempdir().unwrap();
        let id = FileId::new(1);
        let uploads = Uploads::new(dir.path()).unwrap();
        assert_eq!(uploads.offset(id).await.unwrap(), 0);
        let mine = uploads.take(id).unwrap();
        assert!(uploads.take(id).is_none(), "one at a time");
        let (offset, ended) = mine.append(0, 10, chunks(&["abc", "de"], true)).await.unwrap();
        assert!(offset == 5 && matches!(ended, Ended::Cut), "{offset} {ended:?}");
        drop(mine);

        let uploads = Uploads::new(dir.path()).unwrap();
        assert_eq!((uploads.offset(id).await.unwrap(), uploads.all().await.unwrap()), (5, vec![id]));
        let mine = uploads.take(id).unwrap();
        let (offset, ended) = mine.append(5, 10, chunks(&["fgh", "ijklm"], false)).await.unwrap();
        assert!(offset == 10 && matches!(ended, Ended::TooMuch), "{offset} {ended:?}");
        assert_eq!(std::fs::read(mine.path()).unwrap(), b"abcdefghij");
        uploads.remove(id).await.unwrap();
        uploads.remove(id).await.unwrap();
        assert_eq!(uploads.all().await.unwrap(), []);
    }
}
