//! Characters of equations as LaTeX has them.

/// Adds a text of an equation.
pub fn push(out: &mut String, text: &str) {
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let word = &rest[..rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len())];
        if is_function(word) {
            push_command(out, word);
            rest = &rest[word.len()..];
        } else if word.is_empty() {
            push_char(out, c);
            rest = &rest[c.len_utf8()..];
        } else {
            out.push_str(word);
            rest = &rest[word.len()..];
        }
    }
}

fn push_char(out: &mut String, c: char) {
    if let Some(plain) = plain(c) {
        return match command(plain) {
            Some(command) => push_command(out, command),
            None => out.push(plain),
        };
    }
    match c {
        '{' | '}' | '%' | '&' | '#' | '$' | '_' => {
            out.push('\\');
            out.push(c);
        }
        '\\' => out.push_str("\\backslash "),
        '~' => out.push_str("\\sim "),
        '^' => out.push_str("\\hat{}"),
        '\u{2061}'..='\u{2064}' | '\u{200b}' => {}
        '\u{2212}' => out.push('-'),
        '\u{2032}' => out.push('\''),
        '\u{2009}' | '\u{a0}' | '\u{2003}' | '\u{2002}' => out.push(' '),
        c if c.is_control() => out.push(' '),
        c => match command(c) {
            Some(command) => push_command(out, command),
            None => out.push(c),
        },
    }
}

fn push_command(out: &mut String, command: &str) {
    out.push('\\');
    out.push_str(command);
    // The space ends the name.
    out.push(' ');
}

/// A letter or digit of the block of mathematical letters, as it is without its style.
fn plain(c: char) -> Option<char> {
    let code = c as u32;
    let at = |first: u32, start: char| char::from_u32(start as u32 + (code - first));
    match code {
        0x210e => Some('h'),
        0x1d400..=0x1d6a3 => {
            let index = (code - 0x1d400) % 52;
            at(code - index % 26, if index < 26 { 'A' } else { 'a' })
        }
        0x1d6a8..=0x1d7c9 => match (code - 0x1d6a8) % 58 {
            index @ 0..=16 => at(code - index, 'Α'),
            17 => Some('θ'),
            index @ 18..=24 => at(code - (index - 18), 'Σ'),
            25 => Some('∇'),
            index @ 26..=50 => at(code - (index - 26), 'α'),
            51 => Some('∂'),
            52 => Some('ϵ'),
            53 => Some('ϑ'),
            54 => Some('ϰ'),
            55 => Some('ϕ'),
            56 => Some('ϱ'),
            _ => Some('ϖ'),
        },
        0x1d7ce..=0x1d7ff => at(code - (code - 0x1d7ce) % 10, '0'),
        _ => None,
    }
}

/// The command of a character, without its backslash.
pub fn command(c: char) -> Option<&'static str> {
    Some(match c {
        'α' => "alpha",
        'β' => "beta",
        'γ' => "gamma",
        'δ' => "delta",
        'ε' => "varepsilon",
        'ϵ' => "epsilon",
        'ζ' => "zeta",
        'η' => "eta",
        'θ' => "theta",
        'ϑ' => "vartheta",
        'ι' => "iota",
        'κ' => "kappa",
        'ϰ' => "varkappa",
        'λ' => "lambda",
        'μ' | 'µ' => "mu",
        'ν' => "nu",
        'ξ' => "xi",
        'π' => "pi",
        'ϖ' => "varpi",
        'ρ' => "rho",
        'ϱ' => "varrho",
        'σ' => "sigma",
        'ς' => "varsigma",
        'τ' => "tau",
        'υ' => "upsilon",
        'φ' => "varphi",
        'ϕ' => "phi",
        'χ' => "chi",
        'ψ' => "psi",
        'ω' => "omega",
        'Γ' => "Gamma",
        'Δ' | '∆' => "Delta",
        'Θ' => "Theta",
        'Λ' => "Lambda",
        'Ξ' => "Xi",
        'Π' => "Pi",
        'Σ' => "Sigma",
        'Υ' => "Upsilon",
        'Φ' => "Phi",
        'Ψ' => "Psi",
        'Ω' => "Omega",
        '±' => "pm",
        '∓' => "mp",
        '×' => "times",
        '÷' => "div",
        '⋅' | '·' => "cdot",
        '∗' => "ast",
        '∘' => "circ",
        '⊕' => "oplus",
        '⊗' => "otimes",
        '≤' => "leq",
        '≥' => "geq",
        '≠' => "neq",
        '≈' => "approx",
        '≡' => "equiv",
        '≅' => "cong",
        '∼' => "sim",
        '≃' => "simeq",
        '∝' => "propto",
        '≪' => "ll",
        '≫' => "gg",
        '∞' => "infty",
        '∂' => "partial",
        '∇' => "nabla",
        '∑' => "sum",
        '∏' => "prod",
        '∐' => "coprod",
        '∫' => "int",
        '∬' => "iint",
        '∭' => "iiint",
        '∮' => "oint",
        '√' => "surd",
        '∈' => "in",
        '∉' => "notin",
        '∋' => "ni",
        '⊂' => "subset",
        '⊃' => "supset",
        '⊆' => "subseteq",
        '⊇' => "supseteq",
        '∪' | '⋃' => "cup",
        '∩' | '⋂' => "cap",
        '∅' => "emptyset",
        '∀' => "forall",
        '∃' => "exists",
        '¬' => "neg",
        '∧' | '⋀' => "wedge",
        '∨' | '⋁' => "vee",
        '→' => "to",
        '←' => "leftarrow",
        '↔' => "leftrightarrow",
        '⇒' => "Rightarrow",
        '⇐' => "Leftarrow",
        '⇔' => "Leftrightarrow",
        '↦' => "mapsto",
        '↑' => "uparrow",
        '↓' => "downarrow",
        '…' => "ldots",
        '⋯' => "cdots",
        '⋮' => "vdots",
        '⋱' => "ddots",
        '⟨' | '〈' => "langle",
        '⟩' | '〉' => "rangle",
        '⌊' => "lfloor",
        '⌋' => "rfloor",
        '⌈' => "lceil",
        '⌉' => "rceil",
        '‖' | '∥' => "Vert",
        '∣' => "mid",
        '⊥' => "perp",
        '∠' => "angle",
        '∴' => "therefore",
        '∵' => "because",
        'ℏ' => "hbar",
        'ℓ' => "ell",
        'ℜ' => "Re",
        'ℑ' => "Im",
        'ℵ' => "aleph",
        'ℝ' => "mathbb{R}",
        'ℕ' => "mathbb{N}",
        'ℤ' => "mathbb{Z}",
        'ℚ' => "mathbb{Q}",
        'ℂ' => "mathbb{C}",
        '°' => "degree",
        _ => return None,
    })
}

/// The command that puts a mark over what follows.
pub fn accent(c: char) -> &'static str {
    match c {
        '\u{302}' | '^' | 'ˆ' => "hat",
        '\u{303}' | '~' | '˜' => "tilde",
        '\u{304}' | '\u{305}' | '¯' | '‾' | '_' => "bar",
        '\u{307}' | '˙' | '.' => "dot",
        '\u{308}' | '¨' => "ddot",
        '\u{20d7}' | '→' => "vec",
        '\u{301}' | '´' => "acute",
        '\u{300}' | '`' => "grave",
        '\u{306}' | '˘' => "breve",
        '\u{30c}' | 'ˇ' => "check",
        '⏞' => "overbrace",
        _ => "overline",
    }
}

/// Whether a word is the name of a function that LaTeX knows.
pub fn is_function(word: &str) -> bool {
    const FUNCTIONS: [&str; 25] = [
        "sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh", "arcsin", "arccos", "arctan", "log", "ln", "exp", "lim",
        "max", "min", "sup", "inf", "det", "dim", "gcd", "arg", "deg",
    ];
    FUNCTIONS.contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_mathematics_are_letters() {
        let mut out = String::new();
        push(&mut out, "𝑥𝐀𝒛𝛼𝜋𝟗ℎ𝛀");
        push(&mut out, " sinθ sinus");
        assert_eq!(out, "xAz\\alpha \\pi 9h\\Omega  \\sin \\theta  sinus");
    }
}
