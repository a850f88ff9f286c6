//! Equations of Office (`m:oMath`).

use super::symbols::{self, accent, is_function};
use super::{base, group};
use crate::xml::Element;

/// An equation as LaTeX.
pub fn omml(element: Element<'_, '_>) -> String {
    let mut out = String::new();
    push(&mut out, element);
    out.trim().to_owned()
}

fn of(element: Element<'_, '_>, name: &str) -> String {
    element.child(name).map(omml).unwrap_or_default()
}

fn value(element: Element<'_, '_>, properties: &str, name: &str) -> Option<String> {
    element.at(&[properties, name]).map(|found| found.attribute("val").unwrap_or_default())
}

fn character(element: Element<'_, '_>, properties: &str, name: &str) -> Option<Option<char>> {
    value(element, properties, name).map(|text| text.chars().next())
}

fn push(out: &mut String, element: Element<'_, '_>) {
    for child in element.elements() {
        push_one(out, child);
    }
}

fn push_one(out: &mut String, element: Element<'_, '_>) {
    let e = || of(element, "e");
    match element.name() {
        "r" => push_text(out, element),
        "f" => {
            let (top, bottom) = (of(element, "num"), of(element, "den"));
            match value(element, "fPr", "type").as_deref() {
                Some("lin" | "skw") => *out += &format!("{}/{}", base(&top), base(&bottom)),
                Some("noBar") => *out += &format!("\\binom{}{}", group(&top), group(&bottom)),
                _ => *out += &format!("\\frac{}{}", group(&top), group(&bottom)),
            }
        }
        "sSup" => *out += &format!("{}^{}", base(&e()), group(&of(element, "sup"))),
        "sSub" => *out += &format!("{}_{}", base(&e()), group(&of(element, "sub"))),
        "sSubSup" => *out += &format!("{}_{}^{}", base(&e()), group(&of(element, "sub")), group(&of(element, "sup"))),
        "sPre" => *out += &format!("{{}}_{}^{}{}", group(&of(element, "sub")), group(&of(element, "sup")), base(&e())),
        "rad" => {
            let degree = of(element, "deg");
            if degree.is_empty() {
                *out += &format!("\\sqrt{}", group(&e()));
            } else {
                *out += &format!("\\sqrt[{degree}]{}", group(&e()));
            }
        }
        "nary" => {
            let sign = character(element, "naryPr", "chr").flatten().unwrap_or('∫');
            symbols::push(out, &sign.to_string());
            let (sub, sup) = (of(element, "sub"), of(element, "sup"));
            if !sub.is_empty() {
                *out = format!("{}_{}", out.trim_end(), group(&sub));
            }
            if !sup.is_empty() {
                *out = format!("{}^{}", out.trim_end(), group(&sup));
            }
            out.push(' ');
            *out += &e();
        }
        "d" => {
            let open = character(element, "dPr", "begChr").unwrap_or(Some('('));
            let close = character(element, "dPr", "endChr").unwrap_or(Some(')'));
            let between = character(element, "dPr", "sepChr").flatten().unwrap_or('|');
            let mut parts: Vec<String> = element.all("e").map(omml).collect();
            if let [single] = parts.as_mut_slice()
                && let Some(inner) = single.strip_prefix("\\begin{matrix}").and_then(|rest| rest.strip_suffix("\\end{matrix}"))
                && let Some(kind) = matrix_of(open, close)
            {
                *out += &format!("\\begin{{{kind}}}{inner}\\end{{{kind}}}");
                return;
            }
            *out += &format!("\\left{}", delimiter(open));
            *out += &parts.join(&between.to_string());
            *out += &format!("\\right{}", delimiter(close));
        }
        "m" => {
            let row = |row: Element<'_, '_>| row.all("e").map(omml).collect::<Vec<_>>().join(" & ");
            let rows: Vec<String> = element.all("mr").map(row).collect();
            *out += &format!("\\begin{{matrix}}{}\\end{{matrix}}", rows.join(" \\\\ "));
        }
        "eqArr" => {
            let rows: Vec<String> = element.all("e").map(omml).collect();
            *out += &format!("\\begin{{matrix}}{}\\end{{matrix}}", rows.join(" \\\\ "));
        }
        "func" => {
            let name = of(element, "fName");
            out.push_str(name.trim());
            out.push(' ');
            *out += &e();
        }
        "limLow" => *out += &format!("{}_{}", base(&e()), group(&of(element, "lim"))),
        "limUpp" => *out += &format!("{}^{}", base(&e()), group(&of(element, "lim"))),
        "acc" => {
            let mark = character(element, "accPr", "chr").flatten().unwrap_or('\u{302}');
            *out += &format!("\\{}{}", accent(mark), group(&e()));
        }
        "bar" => {
            let under = value(element, "barPr", "pos").is_none_or(|pos| pos != "top");
            *out += &format!("\\{}{}", if under { "underline" } else { "overline" }, group(&e()));
        }
        "groupChr" => {
            let top = value(element, "groupChrPr", "pos").is_some_and(|pos| pos == "top");
            *out += &format!("\\{}{}", if top { "overbrace" } else { "underbrace" }, group(&e()));
        }
        // Words of the document within the equation.
        "t" => symbols::push(out, &element.text()),
        name if name.ends_with("Pr") => {}
        _ => push(out, element),
    }
}

fn push_text(out: &mut String, run: Element<'_, '_>) {
    let text: String = run.all("t").map(Element::text).collect();
    let word = text.trim();
    let upright = run.at(&["rPr", "nor"]).is_some() || run.at(&["rPr", "sty"]).is_some_and(|style| style.is("val", "p"));
    if is_function(word) {
        *out += &format!("\\{word} ");
    } else if upright && word.chars().count() > 1 && word.chars().all(|c| c.is_alphabetic() || c == ' ') {
        *out += &format!("\\text{{{text}}}");
    } else {
        symbols::push(out, &text);
    }
}

fn delimiter(c: Option<char>) -> String {
    match c {
        None => ".".into(),
        Some(c @ ('{' | '}')) => format!("\\{c}"),
        Some(c) => match symbols::command(c) {
            Some(command) => format!("\\{command} "),
            None => c.to_string(),
        },
    }
}

fn matrix_of(open: Option<char>, close: Option<char>) -> Option<&'static str> {
    Some(match (open?, close) {
        ('(', Some(')')) => "pmatrix",
        ('[', Some(']')) => "bmatrix",
        ('|', Some('|')) => "vmatrix",
        ('{', None) => "cases",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::{Flavour, Tree};

    fn latex(inner: &str) -> String {
        let text = format!("<m:oMath xmlns:m='x'>{inner}</m:oMath>");
        let tree = Tree::parse(&text, Flavour::Xml).unwrap();
        omml(tree.root())
    }

    fn run(text: &str) -> String {
        format!("<m:r><m:t>{text}</m:t></m:r>")
    }

    #[test]
    fn the_parts_of_equations() {
        let e = |name: &str, text: &str| format!("<m:{name}>{}</m:{name}>", run(text));
        for (inner, expected) in [
            (format!("<m:f>{}{}</m:f>", e("num", "a"), e("den", "b+c")), "\\frac{a}{b+c}"),
            (format!("<m:sSup>{}{}</m:sSup>", e("e", "𝑥"), e("sup", "2")), "x^{2}"),
            (format!("<m:sSubSup>{}{}{}</m:sSubSup>", e("e", "ab"), e("sub", "i"), e("sup", "2")), "{ab}_{i}^{2}"),
            (format!("<m:rad><m:deg/>{}</m:rad>", e("e", "α")), "\\sqrt{\\alpha}"),
            (format!("<m:rad>{}{}</m:rad>", e("deg", "3"), e("e", "x")), "\\sqrt[3]{x}"),
            (
                format!("<m:nary><m:naryPr><m:chr m:val='∑'/></m:naryPr>{}{}{}</m:nary>", e("sub", "i=0"), e("sup", "n"), e("e", "i")),
                "\\sum_{i=0}^{n} i",
            ),
            (format!("<m:d><m:dPr><m:begChr m:val='['/><m:endChr m:val=''/></m:dPr>{}</m:d>", e("e", "x")), "\\left[x\\right."),
            (format!("<m:acc>{}</m:acc>", e("e", "v")), "\\hat{v}"),
            (format!("<m:func><m:fName>{}</m:fName>{}</m:func>", run("sin"), e("e", "x")), "\\sin x"),
            (
                format!("<m:d><m:e><m:m><m:mr>{}{}</m:mr><m:mr>{}{}</m:mr></m:m></m:e></m:d>", e("e", "1"), e("e", "2"), e("e", "3"), e("e", "4")),
                "\\begin{pmatrix}1 & 2 \\\\ 3 & 4\\end{pmatrix}",
            ),
        ] {
            assert_eq!(latex(&inner), expected);
        }
    }
}
