//! JUnit XML output for CI systems.

use std::fmt::Write as _;
use std::time::Duration;

/// The result of a test case.
#[derive(Debug, Clone)]
pub struct Case {
    /// Name of the case.
    pub name: String,
    /// Duration of the run.
    pub time: Duration,
    /// The failure, or `None` if the case passed.
    pub failure: Option<Failure>,
    /// Log output of the step.
    pub log: String,
}

/// Why a case failed.
#[derive(Debug, Clone)]
pub struct Failure {
    /// One-line summary.
    pub message: String,
    /// Full text.
    pub text: String,
}

/// Renders the cases of one step as one suite.
pub fn render(suite: &str, cases: &[Case]) -> String {
    let failures = cases.iter().filter(|case| case.failure.is_some()).count();
    let time: Duration = cases.iter().map(|case| case.time).sum();
    let totals = format!("tests=\"{}\" failures=\"{failures}\" time=\"{}\"", cases.len(), seconds(time));
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // Writing to a string cannot fail.
    let _ = writeln!(xml, "<testsuites {totals}>\n  <testsuite name=\"{}\" {totals}>", escaped(suite));
    for Case { name, time, failure, log } in cases {
        let (suite, name, time) = (escaped(suite), escaped(name), seconds(*time));
        let _ = writeln!(xml, "    <testcase classname=\"{suite}\" name=\"{name}\" time=\"{time}\">");
        if let Some(Failure { message, text }) = failure {
            let _ = writeln!(xml, "      <failure message=\"{}\">{}</failure>", escaped(message), escaped(text));
        }
        if !log.is_empty() {
            let _ = writeln!(xml, "      <system-out>{}</system-out>", escaped(log));
        }
        xml.push_str("    </testcase>\n");
    }
    xml.push_str("  </testsuite>\n</testsuites>\n");
    xml
}

fn seconds(time: Duration) -> String {
    format!("{:.3}", time.as_secs_f64())
}

/// Escapes text for an element or a quoted attribute. Characters not allowed in XML 1.0 become U+FFFD.
fn escaped(text: &str) -> String {
    let mut made = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => made.push_str("&amp;"),
            '<' => made.push_str("&lt;"),
            '>' => made.push_str("&gt;"),
            '"' => made.push_str("&quot;"),
            '\'' => made.push_str("&apos;"),
            // As character references, because XML parsers replace them with spaces in attributes.
            '\n' | '\t' => {
                let _ = write!(made, "&#{};", u32::from(c));
            }
            '\u{fffe}' | '\u{ffff}' => made.push('\u{fffd}'),
            c if c.is_control() => made.push('\u{fffd}'),
            c => made.push(c),
        }
    }
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(name: &str, failure: Option<Failure>) -> Case {
        Case { name: name.into(), time: Duration::from_millis(1250), failure, log: String::new() }
    }

    #[test]
    fn a_suite_counts_its_cases() {
        let failure = Failure { message: "report.json differs".into(), text: "-1\n+2".into() };
        let xml =
            render("redact", &[case("mail", None), Case { log: "info hello".into(), ..case("phone", Some(failure)) }]);
        let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
            <testsuites tests=\"2\" failures=\"1\" time=\"2.500\">\n  \
            <testsuite name=\"redact\" tests=\"2\" failures=\"1\" time=\"2.500\">\n    \
            <testcase classname=\"redact\" name=\"mail\" time=\"1.250\">\n    </testcase>\n    \
            <testcase classname=\"redact\" name=\"phone\" time=\"1.250\">\n      \
            <failure message=\"report.json differs\">-1&#10;+2</failure>\n      \
            <system-out>info hello</system-out>\n    </testcase>\n  </testsuite>\n</testsuites>\n";
        assert_eq!(xml, expected);
    }

    #[test]
    fn text_cannot_break_out_of_its_element_or_attribute() {
        let evil = "]]></failure><x a=\"'\"/>&amp;\u{0}\u{1b}\u{ffff}\r";
        let failure = Failure { message: evil.into(), text: evil.into() };
        let xml = render(evil, &[Case { log: evil.into(), ..case(evil, Some(failure)) }]);
        assert_eq!(xml.matches("</failure>").count(), 1);
        assert!(!xml.contains("<x") && xml.contains("&amp;amp;"), "{xml}");
        assert!(!xml.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{ffff}'), "{xml:?}");
        // The remaining quotes are the delimiters of attributes.
        assert_eq!(xml.matches('"').count() % 2, 0);
    }
}
