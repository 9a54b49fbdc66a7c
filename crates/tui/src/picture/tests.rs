//! Pictures: which way they are shown, what they look like, what bad files do.

use ratatui::layout::Rect;

use super::protocol::{Change, Shown, Wall};
use super::*;
use crate::tests::course::png;

fn shown_by(variables: &[(&str, &str)], expected: Pictures) {
    let found =
        Pictures::of(|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()));
    assert_eq!(found, expected, "{variables:?}");
}

#[test]
fn the_environment_says_who_draws_pictures() {
    shown_by(&[], Pictures::Blocks);
    shown_by(&[("TERM", "xterm-256color")], Pictures::Blocks);
    shown_by(&[("TERM", "xterm-kitty")], Pictures::Kitty);
    shown_by(&[("TERM", "xterm-256color"), ("KITTY_WINDOW_ID", "1")], Pictures::Kitty);
    shown_by(&[("TERM_PROGRAM", "ghostty")], Pictures::Kitty);
    shown_by(&[("TERM_PROGRAM", "WezTerm")], Pictures::Iterm);
    // A multiplexer is in between, and the variable is left from the terminal around it.
    shown_by(&[("TERM", "tmux-256color"), ("KITTY_WINDOW_ID", "1")], Pictures::Blocks);
    shown_by(&[("TMUX", "/tmp/x,1,0"), ("TERM", "xterm-kitty")], Pictures::Blocks);
    shown_by(&[("ATELIER_IMAGES", "text"), ("TERM", "xterm-kitty")], Pictures::Words);
    shown_by(&[("ATELIER_IMAGES", "kitty"), ("TMUX", "x")], Pictures::Kitty);
    shown_by(&[("ATELIER_IMAGES", "?"), ("TERM", "xterm-kitty")], Pictures::Kitty);
}

#[test]
fn two_pixels_stand_in_one_cell() {
    let (red, clear) = ([255, 0, 0, 255], [0, 0, 0, 0]);
    // A red left half, and right below it a transparent quarter.
    let file = png(4, 4, |x, y| if x < 2 || y < 2 { red } else { clear });
    let picture = Gallery::default().read("a.png", &file).unwrap();
    assert_eq!(picture.extent(80, 40), (4, 2));
    assert_eq!(picture.extent(2, 40), (2, 1));
    let lines = picture.blocks((4, 2));
    let text: Vec<String> = lines.iter().map(ToString::to_string).collect();
    assert_eq!(text, ["▀▀▀▀", "▀▀  "]);
    let style = lines[0].spans[0].style;
    assert_eq!((format!("{:?}", style.fg), style.fg), ("Some(Rgb(255, 0, 0))".to_owned(), style.bg));
}

#[test]
fn a_tall_picture_is_bounded_in_height() {
    let file = png(10, 2000, |_, _| [9, 9, 9, 255]);
    let picture = Gallery::default().read("a.png", &file).unwrap();
    let (columns, rows) = picture.extent(60, usize::MAX);
    assert!(columns >= 1 && rows <= MOST_ROWS, "{columns} × {rows}");
}

fn refused(file: &[u8]) -> Reason {
    decode::decode(file).expect_err("not a picture that is shown")
}

#[test]
fn bad_files_are_refused_with_the_reason() {
    let good = png(8, 8, |x, y| [x as u8, y as u8, 0, 255]);
    assert_eq!(refused(b"<svg></svg>"), Reason::NotPng);
    assert_eq!(refused(b""), Reason::NotPng);
    assert_eq!(refused(&good[..good.len() / 2]), Reason::Damaged);
    let mut long = good.clone();
    long.resize(5 << 20, 0);
    assert_eq!(refused(&long), Reason::TooLarge);
    // A header that promises 60,000 × 60,000 pixels, with its checksum.
    let mut bomb = good;
    bomb[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    let sum = crc(&bomb[12..29]);
    bomb[29..33].copy_from_slice(&sum.to_be_bytes());
    assert_eq!(refused(&bomb), Reason::TooLarge);
}

/// The checksum of a chunk (PNG specification, annex D), one bit at a time.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { 0xedb8_8320 ^ (sum >> 1) } else { sum >> 1 })
    })
}

proptest::proptest! {
    #[test]
    fn no_file_makes_the_reader_panic(at in 8_usize..200, byte: u8, cut in 0_usize..200) {
        let mut file = png(16, 16, |x, y| [x as u8, y as u8, 7, 255]);
        let last = file.len() - 1;
        file[at.min(last)] = byte;
        file.truncate(file.len() - cut.min(last));
        if let Ok(pixels) = decode::decode(&file) {
            proptest::prop_assert_eq!(pixels.rgba.len(), pixels.width * pixels.height);
        }
    }
}

fn hang(wall: &mut Wall, pictures: Pictures, at: &[(&Arc<Picture>, Rect)]) -> Change {
    wall.change(
        pictures,
        at.iter().map(|(picture, area)| Shown { picture: Arc::clone(picture), area: *area }).collect(),
    )
}

#[test]
fn kitty_is_sent_a_picture_once_and_told_where_it_stands() {
    let file = png(64, 64, |x, y| [(x * y) as u8, (x ^ y) as u8, (x * 7 + y * 13) as u8, 255]);
    let picture = Gallery::default().read("a.png", &file).unwrap();
    let mut wall = Wall::default();
    let Change::Write(first) = hang(&mut wall, Pictures::Kitty, &[(&picture, Rect::new(1, 2, 20, 10))]) else {
        panic!("bytes to write")
    };
    assert!(first.starts_with("\x1b_Ga=d,d=a,q=2\x1b\\\x1b_Ga=t,f=100,i=1,q=2,m="), "{first:?}");
    assert!(first.ends_with("\x1b[3;2H\x1b_Ga=p,i=1,p=1,c=20,r=10,C=1,q=2\x1b\\"), "{first:?}");
    assert!(first.split("\x1b\\").all(|command| command.len() < 4200), "no chunk is too long");
    // Scrolled by a line: placed again, not sent again.
    let Change::Write(second) = hang(&mut wall, Pictures::Kitty, &[(&picture, Rect::new(1, 1, 20, 10))]) else {
        panic!("bytes to write")
    };
    assert_eq!(second, "\x1b_Ga=d,d=a,q=2\x1b\\\x1b[2;2H\x1b_Ga=p,i=1,p=1,c=20,r=10,C=1,q=2\x1b\\");
    assert_eq!(hang(&mut wall, Pictures::Kitty, &[(&picture, Rect::new(1, 1, 20, 10))]), Change::None);
    assert_eq!(hang(&mut wall, Pictures::Kitty, &[]), Change::Write("\x1b_Ga=d,d=a,q=2\x1b\\".to_owned()));
}

#[test]
fn what_an_iterm_picture_covered_is_drawn_anew() {
    let picture = Gallery::default().read("a.png", &png(2, 2, |_, _| [1, 2, 3, 255])).unwrap();
    let mut wall = Wall::default();
    let Change::Write(bytes) = hang(&mut wall, Pictures::Iterm, &[(&picture, Rect::new(0, 0, 2, 1))]) else {
        panic!("bytes to write")
    };
    assert!(bytes.starts_with("\x1b[1;1H\x1b]1337;File=inline=1;size="), "{bytes:?}");
    assert!(bytes.ends_with('\x07'));
    assert_eq!(hang(&mut wall, Pictures::Iterm, &[]), Change::Redraw(String::new()));
}
