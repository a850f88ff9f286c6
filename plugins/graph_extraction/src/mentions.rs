//! The second reading: what a sentence mentions.

use crate::kinds::Kind;
use crate::language::Language;
use crate::lexicon::{KnownName, Lexicon};
use crate::tokens::{Shape, Token, TokenKind};
use crate::values::value_at;
use crate::words::{Words, is_initial, singular};

/// How much one mention proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Proof {
    /// Nothing alone: it counts when the name is proved elsewhere.
    None,
    /// Half: two of them are enough.
    Half,
    /// Enough.
    Full,
}

/// A name or value in a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mention {
    /// Its first token, counted from the start of the sentence.
    pub first: usize,
    /// The token after its last one.
    pub last: usize,
    /// What it is, if the mention tells.
    pub kind: Option<Kind>,
    /// Whether it is a country.
    pub country: bool,
    /// How much it proves.
    pub proof: Proof,
    /// As written, with single spaces.
    pub name: String,
    /// The same for every way to write the same name.
    pub key: String,
}

/// What the second reading knows.
pub struct Reader<'a> {
    /// The document.
    pub document: &'a str,
    /// Its language.
    pub language: Language,
    /// Word lists.
    pub lexicon: &'a Lexicon,
    /// The first reading.
    pub words: &'a Words,
}

/// Words of a name at most; what is longer is a title or a list.
const NAME_WORDS_MAX: usize = 8;

/// Bytes of a name or address at most; what is longer is no name, and would fill the graph.
pub const NAME_BYTES_MAX: usize = 500;

/// Capitalised words that may belong together.
#[derive(Debug, Clone, Copy)]
struct Span {
    first: usize,
    last: usize,
    titled: bool,
    kind: Option<Kind>,
}

impl<'a> Reader<'a> {
    fn text(&self, token: &Token) -> &'a str {
        token.text(self.document)
    }

    fn lower(&self, token: &Token) -> String {
        self.text(token).to_lowercase()
    }

    fn is_stop(&self, lower: &str) -> bool {
        self.lexicon.is_stop(self.language, lower)
    }

    /// Whether capitals say nothing in this sentence: headings, table cells, title case, shouting.
    pub fn is_title_like(&self, sentence: &[Token], heading_or_cell: bool) -> bool {
        if heading_or_cell || self.is_formula(sentence) {
            return true;
        }
        let words = sentence.iter().filter(|token| matches!(token.kind, TokenKind::Word(_)));
        let (mut content, mut capital, mut upper) = (0, 0, 0);
        for token in words.filter(|token| !self.is_stop(&self.lower(token))) {
            content += 1;
            capital += usize::from(token.is_capital());
            upper += usize::from(token.shape() == Some(Shape::Upper));
        }
        // A title has no full stop.
        let stopped = sentence.last().is_some_and(|token| matches!(token.kind, TokenKind::Sign('.' | '!' | '?')));
        let title = !stopped && self.language != Language::German && content >= 4 && capital * 10 >= content * 7;
        let shouting = content >= 3 && upper * 10 >= content * 6;
        title || shouting
    }

    /// Whether a third of a sentence are single letters and unusual signs: mathematics, whose capitals are no names.
    fn is_formula(&self, sentence: &[Token]) -> bool {
        let odd = sentence.iter().filter(|token| match token.kind {
            TokenKind::Word(_) => self.text(token).chars().count() == 1 && !self.is_stop(self.text(token)),
            TokenKind::Sign(sign) => !matches!(
                sign,
                '.' | ','
                    | ';'
                    | ':'
                    | '('
                    | ')'
                    | '['
                    | ']'
                    | '"'
                    | '“'
                    | '”'
                    | '„'
                    | '\''
                    | '’'
                    | '!'
                    | '?'
                    | '%'
                    | '-'
                    | '–'
                    | '€'
                    | '$'
            ),
            _ => false,
        });
        let odd = odd.count();
        // A few are an initial and a dash.
        odd >= 4 && odd * 3 >= sentence.len()
    }

    /// Every mention of a sentence, in order, none within another.
    pub fn mentions(&self, sentence: &[Token], title_like: bool) -> Vec<Mention> {
        let mut mentions: Vec<Mention> = Vec::new();
        let mut at = 0;
        while at < sentence.len() {
            let found = self.mention_at(sentence, at, title_like);
            match found.filter(|mention| mention.name.len() <= NAME_BYTES_MAX) {
                Some(mention) => {
                    at = mention.last;
                    mentions.push(mention);
                }
                None => at += 1,
            }
        }
        mentions
    }

    fn mention_at(&self, sentence: &[Token], at: usize, title_like: bool) -> Option<Mention> {
        let token = &sentence[at];
        match token.kind {
            TokenKind::Url => Some(self.address(sentence, at, Kind::Url)),
            TokenKind::Email => Some(self.address(sentence, at, Kind::Email)),
            TokenKind::Sign('$' | '€' | '£' | '¥') | TokenKind::Number => self.value(sentence, at),
            TokenKind::Sign(_) => None,
            TokenKind::Word(_) => self
                .value(sentence, at)
                .or_else(|| self.expansion(sentence, at))
                .or_else(|| self.name(sentence, at, title_like))
                .or_else(|| self.phrase(sentence, at)),
        }
    }

    fn mention(&self, sentence: &[Token], first: usize, last: usize, kind: Option<Kind>, proof: Proof) -> Mention {
        let words: Vec<&str> =
            sentence[first..last].iter().filter(|token| !token.is('\'')).map(|token| self.text(token)).collect();
        let mut name = String::new();
        for word in words {
            let tight = name.is_empty() || matches!(word, "." | ",") || name.ends_with(['\'', '’']);
            if !tight {
                name.push(' ');
            }
            name.push_str(word);
        }
        let key = name.to_lowercase();
        Mention { first, last, kind, country: false, proof, name, key }
    }

    fn address(&self, sentence: &[Token], at: usize, kind: Kind) -> Mention {
        let mut mention = self.mention(sentence, at, at + 1, Some(kind), Proof::Full);
        // Only the host part of an address is the same in every case.
        mention.key = match kind {
            Kind::Url => mention.name.clone(),
            _ => mention.key,
        };
        mention
    }

    fn value(&self, sentence: &[Token], at: usize) -> Option<Mention> {
        let value = value_at(self.document, sentence, at, self.lexicon, self.language)?;
        let mut mention = self.mention(sentence, at, at + value.tokens, Some(value.kind), Proof::Full);
        mention.name = self.document[sentence[at].start..sentence[mention.last - 1].end]
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        mention.key = value.key;
        Some(mention)
    }

    /// What the document explains an acronym by, in any case.
    fn expansion(&self, sentence: &[Token], at: usize) -> Option<Mention> {
        let keys = self.words.expansions.get(&self.lower(&sentence[at]))?;
        let last = keys.iter().filter_map(|key| {
            let words: Vec<&str> = key.split(' ').collect();
            let tokens = sentence.get(at..at + words.len())?;
            tokens.iter().zip(&words).all(|(token, word)| self.lower(token) == **word).then_some(at + words.len())
        });
        let last = last.max()?;
        let kind = self.kind_of(&sentence[at..last]).unwrap_or(Kind::Concept);
        Some(self.mention(sentence, at, last, Some(kind), Proof::Full))
    }

    fn name(&self, sentence: &[Token], at: usize, title_like: bool) -> Option<Mention> {
        let known = self.known(sentence, at);
        let span = self.span(sentence, at);
        let known_ends = known.map_or(at, |(last, _)| last);
        if let Some(span) = span.filter(|span| span.last > known_ends || known.is_none()) {
            let typed = span.kind.is_some() || span.titled;
            let overrides = known.is_none() || typed || (!title_like && self.language != Language::German);
            if overrides && let Some(mention) = self.judge(sentence, &span, title_like) {
                return Some(mention);
            }
        }
        let (last, known) = known?;
        // One capitalised word that is also an ordinary word of this document is that word.
        let mut mention = self.mention(sentence, at, last, Some(known.kind), Proof::Full);
        mention.name = known.name.to_owned();
        mention.key = known.name.to_lowercase();
        mention.country = known.country;
        Some(mention)
    }

    fn known(&self, sentence: &[Token], at: usize) -> Option<(usize, &'a KnownName)> {
        let first = &sentence[at];
        let text = self.text(first);
        let mut candidates = self.lexicon.known(text).iter();
        candidates.find_map(|known| {
            let rest = &self.document[first.start..];
            let fits = rest.starts_with(known.name);
            let end = first.start + known.name.len();
            let last = at + sentence[at..].iter().position(|token| token.end >= end)? + 1;
            (fits && sentence[last - 1].end == end).then_some((last, known))
        })
    }

    fn is_name_word(&self, token: &Token) -> bool {
        let lower = || self.lower(token);
        match token.shape() {
            Some(Shape::Capital) => !self.is_stop(&lower()),
            Some(Shape::Upper | Shape::Mixed | Shape::Initial) => true,
            _ => false,
        }
    }

    /// The capitalised words from `at` on that may be one name, without function words and titles in front.
    fn span(&self, sentence: &[Token], at: usize) -> Option<Span> {
        let dotted = sentence.get(at + 1).is_some_and(|next| next.is('.'));
        let article =
            sentence[at].shape() == Some(Shape::Initial) && !dotted && self.is_stop(&self.lower(&sentence[at]));
        if !self.is_name_word(&sentence[at]) || article {
            return None;
        }
        let mut last = at + 1;
        let mut words = 1;
        let mut headed = self.heads_a_name(&sentence[at]);
        while let Some(next) = sentence.get(last).filter(|_| !self.is_gap(sentence, last)) {
            let after = sentence.get(last + 1).filter(|token| self.is_name_word(token));
            let behind = sentence.get(last + 2).filter(|token| self.is_name_word(token));
            let step = match next.kind {
                TokenKind::Word(_) if self.is_name_word(next) => 1,
                TokenKind::Word(Shape::Lower) => {
                    let lower = self.text(next);
                    let second = sentence.get(last + 1).map_or("", |token| self.text(token));
                    let joined_twice =
                        headed && self.joins(lower) && matches!(second, "the" | "la" | "las" | "los" | "l" | "and");
                    let particle = self.lexicon.is("particles", lower) && self.is_person_front(&sentence[at..last]);
                    if after.is_some() && ((headed && self.joins(lower)) || particle) {
                        2
                    } else if behind.is_some() && (joined_twice || particle && self.lexicon.is("particles", second)) {
                        3
                    } else {
                        break;
                    }
                }
                TokenKind::Sign('.') if after.is_some() => {
                    let before = &sentence[last - 1];
                    let short = before.shape() == Some(Shape::Initial)
                        || matches!(
                            self.lower(before).as_str(),
                            "st" | "dr" | "prof" | "mr" | "mrs" | "ms" | "mme" | "sr" | "sra"
                        );
                    // "from X to Y.⏎Example 3" is no name, nor is "to Y . Example".
                    let together = before.end == next.start
                        && sentence
                            .get(last + 1)
                            .is_some_and(|after| !self.document[next.end..after.start].contains('\n'));
                    if !short || !together {
                        break;
                    }
                    2
                }
                TokenKind::Sign('&') if after.is_some() => 2,
                TokenKind::Sign(',') if after.is_some_and(|after| self.is_suffix_behind_comma(after)) => 2,
                _ => break,
            };
            last += step;
            words += 1;
            headed |= self.heads_a_name(&sentence[last - 1]);
            if words > NAME_WORDS_MAX {
                return None;
            }
        }
        let mut span = Span { first: at, last, titled: false, kind: None };
        span.kind = self.kind_of(&sentence[at..last]);
        if !matches!(span.kind, Some(Kind::Organization | Kind::Location | Kind::Event)) {
            self.strip_titles(sentence, &mut span);
            span.kind = self.kind_of(&sentence[span.first..span.last]);
        }
        Some(span)
    }

    /// Whether the token at `at` is set apart from the one before: a column of a plain-text table, or `Field:` on the next line.
    fn is_gap(&self, sentence: &[Token], at: usize) -> bool {
        let between = &self.document[sentence[at - 1].end..sentence[at].start];
        if between.contains('\n') {
            return sentence.get(at + 1).is_some_and(|next| next.is(':'));
        }
        between.contains("  ") || between.contains('\t')
    }

    fn is_suffix_behind_comma(&self, token: &Token) -> bool {
        matches!(self.text(token), "Inc" | "Ltd" | "LLC" | "Corp" | "GmbH" | "LLP" | "PLC" | "S.A." | "S.L.")
    }

    fn strip_titles(&self, sentence: &[Token], span: &mut Span) {
        let is_title = |span: &Span| {
            let dotted = sentence[span.first + 1].is('.');
            let lower = self.lower(&sentence[span.first]);
            self.lexicon.is("titles", &lower) || (self.language == Language::French && lower == "m" && dotted)
        };
        while span.last - span.first >= 2 && is_title(span) {
            span.titled = true;
            span.first += 1;
            if sentence[span.first].is('.') {
                span.first += 1;
            }
        }
    }

    /// "King County Metro" is nobody's name.
    fn has_no_head(&self, tokens: &[Token]) -> bool {
        tokens.iter().all(|token| !self.heads_a_name(token))
    }

    fn heads_a_name(&self, token: &Token) -> bool {
        let text = self.text(token);
        self.lexicon.is_organization_head(text)
            || matches!(self.lexicon.head(text), Some(Kind::Location | Kind::Event)) && token.is_capital()
    }

    fn joins(&self, lower: &str) -> bool {
        match self.language {
            Language::English => matches!(lower, "of" | "for" | "de"),
            Language::German => matches!(lower, "für" | "der" | "des" | "zu"),
            Language::French => matches!(lower, "de" | "du" | "des" | "d" | "pour"),
            Language::Spanish => matches!(lower, "de" | "del" | "para"),
        }
    }

    fn is_person_front(&self, front: &[Token]) -> bool {
        let last = front.last().map_or("", |token| self.text(token));
        front.iter().all(|token| !self.lexicon.is_organization_head(self.text(token)))
            && (front.iter().any(|token| self.lexicon.is_given_name(self.text(token)))
                || front.last().is_some_and(|token| token.shape() == Some(Shape::Initial))
                || self.lexicon.is("titles", &last.to_lowercase()))
    }

    /// What the words of a name tell about its kind.
    fn kind_of(&self, tokens: &[Token]) -> Option<Kind> {
        let words: Vec<&str> =
            tokens.iter().filter(|t| matches!(t.kind, TokenKind::Word(_))).map(|t| self.text(t)).collect();
        let [first, .., last] = words[..] else { return None };
        let joined =
            tokens.iter().position(|token| token.shape() == Some(Shape::Lower) && self.joins(self.text(token)));
        let before_join = joined.and_then(|at| tokens[..at].last()).map_or("", |token| self.text(token));
        if self.lexicon.is_organization_suffix(last) {
            return Some(Kind::Organization);
        }
        let all_capital = tokens.iter().any(Token::is_capital);
        let ends = [last, before_join, first];
        let english = self.language == Language::English;
        if let [Token { kind: TokenKind::Word(Shape::Initial), .. }, dot, rest @ ..] = tokens
            && dot.is('.')
            && words.len() <= 4
            && self.could_be_person(rest)
            && rest.last().is_some_and(|token| token.shape() == Some(Shape::Capital))
        {
            return Some(Kind::Person);
        }
        for (place, word) in ends.into_iter().enumerate() {
            // In English the head comes last or before "of"; only some place words come first.
            let first_place = place == 2;
            if self.lexicon.is_organization_head(word) && !(first_place && english) {
                return Some(Kind::Organization);
            }
            if let Some(kind @ (Kind::Location | Kind::Event)) = self.lexicon.head(word)
                && all_capital
                && (!first_place || !english || matches!(word, "Mount" | "Lake" | "Cape" | "River" | "Gulf"))
            {
                return Some(kind);
            }
        }
        if self.lexicon.is_given_name(first) && words.len() <= 5 && self.could_be_person(tokens) {
            return Some(Kind::Person);
        }
        if english
            && let Some(kind @ (Kind::Technology | Kind::Process | Kind::Concept)) =
                self.lexicon.head(&last.to_lowercase())
        {
            return Some(kind);
        }
        None
    }

    /// Whether every word behind a given name may be part of a person's name.
    fn could_be_person(&self, tokens: &[Token]) -> bool {
        tokens.iter().enumerate().all(|(at, token)| match token.kind {
            TokenKind::Word(Shape::Lower) => self.lexicon.is("particles", self.text(token)),
            TokenKind::Word(Shape::Upper) => false,
            TokenKind::Word(_) => {
                let lower = self.lower(token);
                let ordinary = self.words.written(&lower);
                at == 0 || self.lexicon.head(&lower).is_none() && ordinary.lower <= ordinary.capital_inside.max(1)
            }
            TokenKind::Sign('.') => true,
            _ => false,
        })
    }

    /// Decides what a span of capitals proves.
    fn judge(&self, sentence: &[Token], span: &Span, title_like: bool) -> Option<Mention> {
        let Span { mut first, last, titled, kind } = *span;
        if titled && last > first && self.has_no_head(&sentence[first..last]) {
            return Some(self.mention(sentence, first, last, Some(kind.unwrap_or(Kind::Person)), Proof::Full));
        }
        if kind.is_none() && is_initial(sentence, first) && last - first >= 2 {
            // A word that has its capital only because the sentence begins.
            let written = self.words.written(&self.lower(&sentence[first]));
            // Nor do headings and items that begin with what one does or how: "Registering Documents".
            let ends = |ending: &str| self.text(&sentence[first]).ends_with(ending);
            let ordinary = self.language == Language::English && (ends("ing") || ends("ly"));
            if written.capital_inside == 0 && (written.lower > 0 || ordinary) {
                first += 1;
                if !sentence[first].is_capital() {
                    return None;
                }
            }
        }
        let german = self.language == Language::German;
        if german && kind.is_none() {
            while last - first >= 2 && self.is_german_noun(&sentence[first]) {
                first += 1;
            }
        }
        if first > span.first {
            // What is left may be known, or a name of its own kind.
            return self.name(sentence, first, title_like);
        }
        if last - first == 1 {
            return self.judge_word(sentence, first, title_like);
        }
        let numbered = self.lexicon.is("never", &self.lower(&sentence[first]));
        let proof = match kind {
            Some(Kind::Technology | Kind::Process | Kind::Concept) if title_like => Proof::None,
            Some(Kind::Technology | Kind::Process | Kind::Concept) => Proof::Half,
            Some(Kind::Organization | Kind::Location | Kind::Event) if title_like => {
                self.proof_in_title(sentence, last)
            }
            Some(_) => Proof::Full,
            None if title_like || numbered || sentence[last - 1].shape() == Some(Shape::Initial) => Proof::None,
            None if german && self.is_german_noun(&sentence[last - 1]) => Proof::None,
            None if german => Proof::Half,
            None => Proof::Full,
        };
        Some(self.mention(sentence, first, last, kind, proof))
    }

    /// "Open Source Software" in a heading is no company, "Acme Software GmbH" is one.
    fn proof_in_title(&self, sentence: &[Token], last: usize) -> Proof {
        let suffix = self.lexicon.is_organization_suffix(self.text(&sentence[last - 1]));
        if suffix { Proof::Full } else { Proof::None }
    }

    fn is_german_noun(&self, token: &Token) -> bool {
        let lower = self.lower(token);
        let written = self.words.written(&lower);
        let endings = [
            "ung", "ungen", "heit", "keit", "keiten", "schaft", "schaften", "tion", "tionen", "ismus", "tät", "nis",
            "chen", "ent", "ment",
        ];
        token.shape() == Some(Shape::Capital)
            && (written.lower > 0 || written.after_article > 0 || endings.iter().any(|ending| lower.ends_with(ending)))
    }

    fn judge_word(&self, sentence: &[Token], at: usize, title_like: bool) -> Option<Mention> {
        let token = &sentence[at];
        let text = self.text(token);
        let lower = text.to_lowercase();
        let written = self.words.written(&lower);
        let shape = token.shape()?;
        if self.lexicon.is("never", &lower) || self.lexicon.is("roles", &lower) || text.chars().count() < 2 {
            return None;
        }
        let acronym = singular(text);
        if let Some(expansion) = self.words.acronyms.get(acronym) {
            let mut mention = self.mention(sentence, at, at + 1, None, Proof::Full);
            mention.key.clone_from(&expansion.key);
            return Some(mention);
        }
        let upper = acronym.chars().all(|c| c.is_uppercase() || c.is_ascii_digit() || c == '&');
        let letters = acronym.chars().filter(|c| c.is_uppercase()).count();
        if upper && letters >= 2 {
            if !(2..=6).contains(&acronym.chars().count()) || is_roman(acronym) || self.is_stop(&lower) {
                return None;
            }
            let proof = if title_like || written.lower > 0 { Proof::None } else { Proof::Full };
            let mut mention = self.mention(sentence, at, at + 1, Some(Kind::Acronym), proof);
            mention.name = acronym.to_owned();
            mention.key = acronym.to_lowercase();
            return Some(mention);
        }
        let german = self.language == Language::German;
        let ordinary = written.lower * 4 > written.capital_inside;
        let given = self.lexicon.is_given_name(text) && written.lower == 0;
        if german && shape == Shape::Capital && self.lexicon.is_german_compound(&lower) {
            return Some(self.mention(sentence, at, at + 1, Some(Kind::Concept), Proof::Half));
        }
        // One or two letters with a digit are a variable: R3, xP.
        if self.lexicon.month(&lower).is_some() || text.chars().filter(|c| c.is_alphabetic()).count() < 3 {
            return None;
        }
        let proof = match shape {
            _ if title_like || is_initial(sentence, at) || ordinary => Proof::None,
            Shape::Capital if german && !given => Proof::None,
            _ => Proof::Half,
        };
        Some(self.mention(sentence, at, at + 1, given.then_some(Kind::Person), proof))
    }

    /// `neural networks`, `distributed database system`: two or three lower-case words that end with a head word. English only.
    fn phrase(&self, sentence: &[Token], at: usize) -> Option<Mention> {
        if self.language != Language::English || !self.is_modifier(&sentence[at]) {
            return None;
        }
        // Longest first.
        [3, 2].into_iter().find_map(|length| {
            let tokens = sentence.get(at..at + length)?;
            let (head, modifiers) = tokens.split_last()?;
            let kind = self.lexicon.head(self.text(head)).filter(|_| head.shape() == Some(Shape::Lower))?;
            let fits =
                modifiers[1..].iter().all(|token| self.is_modifier(token) && token.shape() == Some(Shape::Lower));
            let longer = sentence.get(at + length).is_some_and(|next| {
                length == 2 && next.shape() == Some(Shape::Lower) && self.lexicon.head(self.text(next)).is_some()
            });
            if !fits || longer || matches!(kind, Kind::Location | Kind::Event) {
                return None;
            }
            let mut mention = self.mention(sentence, at, at + length, Some(kind), Proof::Half);
            if let Some(singular) = mention.key.strip_suffix('s')
                && self.lexicon.head(singular.rsplit(' ').next().unwrap_or_default()).is_some()
            {
                mention.key = singular.to_owned();
            }
            Some(mention)
        })
    }

    fn is_modifier(&self, token: &Token) -> bool {
        let Some(shape) = token.shape() else { return false };
        let lower = self.lower(token);
        let plural =
            lower.ends_with('s') && !["ss", "sis", "ics", "us", "ous"].iter().any(|ending| lower.ends_with(ending));
        let initial = shape == Shape::Capital && self.words.written(&lower).lower > 0;
        (shape == Shape::Lower || initial)
            && lower.chars().count() >= 3
            && !plural
            && !lower.ends_with("ly")
            && !self.is_stop(&lower)
            && !self.lexicon.is("generic", &lower)
            && !self.lexicon.is("never", &lower)
    }
}

/// Numerals up to XXXIX: larger ones are rare, and `CD`, `CM`, `MD` are acronyms.
fn is_roman(text: &str) -> bool {
    text.len() <= 7 && text.bytes().all(|b| b"IVX".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::tokens;

    fn read(text: &str, language: Language) -> Vec<(String, Option<Kind>, Proof)> {
        let lexicon = Lexicon::new();
        let tokens = tokens(text, 0, text.len());
        let mut words = Words::default();
        words.read(text, &tokens, false, &lexicon, language);
        let reader = Reader { document: text, language, lexicon: &lexicon, words: &words };
        reader.mentions(&tokens, false).into_iter().map(|m| (m.name, m.kind, m.proof)).collect()
    }

    fn names(text: &str, language: Language) -> Vec<(String, Option<Kind>)> {
        let found = read(text, language).into_iter().filter(|(_, _, proof)| *proof != Proof::None);
        found.map(|(name, kind, _)| (name, kind)).collect()
    }

    #[test]
    fn english_names() {
        let text = "Yesterday Dr. Jane A. Smith of the University of Oxford met Johnson & Johnson, Inc. and Ludwig van Beethoven in Paris.";
        assert_eq!(
            names(text, Language::English),
            [
                ("Jane A. Smith".into(), Some(Kind::Person)),
                ("University of Oxford".into(), Some(Kind::Organization)),
                ("Johnson & Johnson, Inc".into(), Some(Kind::Organization)),
                ("Ludwig van Beethoven".into(), Some(Kind::Person)),
                ("Paris".into(), Some(Kind::Location)),
            ]
        );
    }

    #[test]
    fn german_nouns_are_no_names() {
        let text = "Gestern hat die Firma Siemens in München mit Herrn Weber und Frau Müller einen Vertrag über die Lieferung von Turbinen geschlossen.";
        assert_eq!(
            names(text, Language::German),
            [
                ("Siemens".into(), Some(Kind::Organization)),
                ("München".into(), Some(Kind::Location)),
                ("Weber".into(), Some(Kind::Person)),
                ("Müller".into(), Some(Kind::Person)),
            ]
        );
    }

    #[test]
    fn french_and_spanish_names() {
        assert_eq!(
            names("Elle étudie à l'Université de Lyon avec M. Jean Dupont.", Language::French),
            [("Université de Lyon".into(), Some(Kind::Organization)), ("Jean Dupont".into(), Some(Kind::Person)),]
        );
        assert_eq!(
            names("El Ministerio de Hacienda está en Madrid.", Language::Spanish),
            [("Ministerio de Hacienda".into(), Some(Kind::Organization)), ("Madrid".into(), Some(Kind::Location)),]
        );
    }

    #[test]
    fn roman_numerals_are_no_acronyms() {
        assert!(is_roman("XIV") && !is_roman("XML"));
    }
}
