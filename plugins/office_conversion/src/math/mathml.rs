//! Equations of OpenDocument and of books (`math`).

use super::symbols::{self, accent, is_function};
use super::{base, group};
use crate::xml::Element;

/// An equation as LaTeX: as its author wrote it, where it says so, and else by its parts.
pub fn mathml(element: Element<'_, '_>) -> String {
    let annotations = element.within("annotation");
    if let Some(own) = annotations.iter().find(|annotation| annotation.attribute("encoding").is_some_and(|name| name.contains("tex"))) {
        return own.text().trim().to_owned();
    }
    let mut out = String::new();
    push(&mut out, element);
    out.trim().to_owned()
}

fn one(element: Option<&Element<'_, '_>>) -> String {
    let mut out = String::new();
    if let Some(element) = element {
        push_one(&mut out, *element);
    }
    out.trim().to_owned()
}

fn push(out: &mut String, element: Element<'_, '_>) {
    for child in element.elements() {
        push_one(out, child);
    }
}

fn push_one(out: &mut String, element: Element<'_, '_>) {
    let children: Vec<Element<'_, '_>> = element.elements().collect();
    let part = |at: usize| one(children.get(at));
    let inner = || {
        let mut inner = String::new();
        push(&mut inner, element);
        inner.trim().to_owned()
    };
    match element.name() {
        "mi" | "mn" | "mo" => {
            let text = element.text();
            if is_function(text.trim()) { *out += &format!("\\{} ", text.trim()) } else { symbols::push(out, text.trim()) }
        }
        "mtext" | "ms" => *out += &format!("\\text{{{}}}", element.text().replace(['{', '}', '\\', '$'], "")),
        "mspace" => out.push(' '),
        "mfrac" => *out += &format!("\\frac{}{}", group(&part(0)), group(&part(1))),
        "msqrt" => *out += &format!("\\sqrt{}", group(&inner())),
        "mroot" => *out += &format!("\\sqrt[{}]{}", part(1), group(&part(0))),
        "msup" => *out += &format!("{}^{}", base(&part(0)), group(&part(1))),
        "msub" | "munder" => *out += &format!("{}_{}", base(&part(0)), group(&part(1))),
        "msubsup" | "munderover" => *out += &format!("{}_{}^{}", base(&part(0)), group(&part(1)), group(&part(2))),
        "mover" => {
            let over = children.get(1).map(|over| over.text()).unwrap_or_default();
            match over.trim().chars().collect::<Vec<_>>().as_slice() {
                [mark] if !mark.is_alphanumeric() => *out += &format!("\\{}{}", accent(*mark), group(&part(0))),
                _ => *out += &format!("{}^{}", base(&part(0)), group(&part(1))),
            }
        }
        "mfenced" => {
            let (open, close) = (element.attribute("open"), element.attribute("close"));
            symbols::push(out, open.as_deref().unwrap_or("("));
            *out += &children.iter().map(|child| one(Some(child))).collect::<Vec<_>>().join(", ");
            symbols::push(out, close.as_deref().unwrap_or(")"));
        }
        "mtable" => {
            let row = |row: &Element<'_, '_>| row.elements().map(|cell| one(Some(&cell))).collect::<Vec<_>>().join(" & ");
            *out += &format!("\\begin{{matrix}}{}\\end{{matrix}}", children.iter().map(row).collect::<Vec<_>>().join(" \\\\ "));
        }
        "annotation" | "annotation-xml" | "mphantom" => {}
        _ => push(out, element),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::{Flavour, Tree};

    fn latex(inner: &str) -> String {
        let text = format!("<math>{inner}</math>");
        let tree = Tree::parse(&text, Flavour::Xml).unwrap();
        mathml(tree.root())
    }

    #[test]
    fn the_parts_of_equations() {
        let fraction = "<mfrac><mrow><mi>a</mi><mo>+</mo><mn>1</mn></mrow><msqrt><mi>β</mi></msqrt></mfrac>";
        assert_eq!(latex(fraction), "\\frac{a+1}{\\sqrt{\\beta}}");
        assert_eq!(latex("<msubsup><mi>x</mi><mi>i</mi><mn>2</mn></msubsup>"), "x_{i}^{2}");
        assert_eq!(latex("<mover><mi>v</mi><mo>→</mo></mover>"), "\\vec{v}");
        assert_eq!(latex("<mi>x</mi><annotation encoding='application/x-tex'>y^2</annotation>"), "y^2");
    }
}
