//! Framing of server-sent events.

use hauski::openai::sse::{self, Event, MAX_EVENT_BYTES, Malformed, Reader};
use proptest::prelude::*;
use serde_json::json;

fn read(pieces: &[&[u8]]) -> Vec<Event> {
    let mut reader = Reader::default();
    pieces.iter().flat_map(|piece| reader.push(piece).unwrap()).collect()
}

fn data(text: &str) -> Event {
    Event { name: String::new(), data: text.to_owned() }
}

#[test]
fn lines_end_in_every_way_that_the_format_allows() {
    let all = b"data: a\n\ndata: b\r\n\r\ndata: c\r\rdata:d\n\n";
    assert_eq!(read(&[all]), [data("a"), data("b"), data("c"), data("d")]);
    // The same byte by byte: a carriage return may come apart from its line feed.
    let bytes: Vec<&[u8]> = all.chunks(1).collect();
    assert_eq!(read(&bytes), [data("a"), data("b"), data("c"), data("d")]);
}

#[test]
fn comments_names_and_lines_are_told_apart() {
    let events =
        read(&[b"\xef\xbb\xbf: hi\nevent: e\nid: 1\ndata: a\ndata:\ndata: b\n\n\ndata\n\n"]);
    assert_eq!(events, [Event { name: "e".to_owned(), data: "a\n\nb".to_owned() }, data("")]);
}

#[test]
fn an_event_without_end_is_none() {
    let mut reader = Reader::default();
    assert_eq!(reader.push(b"data: a\n").unwrap(), []);
    assert!(reader.is_inside());
    assert_eq!(reader.push(b"\n").unwrap(), [data("a")]);
    assert!(!reader.is_inside());
}

#[test]
fn streams_that_are_no_text_or_never_end_are_given_up() {
    assert_eq!(Reader::default().push(b"data: \xff\n"), Err(Malformed::NotUtf8));
    let mut reader = Reader::default();
    let line = vec![b'x'; 1 << 20];
    let fault = (0..=MAX_EVENT_BYTES >> 20).find_map(|_| reader.push(&line).err());
    assert_eq!(fault, Some(Malformed::TooLarge));
    let mut reader = Reader::default();
    let line = [b"data: ", vec![b'x'; 1 << 20].as_slice(), b"\n"].concat();
    let fault = (0..=MAX_EVENT_BYTES >> 20).find_map(|_| reader.push(&line).err());
    assert_eq!(fault, Some(Malformed::TooLarge));
}

proptest! {
    /// What is written is read again, however the network cuts it, inside characters too.
    #[test]
    fn frames_survive_every_cut(
        texts in prop::collection::vec(any::<String>(), 0..8),
        cuts in prop::collection::vec(1_usize..7, 1..40),
    ) {
        let mut stream = Vec::new();
        for (index, text) in texts.iter().enumerate() {
            let frame = match index % 2 {
                0 => sse::data(&json!({ "t": text })),
                _ => sse::event("response.x", &json!({ "t": text })),
            };
            prop_assert!(std::str::from_utf8(&frame).is_ok());
            stream.extend_from_slice(&frame);
            stream.extend_from_slice(sse::HEARTBEAT);
        }
        stream.extend_from_slice(sse::DONE);
        let mut reader = Reader::default();
        let mut events = Vec::new();
        let mut rest = stream.as_slice();
        for cut in cuts.iter().cycle() {
            let (piece, after) = rest.split_at((*cut).min(rest.len()));
            events.extend(reader.push(piece).unwrap());
            rest = after;
            if rest.is_empty() { break; }
        }
        prop_assert_eq!(events.len(), texts.len() + 1);
        prop_assert_eq!(&events[texts.len()].data, "[DONE]");
        for (event, text) in events.iter().zip(&texts) {
            let value: serde_json::Value = serde_json::from_str(&event.data).unwrap();
            prop_assert_eq!(value["t"].as_str(), Some(text.as_str()));
        }
    }

    /// Any bytes are read without a panic, and the same however they are cut.
    #[test]
    fn any_bytes_are_read_the_same_however_they_are_cut(
        bytes in prop::collection::vec(prop::sample::select(b"data: event\n\r\n\r:x\xc3\xa4\xef\xbb\xbf".to_vec()), 0..80),
        at in 0_usize..80,
    ) {
        let at = at.min(bytes.len());
        let whole = Reader::default().push(&bytes);
        let mut reader = Reader::default();
        let cut = reader.push(&bytes[..at]).and_then(|mut events| {
            events.extend(reader.push(&bytes[at..])?);
            Ok(events)
        });
        prop_assert_eq!(whole, cut);
    }
}
