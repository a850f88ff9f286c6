//! Text of drawings: paragraphs and runs, as in slides, tables and charts of all Office programs.

use crate::math;
use crate::package::Relations;
use crate::write::{Blocks, Inline, Style};
use crate::xml::Element;

/// Whether paragraphs of a text are items of a list when they do not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bullets {
    /// As in the body of a slide, whose layout has them.
    Usual,
    /// As in a text box.
    Unusual,
}

/// Writes the paragraphs of a text.
pub fn write(blocks: &mut Blocks, body: Element<'_, '_>, relations: &Relations, bullets: Bullets) {
    // Numbers of the lists of each level.
    let mut numbers = [0u32; 10];
    let paragraphs: Vec<(Element<'_, '_>, Inline)> =
        body.all("p").map(|element| (element, paragraph(element, relations))).filter(|(_, text)| !text.is_blank()).collect();
    let usual = bullets == Bullets::Usual && paragraphs.len() > 1;
    for (element, text) in paragraphs {
        let properties = element.child("pPr");
        let has = |name: &str| properties.is_some_and(|properties| properties.child(name).is_some());
        let level = properties.and_then(|properties| properties.number::<usize>("lvl")).unwrap_or(0).min(8);
        let numbered = has("buAutoNum");
        let bulleted = has("buChar") || has("buBlip") || (usual && !has("buNone"));
        numbers[level + 1..].fill(0);
        let text = text.finish();
        if numbered {
            let start = properties.and_then(|own| own.child("buAutoNum")?.number::<u32>("startAt")).unwrap_or(1);
            numbers[level] = if numbers[level] == 0 { start.min(1_000_000) } else { numbers[level] + 1 };
            blocks.item(level, &format!("{}.", numbers[level]), &text);
        } else if bulleted {
            numbers[level] = 0;
            blocks.item(level, "-", &text);
        } else {
            numbers[level] = 0;
            blocks.paragraph(&text);
        }
    }
}

/// The text of a title or a cell: its paragraphs as lines.
pub fn lines(body: Element<'_, '_>, relations: &Relations) -> String {
    let lines: Vec<String> = body.all("p").map(|element| paragraph(element, relations).finish()).collect();
    lines.into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

fn paragraph(element: Element<'_, '_>, relations: &Relations) -> Inline {
    let mut text = Inline::new();
    runs(&mut text, element, relations);
    text
}

fn runs(text: &mut Inline, element: Element<'_, '_>, relations: &Relations) {
    for child in element.elements() {
        match child.name() {
            "r" => {
                let properties = child.child("rPr");
                let on = |name: &str| properties.is_some_and(|own| own.is(name, "1") || own.is(name, "true"));
                let strike = properties.and_then(|own| own.attribute("strike")).is_some_and(|strike| strike != "noStrike");
                let style = Style { bold: on("b"), italic: on("i"), strike, code: false };
                let link = properties.and_then(|own| own.child("hlinkClick")?.prefixed("id"));
                text.link(link.as_deref().and_then(|id| relations.address(id)));
                child.all("t").for_each(|t| text.push(&t.text(), style));
                text.link(None);
            }
            "br" => text.plain("\n"),
            "tab" => text.plain(" "),
            // The number of the slide and its date are the same on all.
            "fld" if child.attribute("type").is_some_and(|kind| kind == "slidenum" || kind.starts_with("datetime")) => {}
            "fld" => child.all("t").for_each(|t| text.plain(&t.text())),
            "oMathPara" => child.all("oMath").for_each(|equation| text.raw(&math::display(&math::omml(equation)))),
            "oMath" => text.raw(&math::inline(&math::omml(child))),
            // What newer programs show; older ones show its fallback.
            "AlternateContent" => child.all("Choice").take(1).for_each(|choice| runs(text, choice, relations)),
            "m" => runs(text, child, relations),
            _ => {}
        }
    }
}
