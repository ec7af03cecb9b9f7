//! Pictures: within bounds before anything is decoded, turned upright for the thumbnail, and without what the camera
//! wrote beside the picture: place, owner, serial number (个人信息保护法).

use std::io::Cursor;

use bangban_protocol::{ErrorCode, WireError};
use image::{
    DynamicImage, ImageDecoder as _, ImageFormat, ImageReader, Limits, Rgb, RgbImage, codecs::jpeg::JpegEncoder,
    metadata::Orientation,
};
use img_parts::{
    Bytes, ImageEXIF as _,
    jpeg::{Jpeg, JpegSegment, markers},
    png::Png,
    webp::WebP,
};

/// A thumbnail has at most so many pixels each way.
pub(super) const THUMB_SIDE: u32 = 480;

const THUMB_QUALITY: u8 = 80;

/// A checked picture.
#[derive(Debug)]
pub(super) struct Picture {
    /// What is stored: the same pixels, without data about place and owner.
    pub(super) bytes: Bytes,
    /// JPEG, upright.
    pub(super) thumb: Vec<u8>,
    /// Width and height, upright.
    pub(super) sides: (u32, u32),
}

fn refused(detail: impl Into<String>) -> WireError {
    WireError { field: Some("content".to_owned()), ..WireError::new(ErrorCode::UnsupportedFile, detail) }
}

/// Decodes a picture of at most `most_pixels`, makes its thumbnail and takes its metadata away. Takes up to 8 bytes of
/// memory a pixel and tens of milliseconds: call it off the runtime's threads, and not many at once.
pub(super) fn prepare(bytes: Vec<u8>, mime: &str, most_pixels: u64) -> Result<Picture, WireError> {
    let bytes = Bytes::from(bytes);
    let damaged = |error: image::ImageError| refused(format!("is not a whole picture: {error}"));
    let format = ImageFormat::from_mime_type(mime).ok_or_else(|| refused("is no picture"))?;
    let mut reader = ImageReader::with_format(Cursor::new(&bytes), format);
    let mut limits = Limits::default();
    // 16 bits in each of four channels, and what the decoder needs beside them.
    limits.max_alloc = Some(most_pixels.saturating_mul(8).saturating_add(64 << 20));
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(damaged)?;
    // What the head of the file says, before room is made for it.
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    if pixels > most_pixels {
        let detail = format!("has {pixels} pixels, at most {most_pixels} are taken (files.image_megapixels)");
        return Err(WireError { field: Some("content".to_owned()), ..WireError::new(ErrorCode::TooLarge, detail) });
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut whole = DynamicImage::from_decoder(decoder).map_err(damaged)?;
    let bytes = stripped(bytes, format, orientation)?;
    let is_small = width <= THUMB_SIDE && height <= THUMB_SIDE;
    let mut small = if is_small { whole.clone() } else { whole.thumbnail(THUMB_SIDE, THUMB_SIDE) };
    small.apply_orientation(orientation);
    // Of the large one only the sides are still asked for.
    let sides = if turns(orientation) { (height, width) } else { (width, height) };
    whole = DynamicImage::default();
    drop(whole);
    let mut thumb = Vec::new();
    on_white(&small)
        .write_with_encoder(JpegEncoder::new_with_quality(&mut thumb, THUMB_QUALITY))
        .map_err(|error| refused(format!("has no thumbnail: {error}")))?;
    Ok(Picture { bytes, thumb, sides })
}

const fn turns(orientation: Orientation) -> bool {
    match orientation {
        Orientation::Rotate90 | Orientation::Rotate270 | Orientation::Rotate90FlipH | Orientation::Rotate270FlipH => {
            true
        }
        Orientation::NoTransforms
        | Orientation::Rotate180
        | Orientation::FlipHorizontal
        | Orientation::FlipVertical => false,
    }
}

/// JPEG has no transparency: what shines through is white, as in the thread.
fn on_white(picture: &DynamicImage) -> RgbImage {
    if !picture.color().has_alpha() {
        return picture.to_rgb8();
    }
    let picture = picture.to_rgba8();
    RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        let [r, g, b, alpha] = picture.get_pixel(x, y).0.map(u16::from);
        let mix = |colour: u16| u8::try_from((colour * alpha + 255 * (255 - alpha)) / 255).unwrap_or(u8::MAX);
        Rgb([mix(r), mix(g), mix(b)])
    })
}

/// An Exif block that says how to turn the picture, and nothing else.
fn only_orientation(orientation: Orientation) -> Option<Bytes> {
    if orientation == Orientation::NoTransforms {
        return None;
    }
    // Little-endian TIFF: one directory at 8 with one entry, tag 0x0112, one SHORT.
    let mut block = *b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x01\0\0\0\0\0\0\0";
    if let Some(value) = block.get_mut(18) {
        *value = orientation.to_exif();
    }
    Some(Bytes::copy_from_slice(&block))
}

/// The same pixels without the metadata.
fn stripped(bytes: Bytes, format: ImageFormat, orientation: Orientation) -> Result<Bytes, WireError> {
    let odd = |error: img_parts::Error| refused(format!("has an odd structure: {error}"));
    Ok(match format {
        ImageFormat::Jpeg => {
            let mut jpeg = Jpeg::from_bytes(bytes).map_err(odd)?;
            // APP0 (JFIF), APP2 (colour profile) and APP14 (Adobe's colours) are needed to see it right.
            let says_more = |segment: &JpegSegment| {
                matches!(
                    segment.marker(),
                    markers::COM | markers::APP1 | markers::APP3..=markers::APP13 | markers::APP15
                )
            };
            jpeg.segments_mut().retain(|segment| !says_more(segment));
            jpeg.set_exif(only_orientation(orientation));
            jpeg.encoder().bytes()
        }
        ImageFormat::Png => {
            let mut png = Png::from_bytes(bytes).map_err(odd)?;
            for kind in [*b"tEXt", *b"iTXt", *b"zTXt", *b"tIME"] {
                png.remove_chunks_by_type(kind);
            }
            png.set_exif(only_orientation(orientation));
            png.encoder().bytes()
        }
        ImageFormat::WebP => {
            let mut webp = WebP::from_bytes(bytes).map_err(odd)?;
            webp.remove_chunks_by_id(*b"XMP ");
            webp.set_exif(only_orientation(orientation));
            webp.encoder().bytes()
        }
        // Has no place for such data.
        _ => bytes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Red on the left, blue on the right.
    fn two_colours(width: u32, height: u32) -> DynamicImage {
        let left = |x: u32| if x < width / 2 { Rgb([220, 20, 20]) } else { Rgb([20, 20, 220]) };
        RgbImage::from_fn(width, height, |x, _| left(x)).into()
    }

    fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    /// As a telephone writes it: turned, and with the place where it was taken.
    fn from_a_telephone(orientation: u8) -> Vec<u8> {
        let mut exif = b"II*\0\x08\0\0\0\x02\0".to_vec();
        exif.extend(b"\x12\x01\x03\0\x01\0\0\0");
        exif.extend([orientation, 0, 0, 0]);
        // GPS directory at 38: latitude reference N.
        exif.extend(b"\x25\x88\x04\0\x01\0\0\0\x26\0\0\0\0\0\0\0");
        exif.extend(b"\x01\0\x01\0\x02\0\x02\0\0\0N\0\0\0\0\0\0\0GPS-31.2304N");
        let mut jpeg = Jpeg::from_bytes(encoded(&two_colours(1_200, 600), ImageFormat::Jpeg).into()).unwrap();
        jpeg.set_exif(Some(exif.into()));
        let xmp = b"http://ns.adobe.com/xap/1.0/\0<x:owner>ZhangWei</x:owner>";
        jpeg.segments_mut().insert(1, JpegSegment::new_with_contents(markers::APP1, Bytes::from_static(xmp)));
        jpeg.encoder().bytes().to_vec()
    }

    fn contains(bytes: &[u8], part: &[u8]) -> bool {
        bytes.windows(part.len()).any(|window| window == part)
    }

    #[test]
    fn a_thumbnail_is_bounded_and_upright() {
        let original = from_a_telephone(6);
        let picture = prepare(original, "image/jpeg", 1_000_000).unwrap();
        assert_eq!(picture.sides, (600, 1_200));
        let thumb = image::load_from_memory_with_format(&picture.thumb, ImageFormat::Jpeg).unwrap().to_rgb8();
        assert_eq!(thumb.dimensions(), (240, 480));
        // Turned by 90° clockwise, left becomes top.
        let (top, bottom) = (thumb.get_pixel(120, 20).0, thumb.get_pixel(120, 460).0);
        assert!(top[0] > 180 && top[2] < 80, "{top:?}");
        assert!(bottom[2] > 180 && bottom[0] < 80, "{bottom:?}");
    }

    #[test]
    fn where_it_was_taken_and_by_whom_is_gone_and_how_to_turn_it_is_not() {
        let original = from_a_telephone(6);
        assert!(contains(&original, b"GPS-31.2304N") && contains(&original, b"ZhangWei"));
        let picture = prepare(original, "image/jpeg", 1_000_000).unwrap();
        assert!(!contains(&picture.bytes, b"GPS") && !contains(&picture.bytes, b"ZhangWei"));
        let mut decoder =
            ImageReader::with_format(Cursor::new(&picture.bytes), ImageFormat::Jpeg).into_decoder().unwrap();
        assert_eq!(decoder.orientation().unwrap(), Orientation::Rotate90);
        assert_eq!(decoder.dimensions(), (1_200, 600), "the pixels are the same");
    }

    #[test]
    fn small_ones_are_not_made_larger_and_shine_through_white() {
        let clear = DynamicImage::ImageRgba8(image::RgbaImage::from_pixel(40, 30, image::Rgba([0, 0, 0, 0])));
        for (format, mime) in
            [(ImageFormat::Png, "image/png"), (ImageFormat::WebP, "image/webp"), (ImageFormat::Gif, "image/gif")]
        {
            let picture = prepare(encoded(&clear, format), mime, 1_200).unwrap();
            let thumb = image::load_from_memory(&picture.thumb).unwrap().to_rgb8();
            assert_eq!((thumb.dimensions(), picture.sides), ((40, 30), (40, 30)), "{mime}");
            assert!(thumb.get_pixel(5, 5).0.iter().all(|part| *part > 250), "{mime}");
            image::load_from_memory_with_format(&picture.bytes, format).unwrap();
        }
    }

    #[test]
    fn a_bomb_is_refused_by_what_its_head_says() {
        // 30 000 x 30 000 in a few hundred bytes: the head of a PNG with one row's worth of nothing.
        let mut png = Png::from_bytes(encoded(&two_colours(2, 2), ImageFormat::Png).into()).unwrap();
        let head = png.chunks()[0].contents();
        let mut larger = [30_000_u32.to_be_bytes(), 30_000_u32.to_be_bytes()].concat();
        larger.extend_from_slice(&head[8..]);
        png.chunks_mut()[0] = img_parts::png::PngChunk::new(*b"IHDR", larger.into());
        let bomb = png.encoder().bytes().to_vec();
        assert!(bomb.len() < 500);
        let refused = prepare(bomb, "image/png", 50_000_000).unwrap_err();
        assert_eq!((refused.code, refused.field.as_deref()), (ErrorCode::TooLarge, Some("content")));
        assert!(prepare(encoded(&two_colours(100, 101), ImageFormat::Png), "image/png", 10_000).is_err());
        assert!(prepare(encoded(&two_colours(100, 100), ImageFormat::Png), "image/png", 10_000).is_ok());
    }

    #[test]
    fn half_a_picture_is_refused() {
        let whole = encoded(&two_colours(300, 300), ImageFormat::Png);
        let refused = prepare(whole[..whole.len() / 2].to_vec(), "image/png", 1_000_000).unwrap_err();
        assert_eq!(refused.code, ErrorCode::UnsupportedFile);
    }
}
