//! The text of a paragraph.

use super::reader::{Note, Reader};
use crate::math;
use crate::slides::shapes::described;
use crate::write::{Inline, Style};
use crate::xml::Element;

/// Adds what an element holds. Text boxes and charts that are anchored in it are left in `boxes`.
pub fn push_all<'t, 'a>(
    reader: &mut Reader<'_, '_>,
    text: &mut Inline,
    element: Element<'t, 'a>,
    boxes: &mut Vec<Element<'t, 'a>>,
) {
    for child in element.elements() {
        push(reader, text, child, boxes);
    }
}

/// Adds an element.
pub fn push<'t, 'a>(
    reader: &mut Reader<'_, '_>,
    text: &mut Inline,
    element: Element<'t, 'a>,
    boxes: &mut Vec<Element<'t, 'a>>,
) {
    match element.name() {
        "r" => run(reader, text, element, boxes),
        "hyperlink" => {
            let relations = reader.relations;
            let id = element.prefixed("id");
            text.link(id.as_deref().and_then(|id| relations.address(id)));
            push_all(reader, text, element, boxes);
            text.link(None);
        }
        "oMathPara" => {
            for equation in element.all("oMath") {
                text.raw(&math::display(&math::omml(equation)));
            }
        }
        "oMath" => text.raw(&math::inline(&math::omml(element))),
        "AlternateContent" => {
            if let Some(choice) = element.child("Choice").or(element.child("Fallback")) {
                push_all(reader, text, choice, boxes);
            }
        }
        // What was deleted, and what is no text.
        "del" | "moveFrom" | "pPr" | "rPr" | "sdtPr" | "sdtEndPr" => {}
        _ => push_all(reader, text, element, boxes),
    }
}

fn run<'t, 'a>(
    reader: &mut Reader<'_, '_>,
    text: &mut Inline,
    element: Element<'t, 'a>,
    boxes: &mut Vec<Element<'t, 'a>>,
) {
    let properties = element.child("rPr");
    let on = |name: &str| {
        let found = properties.and_then(|own| own.child(name));
        found.is_some_and(|own| !["0", "false", "off", "none"].iter().any(|value| own.is("val", value)))
    };
    if on("vanish") {
        return;
    }
    let style = Style { bold: on("b"), italic: on("i"), strike: on("strike") || on("dstrike"), code: false };
    content(reader, text, element, boxes, style);
}

fn content<'t, 'a>(
    reader: &mut Reader<'_, '_>,
    text: &mut Inline,
    element: Element<'t, 'a>,
    boxes: &mut Vec<Element<'t, 'a>>,
    style: Style,
) {
    for child in element.elements() {
        let mut refer = |kind: Note| {
            if let Some(id) = child.attribute("id") {
                let label = reader.label(kind, id);
                text.raw(&format!("[^{label}]"));
            }
        };
        match child.name() {
            "t" => text.push(&child.text(), style),
            "tab" | "ptab" => text.plain(" "),
            "br" | "cr" => text.plain("\n"),
            "noBreakHyphen" => text.push("-", style),
            "sym" => {
                let code = child
                    .attribute("char")
                    .and_then(|code| u32::from_str_radix(&code, 16).ok())
                    .and_then(char::from_u32);
                // Characters of a font of pictures say nothing outside it.
                if let Some(c) = code.filter(|c| !('\u{e000}'..='\u{f8ff}').contains(c)) {
                    text.push(&c.to_string(), style);
                }
            }
            "footnoteReference" => refer(Note::Foot),
            "endnoteReference" => refer(Note::End),
            "commentReference" => refer(Note::Comment),
            "AlternateContent" => {
                if let Some(choice) = child.child("Choice").or(child.child("Fallback")) {
                    content(reader, text, choice, boxes, style);
                }
            }
            "drawing" | "pict" | "object" => anchored(reader, text, child, boxes, None),
            "ruby" => child.all("rubyBase").for_each(|base| push_all(reader, text, base, boxes)),
            _ => {}
        }
    }
}

/// Adds the pictures of a drawing. Its text boxes and charts are left in `boxes`, in order; those within a box come with it. `alt` is what
/// the drawing around says instead of a picture.
fn anchored<'t, 'a>(
    reader: &Reader<'_, '_>,
    text: &mut Inline,
    drawing: Element<'t, 'a>,
    boxes: &mut Vec<Element<'t, 'a>>,
    alt: Option<&str>,
) {
    let own = match drawing.name() {
        "inline" | "anchor" => drawing.child("docPr").and_then(described),
        "pic" => drawing.at(&["nvPicPr", "cNvPr"]).and_then(described),
        // As older programs write it.
        "shape" | "rect" => drawing.attribute("alt").filter(|alt| !alt.trim().is_empty()),
        _ => None,
    };
    let alt = own.as_deref().or(alt);
    for child in drawing.elements() {
        match child.name() {
            "txbxContent" => boxes.push(child),
            "chart" => boxes.push(child),
            "AlternateContent" => {
                if let Some(choice) = child.child("Choice").or(child.child("Fallback")) {
                    anchored(reader, text, choice, boxes, alt);
                }
            }
            "blip" => figure(reader, text, child.attribute("embed"), alt),
            "imagedata" => figure(reader, text, child.prefixed("id"), alt),
            _ => anchored(reader, text, child, boxes, alt),
        }
    }
}

fn figure(reader: &Reader<'_, '_>, text: &mut Inline, id: Option<String>, alt: Option<&str>) {
    let part = id.as_deref().and_then(|id| reader.relations.part(id));
    if let Some(reference) = part.and_then(|part| reader.package.figure(part, alt)) {
        text.raw(&reference);
    }
}
