//! The codec against itself, against bytes that a real client sent, and against garbage.

use proptest::prelude::*;

use super::*;

fn all(decoder: &mut Decoder) -> Result<Vec<Frame>, FrameError> {
    let mut frames = Vec::new();
    while let Some(frame) = decoder.next()? {
        frames.push(frame);
    }
    Ok(frames)
}

/// Joins the parts of data frames.
fn joined(frames: Vec<Frame>) -> Vec<Frame> {
    let mut joined: Vec<Frame> = Vec::new();
    for frame in frames {
        match (joined.last_mut(), &frame) {
            (
                Some(Frame::Data { stream, bytes, more }),
                Frame::Data { stream: next_stream, bytes: next, more: next_more },
            ) if stream == next_stream && *more == More::Open => {
                *bytes = Bytes::from([bytes.as_ref(), next.as_ref()].concat());
                *more = *next_more;
            }
            _ => joined.push(frame),
        }
    }
    joined
}

fn conversation() -> Vec<u8> {
    let (mut encoder, mut bytes) = (Encoder::new(), Vec::new());
    encoder.open(1, &[("streamtype", "error")], More::Finished, &mut bytes).unwrap();
    encoder.open(3, &[("streamtype", "stdin"), ("port", "80")], More::Open, &mut bytes).unwrap();
    encoder.reply(3, &mut bytes).unwrap();
    data(3, b"hello", More::Open, &mut bytes);
    data(3, b"", More::Finished, &mut bytes);
    ping(7, &mut bytes);
    window(3, 5, &mut bytes);
    reset(1, Reset::Refused, &mut bytes);
    go_away(3, &mut bytes);
    bytes
}

fn expected() -> Vec<Frame> {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    vec![
        Frame::Open { stream: 1, headers: vec![pair("streamtype", "error")], more: More::Finished },
        Frame::Open { stream: 3, headers: vec![pair("streamtype", "stdin"), pair("port", "80")], more: More::Open },
        Frame::Reply { stream: 3 },
        Frame::Data { stream: 3, bytes: Bytes::from_static(b"hello"), more: More::Finished },
        Frame::Ping { id: 7 },
        Frame::Other,
        Frame::Reset { stream: 1 },
        Frame::GoAway,
    ]
}

#[test]
fn frames_are_read_however_the_bytes_are_cut() {
    let bytes = conversation();
    for size in [1, 2, 3, 7, 8, 9, 64, bytes.len()] {
        let (mut decoder, mut frames) = (Decoder::new(), Vec::new());
        for part in bytes.chunks(size) {
            decoder.feed(part);
            frames.extend(all(&mut decoder).unwrap());
        }
        assert_eq!(joined(frames), expected(), "{size} bytes at a time");
    }
}

/// What kubectl 1.20 sends for `echo piped input | kubectl exec -i web -- cat`, from the upgrade on.
#[test]
fn bytes_of_a_real_client_are_read() {
    let mut decoder = Decoder::new();
    decoder.feed(include_bytes!("kubectl-1.20-exec.bin"));
    let open = |stream: u32, kind: &str| Frame::Open {
        stream,
        headers: vec![("streamtype".to_owned(), kind.to_owned())],
        more: More::Open,
    };
    let mut expected: Vec<Frame> =
        [(1, "error"), (3, "stdin"), (5, "stdout"), (7, "stderr")].map(|(stream, kind)| open(stream, kind)).into();
    expected.push(Frame::Data { stream: 3, bytes: Bytes::from_static(b"piped input\n"), more: More::Finished });
    expected.extend([1, 5, 7].map(|stream| Frame::Reset { stream }));
    expected.push(Frame::GoAway);
    assert_eq!(joined(all(&mut decoder).unwrap()), expected);
}

#[test]
fn rules_that_are_broken_are_told_apart() {
    let feed = |bytes: &[u8]| {
        let mut decoder = Decoder::new();
        decoder.feed(bytes);
        all(&mut decoder)
    };
    assert_eq!(feed(&[0x80, 2, 0, 6, 0, 0, 0, 4, 0, 0, 0, 1]), Err(FrameError::Version));
    assert_eq!(feed(&[0x80, 3, 0, 6, 0, 0, 0, 3, 0, 0, 0]), Err(FrameError::Length));
    assert_eq!(feed(&[0x80, 3, 0, 1, 0, 0xff, 0xff, 0xff]), Err(FrameError::TooLong));
    assert_eq!(feed(&[0x80, 3, 0, 1, 0, 0, 0, 12, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 2]), Err(FrameError::Headers));
    assert_eq!(feed(&[0x80, 3, 0, 99, 0, 0, 0, 1, 5]), Ok(vec![Frame::Other]));
}

proptest! {
    #[test]
    fn garbage_does_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..2048), size in 1usize..300) {
        let mut decoder = Decoder::new();
        for part in bytes.chunks(size) {
            decoder.feed(part);
            if all(&mut decoder).is_err() {
                break;
            }
            prop_assert!(decoder.buffer.len() <= CONTROL + HEAD + size);
        }
    }

    #[test]
    fn a_conversation_with_wrong_bytes_does_no_harm(
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = conversation();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let mut decoder = Decoder::new();
        decoder.feed(&bytes);
        let frames = all(&mut decoder).unwrap_or_default();
        prop_assert!(frames.len() <= bytes.len());
    }
}
