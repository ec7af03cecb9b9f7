//! Files that may change while we run. Their content is compared, not their times: a certificate or a list is small, and
//! a folder that is exchanged as a whole (as orchestrators do) keeps old times.

use std::{io, path::PathBuf, time::Duration};

use tokio::time::sleep;

/// How often they are read.
const PAUSE: Duration = Duration::from_secs(5);

/// See the module.
pub struct Watched {
    paths: Vec<PathBuf>,
    pause: Duration,
    /// As they were last told; `None`: unreadable.
    known: Option<Vec<Vec<u8>>>,
}

impl Watched {
    /// Watches these files, which were read already.
    #[must_use]
    pub const fn new(paths: Vec<PathBuf>, known: Vec<Vec<u8>>) -> Self {
        Self { paths, pause: PAUSE, known: Some(known) }
    }

    /// Waits until they are other than before; gives their contents, in the order of the paths. That they cannot be read
    /// is told once.
    ///
    /// # Errors
    /// Why they cannot be read any more.
    pub async fn changed(&mut self) -> io::Result<Vec<Vec<u8>>> {
        loop {
            sleep(self.pause).await;
            match self.read().await {
                Ok(contents) if self.known.as_ref() == Some(&contents) => {}
                Ok(contents) => {
                    self.known = Some(contents.clone());
                    return Ok(contents);
                }
                Err(_) if self.known.is_none() => {}
                Err(error) => {
                    self.known = None;
                    return Err(error);
                }
            }
        }
    }

    async fn read(&self) -> io::Result<Vec<Vec<u8>>> {
        let mut contents = Vec::with_capacity(self.paths.len());
        for path in &self.paths {
            contents.push(tokio::fs::read(path).await?);
        }
        Ok(contents)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_changes_is_told_once_and_what_is_gone_too() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        std::fs::write(&a, "1").unwrap();
        std::fs::write(&b, "x").unwrap();
        let mut watched = Watched::new(vec![a.clone(), b], vec![b"1".to_vec(), b"x".to_vec()]);
        watched.pause = Duration::from_millis(5);
        let quiet = async |watched: &mut Watched| {
            assert!(tokio::time::timeout(Duration::from_millis(100), watched.changed()).await.is_err());
        };
        quiet(&mut watched).await;
        std::fs::write(&a, "2").unwrap();
        assert_eq!(watched.changed().await.unwrap(), [b"2".to_vec(), b"x".to_vec()]);
        quiet(&mut watched).await;
        std::fs::remove_file(&a).unwrap();
        assert!(watched.changed().await.is_err());
        quiet(&mut watched).await;
        std::fs::write(&a, "2").unwrap();
        assert_eq!(watched.changed().await.unwrap(), [b"2".to_vec(), b"x".to_vec()]);
    }
}
