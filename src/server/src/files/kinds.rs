//! What a file is: decided by its bytes. Its name only has to agree with them.

use std::path::Path;

use bangban_domain::{file, words::FileKind};
use bangban_protocol::{ErrorCode, WireError};
use file_format::FileFormat as Format;

/// What the bytes of an accepted file are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// The name, its ending made true.
    pub(super) name: String,
    /// What it is served as.
    pub(super) mime: &'static str,
}

/// Documents are handed over to be saved, never to be shown by a browser.
pub(super) const DOWNLOAD: &str = "application/octet-stream";

/// Endings of documents, and what their bytes may look like. Office programs other than Microsoft's write packages that
/// only show the container.
const DOCUMENTS: [(&str, &[Format]); 15] = [
    ("pdf", &[Format::PortableDocumentFormat]),
    ("ofd", &[Format::Zip]),
    ("doc", &[Format::MicrosoftWordDocument, Format::CompoundFileBinary]),
    ("docx", &[Format::OfficeOpenXmlDocument, Format::Zip]),
    ("xls", &[Format::MicrosoftExcelSpreadsheet, Format::CompoundFileBinary]),
    ("xlsx", &[Format::OfficeOpenXmlSpreadsheet, Format::Zip]),
    ("ppt", &[Format::MicrosoftPowerpointPresentation, Format::CompoundFileBinary]),
    ("pptx", &[Format::OfficeOpenXmlPresentation, Format::Zip]),
    ("wps", &[Format::MicrosoftWordDocument, Format::CompoundFileBinary, Format::OfficeOpenXmlDocument, Format::Zip]),
    (
        "et",
        &[Format::MicrosoftExcelSpreadsheet, Format::CompoundFileBinary, Format::OfficeOpenXmlSpreadsheet, Format::Zip],
    ),
    ("zip", &[Format::Zip]),
    ("rar", &[Format::RoshalArchive]),
    ("7z", &[Format::SevenZip]),
    ("txt", &TEXT),
    ("csv", &TEXT),
];

/// Text in GB 18030 has no signature.
const TEXT: [Format; 2] = [Format::PlainText, Format::ArbitraryBinaryData];

/// Endings that `files.endings` may list.
pub fn known_endings() -> impl Iterator<Item = &'static str> {
    DOCUMENTS.iter().map(|(ending, _)| *ending)
}

fn refused(field: &str, detail: &str) -> WireError {
    WireError { field: Some(field.to_owned()), ..WireError::new(ErrorCode::UnsupportedFile, detail) }
}

/// A document's ending can be refused before its bytes are sent.
pub(super) fn check_name(kind: FileKind, name: &str, endings: &[String]) -> Result<(), WireError> {
    let is_listed = || file::ending(name).is_some_and(|ending| endings.contains(&ending));
    if kind == FileKind::File && !is_listed() {
        return Err(refused("name", "files with this ending are not taken (files.endings)"));
    }
    Ok(())
}

/// Looks at the bytes of a complete upload. Reads the file: call it off the runtime's threads.
pub(super) fn look(path: &Path, kind: FileKind, name: &str, endings: &[String]) -> Result<Found, WireError> {
    check_name(kind, name, endings)?;
    let unreadable =
        |error: std::io::Error| WireError::new(ErrorCode::Busy, format!("the upload is unreadable: {error}"));
    let format = Format::from_file(path).map_err(unreadable)?;
    let (ending, mime) = match kind {
        FileKind::Image => match format {
            Format::JointPhotographicExpertsGroup => ("jpg", "image/jpeg"),
            Format::PortableNetworkGraphics => ("png", "image/png"),
            Format::GraphicsInterchangeFormat => ("gif", "image/gif"),
            Format::Webp => ("webp", "image/webp"),
            _ => return Err(refused("content", "is not a picture of type JPEG, PNG, GIF or WebP")),
        },
        FileKind::Voice => match format {
            Format::Webm | Format::MatroskaAudio => ("webm", "audio/webm"),
            Format::OggOpus | Format::OggVorbis => ("ogg", "audio/ogg"),
            Format::AppleItunesAudio | Format::Mpeg4Part14 | Format::Mpeg4Part14Audio => ("m4a", "audio/mp4"),
            _ => return Err(refused("content", "is not sound of type WebM, Ogg or MP4")),
        },
        FileKind::File => {
            let ending = file::ending(name).unwrap_or_default();
            let known = DOCUMENTS.iter().find(|(known, _)| *known == ending);
            let agrees = known.is_some_and(|(_, formats)| formats.contains(&format));
            let is_text = known.is_some_and(|(_, formats)| **formats == TEXT);
            if !agrees || (is_text && !is_text_only(&std::fs::read(path).map_err(unreadable)?)) {
                return Err(refused("content", "is not what the ending of its name says"));
            }
            return Ok(Found { name: name.to_owned(), mime: DOWNLOAD });
        }
    };
    Ok(Found { name: file::with_ending(name, ending), mime })
}

/// No control characters but those of text; so in UTF-8 and GB 18030.
fn is_text_only(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte >= 0x20 && *byte != 0x7f || matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const OLE2: [u8; 8] = [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];

    fn found(kind: FileKind, name: &str, bytes: &[u8]) -> Result<Found, WireError> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        let endings: Vec<String> = known_endings().filter(|ending| *ending != "zip").map(str::to_owned).collect();
        look(file.path(), kind, name, &endings)
    }

    #[test]
    fn the_bytes_decide_and_the_name_has_to_agree() {
        let mut ole = OLE2.to_vec();
        ole.resize(2_048, 0);
        // Version 3: sectors of 512 bytes.
        ole[26] = 3;
        let jpeg = [0xff, 0xd8, 0xff, 0xe0, 0, 16, b'J', b'F', b'I', b'F', 0, 1];
        let webm =
            b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81\x04\x42\xf3\x81\x08\x42\x82\x84webm";
        let mut mz = b"MZ".to_vec();
        mz.resize(256, 0);
        for (kind, name, bytes, expected) in [
            (FileKind::Image, "照片.png", &jpeg[..], Ok(("照片.jpg", "image/jpeg"))),
            (FileKind::Image, "照片", &jpeg, Ok(("照片.jpg", "image/jpeg"))),
            (FileKind::Image, "照片.jpg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", Err("content")),
            (FileKind::Image, "照片.jpg", b"<html><script>1</script></html>", Err("content")),
            (FileKind::Image, "照片.jpg", b"%PDF-1.7", Err("content")),
            (FileKind::Voice, "voice", webm, Ok(("voice.webm", "audio/webm"))),
            (FileKind::Voice, "voice.webm", &jpeg, Err("content")),
            (FileKind::File, "a.pdf", b"%PDF-1.7\n1 0 obj", Ok(("a.pdf", DOWNLOAD))),
            (FileKind::File, "a.pdf", &mz, Err("content")),
            (FileKind::File, "a.docx", b"%PDF-1.7", Err("content")),
            (FileKind::File, "a.doc", &ole, Ok(("a.doc", DOWNLOAD))),
            (FileKind::File, "a.exe", &mz, Err("name")),
            (FileKind::File, "a.html", b"<html>", Err("name")),
            (FileKind::File, "a", b"text", Err("name")),
            (FileKind::File, "a.zip", b"PK\x03\x04", Err("name")),
            (FileKind::File, "a.txt", "你好\n".as_bytes(), Ok(("a.txt", DOWNLOAD))),
            // "你好" in GB 18030.
            (FileKind::File, "a.TXT", b"\xc4\xe3\xba\xc3\r\n", Ok(("a.TXT", DOWNLOAD))),
            (FileKind::File, "a.txt", b"\x00\x01binary", Err("content")),
            (FileKind::File, "a.csv", &mz, Err("content")),
        ] {
            let result = found(kind, name, bytes);
            let result = result.as_ref().map(|found| (found.name.as_str(), found.mime));
            let result = result.map_err(|error| error.field.as_deref().unwrap_or_default());
            assert_eq!(result, expected, "{name}");
        }
    }
}
