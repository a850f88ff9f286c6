//! Names of environment variables, wherever they are written: in settings, comments and the page for operators.
use super::findings::Findings;
use super::serve::Server;

/// Prefixes of such names that are no settings: constants of systemd and Linux, and the variables of OpenTelemetry, which are not in
/// `morag.toml` (`docs/tracing.md`).
const OTHERS: [&str; 3] = ["AF_", "CAP_", "OTEL_"];

/// Every word of the form `A_NAME` must be a setting of the server.
pub fn check(server: &Server, path: &str, text: &str, findings: &mut Findings) {
    for (number, line) in text.lines().enumerate() {
        for name in names(line) {
            let known = server.has(name) || OTHERS.iter().any(|prefix| name.starts_with(prefix));
            findings.expect(known, path, format_args!("line {}: the server has no setting {name}", number + 1));
        }
    }
}

fn names(line: &str) -> impl Iterator<Item = &str> {
    let words = line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let is_name = |word: &&str| {
        word.starts_with(|c: char| c.is_ascii_uppercase())
            && word.trim_end_matches('_').contains('_')
            && !word.contains(|c: char| c.is_ascii_lowercase())
    };
    words.filter(is_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_no_setting_is_found_in_comments_too() {
        let mut findings = Findings::default();
        let text = "API_PORT=1\n# set API_PROT, or $API_PORT\nRestrictAddressFamilies=AF_INET\nmorag-ROLE.env _X A_\n#OTEL_TRACES_SAMPLER=";
        check(&super::super::serve::sample(), "x.env", text, &mut findings);
        assert_eq!(findings.0, ["deploy/x.env: line 2: the server has no setting API_PROT"]);
    }
}
