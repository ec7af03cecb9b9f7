//! The office's list of words that staff must not write to citizens (`service.word_list`), read again when it changes.
//! What is found goes back to the one who wrote it, and nowhere else: neither the word nor the text is in the log.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use bangban_domain::word_list::WordList;
use bangban_protocol::{ErrorCode, WireError};

use crate::watch::Watched;

/// Longest file, in bytes.
const LONGEST: usize = 1 << 20;

/// A list that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadFile {
    /// It cannot be read.
    #[error("service.word_list: {0} cannot be read")]
    Unreadable(PathBuf, #[source] std::io::Error),
    /// It is no list.
    #[error("service.word_list: {0}")]
    Content(String),
}

/// See the module.
#[derive(Debug, Default)]
pub struct WordCheck(RwLock<Arc<WordList>>);

impl WordCheck {
    /// Reads the list; gives the file back for [`WordCheck::keep_fresh`].
    ///
    /// # Errors
    /// Names the file, or the line.
    pub fn open(path: &Path) -> Result<(Self, Watched), BadFile> {
        let bytes = std::fs::read(path).map_err(|error| BadFile::Unreadable(path.to_owned(), error))?;
        let list = parse(&bytes)?;
        Ok((Self(RwLock::new(Arc::new(list))), Watched::new(vec![path.to_owned()], vec![bytes])))
    }

    /// How many words are listed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list().len()
    }

    /// Is anything allowed?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list().is_empty()
    }

    fn list(&self) -> Arc<WordList> {
        // Replaced whole, so a panic elsewhere has not harmed it.
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// May staff write this?
    ///
    /// # Errors
    /// Names the field and the word.
    pub fn check(&self, field: &str, text: &str) -> Result<(), WireError> {
        match self.list().find(text) {
            None => Ok(()),
            Some(word) => {
                Err(WireError { field: Some(field.to_owned()), ..WireError::new(ErrorCode::ListedWord, word) })
            }
        }
    }

    /// Takes a new list when the file has changed. Never ends.
    pub async fn keep_fresh(self: Arc<Self>, mut watched: Watched) {
        loop {
            let read = watched.changed().await;
            match read.map(|contents| contents.first().map(|bytes| parse(bytes))) {
                Ok(Some(Ok(list))) => {
                    tracing::info!(words = list.len(), "a new word list");
                    *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(list);
                }
                Ok(Some(Err(error))) => tracing::warn!(%error, "the new word list cannot be used; the old one stays"),
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, "the word list cannot be read; the old one stays"),
            }
        }
    }
}

fn parse(bytes: &[u8]) -> Result<WordList, BadFile> {
    if bytes.len() > LONGEST {
        return Err(BadFile::Content(format!("has more than {LONGEST} bytes")));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| BadFile::Content("is not UTF-8".to_owned()))?;
    WordList::parse(text).map_err(|error| BadFile::Content(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_and_a_bad_one_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("words.txt");
        let with = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            WordCheck::open(&path).map(|(check, _)| check)
        };
        let check = with("# 名单\n保证办成\n".as_bytes()).unwrap();
        assert!(check.check("text", "您好").is_ok());
        let error = check.check("text", "我保证 办成").unwrap_err();
        assert_eq!(
            (error.code, error.field.as_deref(), error.detail.as_str()),
            (ErrorCode::ListedWord, Some("text"), "保证办成")
        );
        for (bytes, named) in [
            (b"\xff\xfe".as_slice(), "service.word_list: is not UTF-8"),
            (b"***".as_slice(), "service.word_list: line 1 holds no word"),
            (&[b'a'; LONGEST + 1], "service.word_list: has more than 1048576 bytes"),
        ] {
            assert_eq!(with(bytes).unwrap_err().to_string(), named);
        }
        let told = WordCheck::open(&dir.path().join("none")).map(|_| ()).unwrap_err().to_string();
        assert!(told.starts_with("service.word_list: ") && told.ends_with("cannot be read"), "{told}");
        assert!(WordCheck::default().check("text", "我保证办成").is_ok());
    }
}
