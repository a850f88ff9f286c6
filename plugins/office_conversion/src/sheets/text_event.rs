//! Texts of sheets, event by event.

use quick_xml::events::Event;

/// Adds what an event within a text says.
pub fn push_text(out: &mut String, event: &Event<'_>) {
    match event {
        Event::Text(text) => out.push_str(text),
        Event::CData(text) => out.push_str(text),
        Event::GeneralRef(reference) => match reference.resolve_char_ref() {
            Ok(Some(c)) => out.push(c),
            _ => out.push_str(quick_xml::escape::resolve_predefined_entity(reference).unwrap_or_default()),
        },
        _ => {}
    }
}
