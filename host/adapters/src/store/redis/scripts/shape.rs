//! The names that a script declares, and its text with each name replaced by the position of what it names.
//!
//! A script says `keys.NAME` and `args.NAME`. Of the list that may stand at the end of either it says `#keys.LIST`, and
//! `keys.LIST[INDEX]` from 1 on. All of that is replaced once, when the script is first used: a call sends no names, and Lua sees
//! `KEYS[3]`, `(#ARGV - 12)` and `ARGV[12 + INDEX]`.

use std::collections::BTreeMap;

/// What a script declares.
pub(crate) struct Shape {
    /// The script's name.
    pub(crate) name: &'static str,
    /// The texts that it consists of, in order.
    pub(crate) parts: &'static [&'static str],
    /// Names of its keys, in the order in which they are sent.
    pub(crate) keys: &'static [&'static str],
    /// Name of the list of keys behind them; none or one.
    pub(crate) key_list: &'static [&'static str],
    /// Names of its arguments, in the order in which they are sent.
    pub(crate) args: &'static [&'static str],
    /// Name of the list of arguments behind them; none or one.
    pub(crate) arg_list: &'static [&'static str],
}

/// How a script's text and its declaration disagree.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Mistake {
    #[error("the script {0} declares {1} twice")]
    Doubled(&'static str, String),
    #[error("the script {0} says {1}, which it does not declare")]
    Undeclared(&'static str, String),
    #[error("the script {0} declares {1} and does not use it")]
    Unused(&'static str, String),
    #[error("the script {0} uses the list {1} without # and without an index")]
    WholeList(&'static str, String),
    #[error("the script {0} says {1} instead of a name")]
    Positional(&'static str, String),
}

/// Where what a name stands for is sent.
enum Position {
    One(String),
    /// The elements of a table behind so many.
    Rest(&'static str, usize),
}

impl Shape {
    /// The text that servers get.
    pub(crate) fn text(&self) -> Result<String, Mistake> {
        let mut names = BTreeMap::new();
        for (word, table, singles, list) in
            [("keys", "KEYS", self.keys, self.key_list), ("args", "ARGV", self.args, self.arg_list)]
        {
            let ones = singles.iter().enumerate();
            let ones = ones.map(|(index, name)| (name, Position::One(format!("{table}[{}]", index + 1))));
            let rest = list.iter().map(|name| (name, Position::Rest(table, singles.len())));
            for (name, position) in ones.chain(rest) {
                let name = format!("{word}.{name}");
                if names.insert(name.clone(), (position, false)).is_some() {
                    return Err(Mistake::Doubled(self.name, name));
                }
            }
        }
        let mut text = String::new();
        for line in self.parts.iter().flat_map(|part| part.lines()) {
            // Comments may say anything.
            let code = line.split("--").next().unwrap_or_default();
            self.resolve(code.trim_end(), &mut names, &mut text)?;
            text.push('\n');
        }
        match names.into_iter().find(|(_, (_, used))| !used) {
            Some((name, _)) => Err(Mistake::Unused(self.name, name)),
            None => Ok(text),
        }
    }

    /// Appends a line to the text, with positions for names.
    fn resolve(
        &self,
        mut code: &str,
        names: &mut BTreeMap<String, (Position, bool)>,
        text: &mut String,
    ) -> Result<(), Mistake> {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        while !code.is_empty() {
            let (between, rest) = code.split_at(code.find(is_word).unwrap_or(code.len()));
            let (word, rest) = rest.split_at(rest.find(|c| !is_word(c)).unwrap_or(rest.len()));
            code = rest;
            text.push_str(between);
            if word == "KEYS" || word == "ARGV" {
                return Err(Mistake::Positional(self.name, word.to_owned()));
            }
            if !word.starts_with("keys.") && !word.starts_with("args.") {
                text.push_str(word);
                continue;
            }
            let Some((position, used)) = names.get_mut(word) else {
                return Err(Mistake::Undeclared(self.name, word.to_owned()));
            };
            *used = true;
            match position {
                Position::One(element) => text.push_str(element),
                Position::Rest(table, before) if text.ends_with('#') => {
                    text.pop();
                    text.push_str(&format!("(#{table} - {before})"));
                }
                Position::Rest(table, before) => {
                    let index = rest.strip_prefix('[');
                    code = index.ok_or_else(|| Mistake::WholeList(self.name, word.to_owned()))?;
                    text.push_str(&format!("{table}[{before} + "));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(part: &'static str) -> Result<String, Mistake> {
        Shape {
            name: "Sample",
            parts: vec!["local id = args.id\n", part].leak(),
            keys: &["task", "history"],
            key_list: &["lists"],
            args: &["id"],
            arg_list: &["events"],
        }
        .text()
    }

    #[test]
    fn names_become_positions() {
        let code = "f(keys.task, keys.history) -- keys.other\nfor i = 1, #keys.lists do g(keys.lists[i], #args.id) end\n\
                    return args.events[#args.events - 1]";
        let resolved = "local id = ARGV[1]\nf(KEYS[1], KEYS[2])\n\
                        for i = 1, (#KEYS - 2) do g(KEYS[2 + i], #ARGV[1]) end\nreturn ARGV[1 + (#ARGV - 1) - 1]\n";
        assert_eq!(text(code).unwrap(), resolved);
    }

    #[test]
    fn text_and_declaration_must_agree() {
        let all = "keys.task keys.history #keys.lists #args.events ";
        assert!(text(all).is_ok());
        let mistake = |code: &'static str| text(code).unwrap_err();
        assert_eq!(mistake("keys.tasks"), Mistake::Undeclared("Sample", "keys.tasks".into()));
        assert_eq!(mistake("args.task"), Mistake::Undeclared("Sample", "args.task".into()));
        assert_eq!(mistake("keys.task #keys.lists #args.events"), Mistake::Unused("Sample", "keys.history".into()));
        assert_eq!(mistake("keys.task keys.history #keys.lists"), Mistake::Unused("Sample", "args.events".into()));
        assert_eq!(mistake("f(args.events)"), Mistake::WholeList("Sample", "args.events".into()));
        assert_eq!(mistake("f(ARGV[2])"), Mistake::Positional("Sample", "ARGV".into()));
        let doubled = Shape { name: "Sample", parts: &[], keys: &["a", "a"], key_list: &[], args: &[], arg_list: &[] };
        assert_eq!(doubled.text(), Err(Mistake::Doubled("Sample", "keys.a".into())));
    }
}
