//! Files of a new project: templates with the placeholder `{{name}}`.

use super::manifest::Language;

/// Longest name of a step, as defined in the WIT.
const NAME_CHARS_MAX: usize = 64;

/// Reserved names: folders of a project, and names that a language does not allow for a package.
const TAKEN: [&str; 12] =
    ["build", "core", "plugin", "self", "std", "step", "super", "test", "tests", "target", "wit", "crate"];

/// Replaces `{{name}}` in a template.
pub fn fill(text: &str, name: &str) -> String {
    text.replace("{{name}}", name)
}

/// Path of a template's file in the project. The template `gitignore` has no dot, so that it has no effect in this repository.
pub fn path(template: &str) -> &str {
    match template {
        "gitignore" => ".gitignore",
        other => other,
    }
}

/// Checks the name of a new step.
///
/// # Errors
/// One line, with a suggestion if there is one.
pub fn check_name(name: &str) -> Result<(), String> {
    if TAKEN.contains(&name) {
        return Err(format!("a step cannot be named {name}, which is reserved: try my_{name}"));
    }
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let fits = (1..=NAME_CHARS_MAX).contains(&name.len())
        && name.chars().all(plain)
        && name.starts_with(|c: char| c.is_ascii_lowercase());
    if fits {
        return Ok(());
    }
    let better = snake_case(name);
    let hint = if better.is_empty() { String::new() } else { format!(": try {better}") };
    Err(format!("{name:?} is not a valid step name: use 1 to {NAME_CHARS_MAX} characters of lower snake case{hint}"))
}

fn snake_case(name: &str) -> String {
    let mut made = String::new();
    let mut after_lower = false;
    for c in name.chars() {
        if c.is_ascii_uppercase() && after_lower {
            made.push('_');
        }
        after_lower = c.is_ascii_lowercase() || c.is_ascii_digit();
        match c.is_ascii_alphanumeric() {
            true => made.push(c.to_ascii_lowercase()),
            false if made.ends_with('_') || made.is_empty() => {}
            false => made.push('_'),
        }
    }
    let made = made.trim_matches(|c: char| c == '_' || c.is_ascii_digit());
    made.chars().take(NAME_CHARS_MAX).collect()
}

/// The commands to run next, one per line.
pub fn next_commands(language: Language, folder: &str) -> Vec<String> {
    let source = match language {
        Language::Rust => "src/lib.rs",
        Language::Python => "step.py",
        Language::Javascript => "step.js",
        Language::C | Language::Other => "step.c",
    };
    vec![
        format!("cd {folder}"),
        "morag plugin build".to_owned(),
        "morag plugin test".to_owned(),
        format!("# then edit {source}, and update the expected results with `morag plugin test --bless`"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_filled_in() {
        assert_eq!(fill("name = \"{{name}}\" # {{name}} {other}", "redact"), "name = \"redact\" # redact {other}");
        assert_eq!((path("gitignore"), path("src/lib.rs")), (".gitignore", "src/lib.rs"));
    }

    #[test]
    fn an_invalid_name_is_refused_with_a_suggestion() {
        for (bad, better) in
            [("my-step", "my_step"), ("RedactNames", "redact_names"), ("9 lives", "lives"), ("../x", "x")]
        {
            let said = check_name(bad).unwrap_err();
            assert!(said.ends_with(&format!("try {better}")), "{said}");
            assert_eq!(check_name(better), Ok(()));
        }
        for bad in ["", "é", "-", "tests", "self", &"a".repeat(65)] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }
}
