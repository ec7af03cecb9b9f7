//! Where finished files are: a folder, or a bucket that speaks S3. An object that was put is durable.

use std::{path::Path as FilePath, sync::Arc, time::Duration};

use anyhow::Context as _;
use axum::body::Bytes;
use bangban_domain::{ConversationId, FileId};
use bangban_protocol::{ErrorCode, WireError};
use futures_util::{Stream, StreamExt as _};
use object_store::{
    ClientOptions, GetOptions, GetRange, ObjectStore, ObjectStoreExt as _, RetryConfig, aws::AmazonS3Builder,
    buffered::BufWriter, local::LocalFileSystem, path::Path,
};
use tokio::io::AsyncWriteExt as _;

use super::links::Variant;
use crate::config::{FileStore, Files as Keys};

/// One request to the bucket, and a put with all its repetitions.
const REQUEST: Duration = Duration::from_secs(30);

/// The store of finished files.
#[derive(Clone)]
pub(super) struct Objects(Arc<dyn ObjectStore>);

/// A part of an object.
pub struct Part {
    /// First byte and the one behind the last.
    pub range: std::ops::Range<u64>,
    /// Bytes of the whole object.
    pub whole: u64,
    /// The bytes.
    pub bytes: std::pin::Pin<Box<dyn Stream<Item = Result<Bytes, object_store::Error>> + Send>>,
}

/// Whose files lie together.
#[derive(Debug, Clone, Copy)]
pub(super) enum Folder {
    /// Sent in a conversation.
    Conversation(ConversationId),
    /// Of answers of the knowledge base.
    Answers,
}

impl From<ConversationId> for Folder {
    fn from(id: ConversationId) -> Self {
        Self::Conversation(id)
    }
}

fn key(folder: Folder, file: FileId, variant: Variant) -> Path {
    let folder = match folder {
        Folder::Conversation(id) => id.to_string(),
        Folder::Answers => "answers".to_owned(),
    };
    Path::from_iter([folder, file.to_string(), variant.as_str().to_owned()])
}

/// The store does not serve; not a word of it goes to clients.
fn unavailable(error: &(dyn std::error::Error + 'static)) -> WireError {
    tracing::error!(error, "the object store does not serve (files.store)");
    WireError::new(ErrorCode::Busy, "files cannot be reached now, try again")
}

impl Objects {
    /// As configured; nothing is connected yet.
    ///
    /// # Errors
    /// Names the key.
    pub(super) fn new(keys: &Keys, data: &FilePath) -> anyhow::Result<Self> {
        Ok(Self(match keys.store {
            FileStore::Local => {
                let dir = data.join("files");
                std::fs::create_dir_all(&dir).with_context(|| format!("cannot use {} (data.dir)", dir.display()))?;
                Arc::new(LocalFileSystem::new_with_prefix(dir)?.with_fsync(true).with_automatic_cleanup(true))
            }
            FileStore::S3 => {
                let retry = RetryConfig { max_retries: 2, retry_timeout: REQUEST, ..RetryConfig::default() };
                let client = ClientOptions::new().with_timeout(REQUEST).with_connect_timeout(Duration::from_secs(5));
                let bucket = AmazonS3Builder::new()
                    .with_endpoint(&keys.s3_endpoint)
                    .with_region(&keys.s3_region)
                    .with_bucket_name(&keys.s3_bucket)
                    .with_access_key_id(&keys.s3_access_key)
                    .with_secret_access_key(&keys.s3_secret_key)
                    .with_client_options(client)
                    .with_allow_http(keys.s3_endpoint.starts_with("http://"))
                    .with_retry(retry);
                Arc::new(bucket.build().context("configuration: files.s3_endpoint")?)
            }
        }))
    }

    /// Puts bytes that are in memory.
    pub(super) async fn put(&self, of: (Folder, FileId), variant: Variant, bytes: Bytes) -> Result<(), WireError> {
        self.0.put(&key(of.0, of.1, variant), bytes.into()).await.map(drop).map_err(|error| unavailable(&error))
    }

    /// Puts a file that is on the disk, without having all of it in memory.
    pub(super) async fn put_file(&self, of: (Folder, FileId), from: &FilePath) -> Result<(), WireError> {
        let mut file = tokio::fs::File::open(from).await.map_err(|error| unavailable(&error))?;
        let mut into = BufWriter::new(Arc::clone(&self.0), key(of.0, of.1, Variant::Original));
        match tokio::io::copy(&mut file, &mut into).await {
            Ok(_) => into.shutdown().await.map_err(|error| unavailable(&error)),
            Err(error) => {
                // Parts that a bucket has got already; it is broken anyhow.
                into.abort().await.ok();
                Err(unavailable(&error))
            }
        }
    }

    /// The bytes, or those of a range; `None` if there is no such object.
    pub(super) async fn get(
        &self,
        of: (Folder, FileId),
        variant: Variant,
        range: Option<GetRange>,
    ) -> Result<Option<Part>, WireError> {
        let options = GetOptions { range, ..GetOptions::default() };
        match self.0.get_opts(&key(of.0, of.1, variant), options).await {
            Ok(found) => {
                let (range, whole) = (found.range.clone(), found.meta.size);
                Ok(Some(Part { range, whole, bytes: found.into_stream().boxed() }))
            }
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(unavailable(&error)),
        }
    }

    /// Deletes all of a file; what is not there is deleted.
    pub(super) async fn delete(&self, of: (Folder, FileId)) -> Result<(), WireError> {
        for variant in [Variant::Original, Variant::Thumb] {
            match self.0.delete(&key(of.0, of.1, variant)).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(unavailable(&error)),
            }
        }
        Ok(())
    }
}
