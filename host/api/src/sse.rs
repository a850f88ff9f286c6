//! Reading Server-Sent Events (WHATWG HTML, section 9.2.6). Pure: bytes in, events out.

/// Most bytes of one event: a webhook's body and a little more.
const EVENT_BYTES_MAX: usize = 16 << 20;

/// An event, or an id alone: the lines before a blank one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SseEvent {
    /// The last id of the stream, to resume after.
    pub id: String,
    /// Its type; `message` if none was sent.
    pub event: String,
    /// Its data; none for an id or a comment alone.
    pub data: Option<String>,
}

/// The stream has more bytes without a blank line than the largest event of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event of the stream is larger than {EVENT_BYTES_MAX} bytes")]
pub struct TooLarge;

/// Parses a stream from pieces of any size.
#[derive(Debug, Default)]
pub struct SseParser {
    /// The incomplete line.
    line: Vec<u8>,
    /// Whether the last line ended with CR, whose LF may still come.
    after_cr: bool,
    begun: bool,
    id: String,
    event: String,
    data: Option<String>,
    /// Bytes of lines since the last blank one.
    held: usize,
}

impl SseParser {
    /// Parses the next piece. Returns the events that it completed.
    ///
    /// # Errors
    /// For an event that is larger than 16 MiB.
    pub fn push(&mut self, piece: &[u8]) -> Result<Vec<SseEvent>, TooLarge> {
        let mut events = Vec::new();
        for byte in piece {
            let was_cr = std::mem::replace(&mut self.after_cr, *byte == b'\r');
            match byte {
                b'\n' if was_cr => {}
                b'\n' | b'\r' => events.extend(self.end_line()),
                byte => {
                    self.line.push(*byte);
                    self.held += 1;
                    if self.held > EVENT_BYTES_MAX {
                        return Err(TooLarge);
                    }
                }
            }
        }
        Ok(events)
    }

    fn end_line(&mut self) -> Option<SseEvent> {
        let line = std::mem::take(&mut self.line);
        let mut line = String::from_utf8_lossy(&line).into_owned();
        // A byte order mark may begin the stream.
        if !std::mem::replace(&mut self.begun, true)
            && let Some(rest) = line.strip_prefix('\u{feff}')
        {
            line = rest.to_owned();
        }
        if line.is_empty() {
            self.held = 0;
            let event = std::mem::take(&mut self.event);
            let event = if event.is_empty() { "message".to_owned() } else { event };
            return Some(SseEvent { id: self.id.clone(), event, data: self.data.take() });
        }
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event),
            // Lines of data are joined by line feeds.
            "data" => match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                none => *none = Some(value.to_owned()),
            },
            "id" if !value.contains('\0') => value.clone_into(&mut self.id),
            // Comments have no name before the colon; other fields mean nothing to us.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = "\u{feff}: hello\nid: 1\n\nid:7\nevent: step_started\ndata: {\"a\":\ndata: 1}\n\n: heartbeat\nid: 9\n\ndata\n\n";

    fn event(id: &str, event: &str, data: Option<&str>) -> SseEvent {
        SseEvent { id: id.into(), event: event.into(), data: data.map(Into::into) }
    }

    fn all(pieces: &[&[u8]]) -> Vec<SseEvent> {
        let mut parser = SseParser::default();
        pieces.iter().flat_map(|piece| parser.push(piece).unwrap()).collect()
    }

    #[test]
    fn events_come_apart_in_whatever_pieces_and_line_ends_they_come() {
        let expected = [
            event("1", "message", None),
            event("7", "step_started", Some("{\"a\":\n1}")),
            event("9", "message", None),
            event("9", "message", Some("")),
        ];
        for end in ["\n", "\r\n", "\r"] {
            let stream = STREAM.replace('\n', end);
            for size in [1, 2, 3, 7, stream.len()] {
                assert_eq!(all(&stream.as_bytes().chunks(size).collect::<Vec<_>>()), expected, "{end:?} {size}");
            }
        }
    }

    #[test]
    fn an_event_that_was_cut_off_is_none_and_an_id_with_a_nul_is_ignored() {
        assert_eq!(all(&[b"id: 1\ndata: x\n"]), []);
        assert_eq!(all(&[b"id: 1\nid: 2\0\ndata: x\n\n"]), [event("1", "message", Some("x"))]);
    }

    #[test]
    fn an_endless_event_is_refused() {
        let mut parser = SseParser::default();
        let piece = vec![b'x'; 1 << 20];
        let refused = (0..=EVENT_BYTES_MAX >> 20).map(|_| parser.push(&piece)).find(Result::is_err);
        assert_eq!(refused, Some(Err(TooLarge)));
    }
}
