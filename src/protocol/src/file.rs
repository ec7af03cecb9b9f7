//! Uploaded files, as REST and `open_files` speak of them. The uploads themselves are tus 1.0.0 (docs/files.md).

use bangban_domain::{FileId, Timestamp, words::FileKind};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Answer to `POST /api/files/{id}/finish`: checked, stored, ready for `send_file`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct FileView {
    /// Which.
    pub file: FileId,
    /// What it is to people.
    pub kind: FileKind,
    /// Its name; the ending is that of its content.
    pub name: String,
    /// Bytes, as stored.
    pub size: u64,
    /// A picture's width in pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub width: Option<u32>,
    /// Its height.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub height: Option<u32>,
}

/// Where one file is, for one person and some minutes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct FileLink {
    /// Which.
    pub file: FileId,
    /// Path and query of the file itself.
    pub url: String,
    /// Of a picture: of its thumbnail, at most 480 pixels each way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub thumb: Option<String>,
    /// When both end.
    pub until: Timestamp,
}

/// What of files a page has to know beforehand; part of `GET /api/config`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct FileLimits {
    /// Largest picture, in bytes.
    pub image_bytes: u64,
    /// Largest document, in bytes.
    pub file_bytes: u64,
    /// Largest voice message, in bytes.
    pub voice_bytes: u64,
    /// Longest voice message.
    pub voice_seconds: u32,
    /// Endings of documents that are taken.
    pub endings: Vec<String>,
}
