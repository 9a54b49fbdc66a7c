//! Reads a PNG file from a lab that nobody vouches for: nothing is allocated before its size was looked at.

use std::io::Cursor;

/// The longest file that is read, in bytes.
const LONGEST: usize = 4 << 20;
/// The most pixels.
const MOST_PIXELS: usize = 4_000_000;
/// What the decoder may allocate besides the pixels, in bytes.
const WORKING: usize = 16 << 20;

/// Why a picture is not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// It is not a PNG file.
    NotPng,
    /// It has too many bytes or pixels.
    TooLarge,
    /// It is damaged.
    Damaged,
}

/// A picture as rows of red, green, blue and opacity.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Pixels {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) rgba: Vec<[u8; 4]>,
}

/// Decodes a file.
pub(crate) fn decode(file: &[u8]) -> Result<Pixels, Reason> {
    if !file.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Err(Reason::NotPng);
    }
    if file.len() > LONGEST {
        return Err(Reason::TooLarge);
    }
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(file), png::Limits { bytes: WORKING });
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let info = decoder.read_header_info().map_err(|error| reason(&error))?;
    let (width, height) = (info.width as usize, info.height as usize);
    let pixels =
        width.checked_mul(height).filter(|pixels| (1..=MOST_PIXELS).contains(pixels)).ok_or(Reason::TooLarge)?;
    let mut reader = decoder.read_info().map_err(|error| reason(&error))?;
    let size = reader.output_buffer_size().filter(|size| *size <= 4 * pixels).ok_or(Reason::TooLarge)?;
    let mut buffer = vec![0; size];
    let frame = reader.next_frame(&mut buffer).map_err(|error| reason(&error))?;
    let taken = buffer.get(..frame.buffer_size()).ok_or(Reason::Damaged)?;
    let rgba: Vec<[u8; 4]> = match frame.color_type {
        png::ColorType::Rgba => taken.as_chunks::<4>().0.to_vec(),
        png::ColorType::Rgb => taken.as_chunks::<3>().0.iter().map(|[r, g, b]| [*r, *g, *b, 255]).collect(),
        png::ColorType::GrayscaleAlpha => taken.as_chunks::<2>().0.iter().map(|[v, a]| [*v, *v, *v, *a]).collect(),
        png::ColorType::Grayscale => taken.iter().map(|v| [*v, *v, *v, 255]).collect(),
        // The transformations above leave no palette.
        png::ColorType::Indexed => return Err(Reason::Damaged),
    };
    if rgba.len() == pixels { Ok(Pixels { width, height, rgba }) } else { Err(Reason::Damaged) }
}

fn reason(error: &png::DecodingError) -> Reason {
    match error {
        png::DecodingError::LimitsExceeded => Reason::TooLarge,
        png::DecodingError::IoError(_) | png::DecodingError::Format(_) | png::DecodingError::Parameter(_) => {
            Reason::Damaged
        }
    }
}
