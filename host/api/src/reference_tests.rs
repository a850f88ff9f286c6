//! `docs/http-api.md` against the code.

use serde_json::Value;
use std::collections::BTreeSet;

const REFERENCE: &str = include_str!("../../../docs/http-api.md");

/// Routes that are in no OpenAPI document: what shows it.
const PAGES: [&str; 2] = ["GET /openapi.json", "GET /docs"];

#[test]
fn its_routes_are_those_of_the_server() {
    let document: Value = serde_json::from_str(&crate::document().unwrap()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let of_path = |(path, item): (&String, &Value)| {
        let methods: Vec<_> = item.as_object().unwrap().keys().map(|method| method.to_uppercase()).collect();
        methods.into_iter().map(|method| format!("{method} {path}")).collect::<Vec<_>>()
    };
    let served: BTreeSet<_> = paths.iter().flat_map(of_path).chain(PAGES.map(str::to_owned)).collect();
    let table = REFERENCE.split("## Routes").nth(1).unwrap().split("## Conventions").next().unwrap();
    let quoted = table.split('`').skip(1).step_by(2);
    let written: BTreeSet<_> = quoted.filter(|text| text.contains(" /")).map(str::to_owned).collect();
    assert_eq!(written, served);
}

#[test]
fn its_links_within_lead_to_headings() {
    let anchor = |heading: &str| {
        let kept = heading.chars().filter(|sign| sign.is_alphanumeric() || matches!(sign, ' ' | '-' | '_'));
        kept.collect::<String>().to_lowercase().replace(' ', "-")
    };
    let headings = REFERENCE.lines().filter(|line| line.starts_with('#'));
    let anchors: BTreeSet<_> = headings.map(|line| anchor(line.trim_start_matches('#').trim())).collect();
    let links: Vec<_> = REFERENCE.split("](#").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    assert!(links.len() > 50, "{}", links.len());
    let broken: Vec<_> = links.into_iter().filter(|link| !anchors.contains(*link)).collect();
    assert_eq!(broken, [""; 0]);
}

#[test]
fn its_examples_are_json() {
    let examples: Vec<_> = REFERENCE.split("```json\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(examples.len() > 20, "{}", examples.len());
    for example in examples {
        assert!(serde_json::from_str::<Value>(example).is_ok(), "no JSON:\n{example}");
    }
}
