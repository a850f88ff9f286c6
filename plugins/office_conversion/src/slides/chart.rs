//! The numbers behind a chart, as a table: they are cached beside it, so that no sheet has to be opened.

use crate::write::{Blocks, escape};
use crate::xml::Element;

/// Points of a series and series of a chart: a chart with more is not readable.
const POINTS_MAX: usize = 1000;
const SERIES_MAX: usize = 100;

/// Writes a chart's title and its series, a column each.
pub fn write(blocks: &mut Blocks, root: Element<'_, '_>) {
    let Some(chart) = root.child("chart") else { return };
    if let Some(title) = chart.child("title") {
        blocks.paragraph(&escape(&texts(title)));
    }
    let Some(area) = chart.child("plotArea") else { return };
    let series: Vec<Element<'_, '_>> = area.within("ser").into_iter().take(SERIES_MAX).collect();
    let categories =
        series.iter().find_map(|one| one.child("cat").or(one.child("xVal"))).map(points).unwrap_or_default();
    let values: Vec<Vec<String>> =
        series.iter().map(|one| one.child("val").or(one.child("yVal")).map(points).unwrap_or_default()).collect();
    let mut head = vec![String::new()];
    head.extend(series.iter().map(|one| one.child("tx").map(|name| escape(&texts(name))).unwrap_or_default()));
    let mut rows = vec![head];
    let count = values.iter().map(Vec::len).max().unwrap_or(0).max(categories.len());
    for at in 0..count {
        let value = |list: &Vec<String>| list.get(at).cloned().unwrap_or_default();
        let mut row = vec![value(&categories)];
        row.extend(values.iter().map(value));
        rows.push(row);
    }
    if count > 0 {
        blocks.table(&rows);
    }
    for axis in area.elements().filter(|element| element.name().ends_with("Ax")) {
        if let Some(title) = axis.child("title") {
            blocks.paragraph(&escape(&texts(title)));
        }
    }
}

fn texts(element: Element<'_, '_>) -> String {
    let mut found = element.within("t");
    if found.is_empty() {
        found = element.within("v");
    }
    found.into_iter().map(Element::text).collect()
}

fn points(data: Element<'_, '_>) -> Vec<String> {
    let mut points = Vec::new();
    for point in data.within("pt") {
        let at = point.number("idx").unwrap_or(points.len());
        if at >= POINTS_MAX {
            break;
        }
        if points.len() <= at {
            points.resize(at + 1, String::new());
        }
        points[at] = point.child("v").map(|value| escape(&number(&value.text()))).unwrap_or_default();
    }
    points
}

/// A number without the noise of its last binary digits.
fn number(text: &str) -> String {
    match text.trim().parse::<f64>() {
        Ok(number) if text.len() > 15 => crate::sheets::number::general(number),
        _ => text.to_owned(),
    }
}
