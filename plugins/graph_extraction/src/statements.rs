//! What a sentence says about the names in it.

use crate::kinds::Kind;
use crate::language::Language;
use crate::mentions::{Mention, Proof, Reader};
use crate::patterns::{Pattern, Patterns};
use crate::tokens::{Shape, Token, TokenKind};
use std::ops::Range;

/// Whom or what a statement is about, besides its subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Object {
    /// Another mention of the sentence.
    Mention(usize),
    /// Words of the sentence, by their tokens: `a systems programming language`.
    Words(Range<usize>),
}

/// A statement, in the order the sentence says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Index of the mention it is about.
    pub subject: usize,
    /// The words between, as the pattern has them.
    pub predicate: &'static str,
    /// The rest.
    pub object: Object,
    /// Type of the relation.
    pub relation: &'static str,
    /// Whether the object is the relation's source.
    pub reversed: bool,
}

/// Tokens between two names at most. Further apart they are seldom related by the words between.
const BETWEEN_MAX: usize = 9;

/// Words of the noun phrase behind "is a" at most.
const NOUN_PHRASE_MAX: usize = 6;

/// The words between two names, in lower case and with what does not change their meaning left out.
struct Between {
    words: Vec<String>,
    comma: bool,
    relative: bool,
}

/// Finds statements in sentences.
pub struct Finder<'a> {
    /// The second reading.
    pub reader: &'a Reader<'a>,
    /// What words between names mean.
    pub patterns: &'a Patterns,
}

#[derive(Clone, Copy)]
struct Found {
    subject: usize,
    object: usize,
    phrase: &'static str,
    pattern: Pattern,
    /// "Jane, CEO of Acme, …": what follows is about Jane.
    apposition: bool,
}

impl Finder<'_> {
    /// The statements of a sentence.
    pub fn statements(&self, sentence: &[Token], mentions: &[Mention]) -> Vec<Statement> {
        let mut statements = Vec::new();
        let mut last: Option<Found> = None;
        for object in 1..mentions.len() {
            let subject = object - 1;
            if self.is_place_in_country(sentence, mentions, subject, object) {
                statements.push(Statement {
                    subject,
                    predicate: "in",
                    object: Object::Mention(object),
                    relation: "LOCATED_IN",
                    reversed: false,
                });
                // The sentence goes on as if the country were not there.
                last = last.filter(|last| last.object == subject).map(|last| Found { object, ..last });
                continue;
            }
            let Some(found) = self.related(sentence, mentions, subject, object, last) else { continue };
            statements.push(Statement {
                subject: found.subject,
                predicate: found.phrase,
                object: Object::Mention(found.object),
                relation: found.pattern.relation,
                reversed: found.pattern.reversed,
            });
            last = Some(found);
        }
        for (subject, mention) in mentions.iter().enumerate() {
            if let Some((predicate, words)) = self.is_a(sentence, mention) {
                statements.push(Statement {
                    subject,
                    predicate,
                    object: Object::Words(words),
                    relation: "IS_A",
                    reversed: false,
                });
            }
        }
        statements
    }

    fn related(
        &self,
        sentence: &[Token],
        mentions: &[Mention],
        subject: usize,
        object: usize,
        last: Option<Found>,
    ) -> Option<Found> {
        let target = &mentions[object];
        let between = self.between(sentence, mentions[subject].last, target.first)?;
        let behind = self.participle(sentence, target.last);
        // "X acquired A, B and C": the same holds for each.
        let list = between.words.is_empty() && between.comma && !between.relative
            || matches!(between.words.join(" ").as_str(), "and" | "und" | "sowie" | "et" | "y" | "as well as");
        if list {
            let last =
                last.filter(|last| last.object == subject && !mentions[last.object].kind.is_some_and(Kind::is_value))?;
            return (mentions[subject].kind == target.kind && self.fits(&last.pattern, mentions, last.subject, object))
                .then_some(Found { object, apposition: false, ..last });
        }
        // "Jane, CEO of Acme, founded Beta"
        if between.comma
            && let Some(last) = last.filter(|last| last.object == subject && last.apposition)
        {
            let (phrase, pattern) = self.lookup(&between.words, behind.as_deref())?;
            return self.found(mentions, last.subject, object, phrase, pattern, false);
        }
        if let Some((phrase, pattern)) = self.lookup(&between.words, behind.as_deref()) {
            let stands = !between.comma || between.relative || stands_behind_comma(phrase);
            if stands && let Some(found) = self.found(mentions, subject, object, phrase, pattern, between.comma) {
                return Some(found);
            }
        }
        // "Jane works for Acme and lives in Paris"
        if let (Some(last), Some((first, rest))) =
            (last.filter(|last| last.object == subject), between.words.split_first())
            && matches!(first.as_str(), "and" | "und" | "et" | "y" | "e")
            && let Some((phrase, pattern)) = self.lookup(rest, behind.as_deref())
        {
            return self.found(mentions, last.subject, object, phrase, pattern, false);
        }
        self.over_complement(sentence, mentions, subject, object, behind.as_deref())
    }

    /// "Acme was founded in 1998 by Jane": the place or time in between is passed over.
    fn over_complement(
        &self,
        sentence: &[Token],
        mentions: &[Mention],
        middle: usize,
        object: usize,
        behind: Option<&str>,
    ) -> Option<Found> {
        let subject = middle.checked_sub(1)?;
        matches!(mentions[middle].kind, Some(Kind::Date | Kind::Location)).then_some(())?;
        let front = self.between(sentence, mentions[subject].last, mentions[middle].first)?;
        let back = self.between(sentence, mentions[middle].last, mentions[object].first)?;
        if front.comma || back.comma {
            return None;
        }
        let mut words = front.words;
        if words.last().is_some_and(|word| matches!(word.as_str(), "in" | "on" | "at" | "en" | "à" | "el" | "am")) {
            words.pop();
        }
        words.extend(back.words);
        let (phrase, pattern) = self.lookup(&words, behind)?;
        self.found(mentions, subject, object, phrase, pattern, false)
    }

    fn found(
        &self,
        mentions: &[Mention],
        subject: usize,
        object: usize,
        phrase: &'static str,
        pattern: Pattern,
        apposition: bool,
    ) -> Option<Found> {
        self.fits(&pattern, mentions, subject, object).then_some(Found { subject, object, phrase, pattern, apposition })
    }

    fn fits(&self, pattern: &Pattern, mentions: &[Mention], subject: usize, object: usize) -> bool {
        let (subject, object) = (&mentions[subject], &mentions[object]);
        let (source, target) = if pattern.reversed { (object, subject) } else { (subject, object) };
        subject.key != object.key && pattern.fits(source.kind, target.kind)
    }

    fn lookup(&self, words: &[String], behind: Option<&str>) -> Option<(&'static str, Pattern)> {
        let language = self.reader.language;
        let get = |words: &[String]| {
            let joined = words.join(" ");
            let with_participle = behind.and_then(|behind| self.patterns.get(language, &format!("{joined} {behind}")));
            with_participle.or_else(|| self.patterns.get(language, &joined))
        };
        let mut words = words;
        loop {
            if let Some(found) = get(words) {
                return Some(found);
            }
            let (last, rest) = words.split_last()?;
            if !is_determiner(last) {
                return None;
            }
            words = rest;
        }
    }

    /// In German the participle stands behind the object: "wurde von Ada gegründet".
    fn participle(&self, sentence: &[Token], at: usize) -> Option<String> {
        let token = sentence.get(at).filter(|_| self.reader.language == Language::German)?;
        (token.shape() == Some(Shape::Lower)).then(|| token.text(self.reader.document).to_owned())
    }

    fn between(&self, sentence: &[Token], from: usize, to: usize) -> Option<Between> {
        let tokens = sentence.get(from..to).filter(|tokens| tokens.len() <= BETWEEN_MAX)?;
        let mut between = Between { words: Vec::new(), comma: false, relative: false };
        for token in tokens {
            match token.kind {
                TokenKind::Word(_) => {
                    let lower = token.text(self.reader.document).to_lowercase();
                    if between.words.is_empty()
                        && is_relative(&lower)
                        && (between.comma || lower != "der" && lower != "die")
                    {
                        between.relative = true;
                    } else if !is_filler(&lower) {
                        between.words.push(contracted(&lower, self.reader.language).to_owned());
                    }
                }
                TokenKind::Sign(',') if between.words.is_empty() => between.comma = true,
                TokenKind::Sign('’' | '\'') if token.end - token.start <= '’'.len_utf8() => {}
                _ => return None,
            }
        }
        if let [first, second, ..] = &mut between.words[..]
            && matches!(first.as_str(), "has" | "had" | "have")
            && second == "been"
        {
            between.words.splice(..2, ["was".to_owned()]);
        } else if between.words.len() > 1
            && matches!(between.words[0].as_str(), "has" | "had")
            && between.words[1].ends_with("ed")
        {
            between.words.remove(0);
        }
        Some(between)
    }

    fn is_place_in_country(&self, sentence: &[Token], mentions: &[Mention], place: usize, country: usize) -> bool {
        let (place, country) = (&mentions[place], &mentions[country]);
        let comma = country.first == place.last + 1 && sentence[place.last].is(',');
        // "Paris, France and Spain" is such a place, "France, Spain and Italy" is a list.
        comma && place.kind == Some(Kind::Location) && !place.country && country.country
    }

    /// "Rust is a systems programming language"
    fn is_a(&self, sentence: &[Token], mention: &Mention) -> Option<(&'static str, Range<usize>)> {
        if mention.kind.is_some_and(Kind::is_value) {
            return None;
        }
        let document = self.reader.document;
        let word = |at: usize| sentence.get(at).map_or("", |token| token.text(document));
        let predicate = match (self.reader.language, word(mention.last), word(mention.last + 1)) {
            (Language::English, "is", "a") => "is a",
            (Language::English, "is", "an") => "is an",
            (Language::English, "was", "a") => "was a",
            (Language::English, "was", "an") => "was an",
            (Language::German, "ist", "ein") => "ist ein",
            (Language::German, "ist", "eine") => "ist eine",
            (Language::German, "war", "ein") => "war ein",
            (Language::German, "war", "eine") => "war eine",
            (Language::French, "est", "un") => "est un",
            (Language::French, "est", "une") => "est une",
            (Language::Spanish, "es", "un") => "es un",
            (Language::Spanish, "es", "una") => "es una",
            _ => return None,
        };
        let first = mention.last + 2;
        let last = self.noun_phrase(sentence, first)?;
        Some((predicate, first..last))
    }

    fn noun_phrase(&self, sentence: &[Token], first: usize) -> Option<usize> {
        // These only introduce what the subject is.
        const EMPTY: [&str; 28] = [
            "attempt",
            "opponent",
            "example",
            "founding",
            "part",
            "member",
            "subsidiary",
            "division",
            "lot",
            "few",
            "bit",
            "kind",
            "type",
            "set",
            "number",
            "sort",
            "result",
            "good",
            "great",
            "way",
            "filiale",
            "filial",
            "teil",
            "mitglied",
            "parte",
            "miembro",
            "partie",
            "tochter",
        ];
        let document = self.reader.document;
        let german = self.reader.language == Language::German;
        let romance = matches!(self.reader.language, Language::French | Language::Spanish);
        let mut last = first;
        while let Some(token) = sentence.get(last).filter(|_| last - first < NOUN_PHRASE_MAX) {
            let TokenKind::Word(shape) = token.kind else { break };
            let lower = token.text(document).to_lowercase();
            let next_is_stop = sentence.get(last + 1).is_none_or(|next| {
                let next = next.text(document).to_lowercase();
                self.reader.lexicon.is_stop(self.reader.language, &next)
            });
            let joins = romance && last > first && matches!(lower.as_str(), "de" | "d") && !next_is_stop;
            let verb = last > first
                && next_is_stop
                && (lower.ends_with("ed") || lower.ends_with("ing") && lower != "engineering");
            if self.reader.lexicon.is_stop(self.reader.language, &lower) && !joins
                || (verb && self.reader.language == Language::English)
            {
                break;
            }
            last += 1;
            if german && shape != Shape::Lower && sentence.get(last).is_none_or(|next| !next.is_capital()) {
                break;
            }
        }
        let words = &sentence[first..last];
        let head = words.last()?.text(document).to_lowercase();
        let ends_in_noun = !german || words.last().is_some_and(Token::is_capital);
        let starts_empty = EMPTY.contains(&words[0].text(document).to_lowercase().as_str());
        (ends_in_noun && !starts_empty && !head.ends_with("ly") && head.len() > 2 && last - first < NOUN_PHRASE_MAX)
            .then_some(last)
    }

    /// Whether a mention is enough of a name to bring another entity with it.
    pub fn carries(mention: &Mention) -> bool {
        mention.proof != Proof::None
    }
}

fn is_relative(lower: &str) -> bool {
    matches!(lower, "who" | "which" | "that" | "qui" | "que" | "der" | "die" | "das")
}

fn is_filler(lower: &str) -> bool {
    matches!(
        lower,
        "also"
            | "later"
            | "now"
            | "currently"
            | "still"
            | "originally"
            | "recently"
            | "once"
            | "soon"
            | "officially"
            | "initially"
            | "mainly"
            | "subsequently"
            | "formerly"
            | "heute"
            | "auch"
            | "inzwischen"
            | "seither"
            | "später"
            | "également"
            | "aujourd"
            | "hui"
            | "ensuite"
            | "también"
            | "hoy"
            | "después"
            | "actualmente"
            | "actuellement"
    )
}

fn contracted(lower: &str, language: Language) -> &str {
    match (language, lower) {
        (Language::French, "d" | "du" | "des") => "de",
        (Language::French, "au" | "aux") => "à",
        (Language::Spanish, "del") => "de",
        (Language::German, "im") => "in",
        (Language::German, "beim") => "bei",
        _ => lower,
    }
}

fn is_determiner(word: &str) -> bool {
    matches!(
        word,
        "the"
            | "a"
            | "an"
            | "its"
            | "their"
            | "company"
            | "firm"
            | "startup"
            | "city"
            | "town"
            | "der"
            | "die"
            | "das"
            | "dem"
            | "den"
            | "einem"
            | "einer"
            | "firma"
            | "unternehmen"
            | "stadt"
            | "le"
            | "la"
            | "les"
            | "l"
            | "société"
            | "ville"
            | "entreprise"
            | "el"
            | "los"
            | "las"
            | "empresa"
            | "ciudad"
            | "language"
            | "database"
            | "framework"
            | "library"
            | "year"
            | "jahr"
            | "jahre"
            | "programming"
    )
}

/// Whether words behind a comma speak of what stands before it; a verb there often has another subject.
fn stands_behind_comma(phrase: &str) -> bool {
    let Some((first, _)) = phrase.split_once(' ') else { return false };
    matches!(
        first,
        "based"
            | "headquartered"
            | "located"
            | "founded"
            | "co-founded"
            | "developed"
            | "created"
            | "designed"
            | "written"
            | "invented"
            | "released"
            | "published"
            | "born"
            | "the"
            | "ceo"
            | "cto"
            | "president"
            | "chairman"
            | "director"
            | "head"
            | "managing"
            | "chief"
            | "founder"
            | "capital"
            | "professor"
            | "mit"
            | "geboren"
            | "gegründet"
            | "geschäftsführer"
            | "geschäftsführerin"
            | "vorstand"
            | "leiter"
            | "leiterin"
            | "hauptstadt"
            | "fondé"
            | "fondée"
            | "né"
            | "née"
            | "directeur"
            | "directrice"
            | "président"
            | "présidente"
            | "développé"
            | "créé"
            | "capitale"
            | "fundado"
            | "fundada"
            | "con"
            | "directora"
            | "presidente"
            | "presidenta"
            | "desarrollado"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lexicon::Lexicon;
    use crate::tokens::tokens;
    use crate::words::Words;

    fn read(text: &str, language: Language) -> Vec<(String, &'static str, String)> {
        let lexicon = Lexicon::new();
        let tokens = tokens(text, 0, text.len());
        let mut words = Words::default();
        words.read(text, &tokens, false, &lexicon, language);
        let reader = Reader { document: text, language, lexicon: &lexicon, words: &words };
        let mentions = reader.mentions(&tokens, false);
        let finder = Finder { reader: &reader, patterns: &Patterns::new() };
        finder
            .statements(&tokens, &mentions)
            .into_iter()
            .map(|statement| {
                let object = match statement.object {
                    Object::Mention(at) => mentions[at].name.clone(),
                    Object::Words(words) => text[tokens[words.start].start..tokens[words.end - 1].end].to_owned(),
                };
                let subject = mentions[statement.subject].name.clone();
                if statement.reversed {
                    (object, statement.relation, subject)
                } else {
                    (subject, statement.relation, object)
                }
            })
            .collect()
    }

    fn assert_says(text: &str, language: Language, want: &[(&str, &str, &str)]) {
        let got = read(text, language);
        let got: Vec<(&str, &str, &str)> = got.iter().map(|(s, r, o)| (s.as_str(), *r, o.as_str())).collect();
        assert_eq!(got, want, "{text}");
    }

    #[test]
    fn english() {
        let says = |text, want: &[_]| assert_says(text, Language::English, want);
        says("Jane Smith works for Acme Corp.", &[("Jane Smith", "WORKS_FOR", "Acme Corp")]);
        says(
            "Acme Corp was founded in 1998 by Jane Smith.",
            &[("Acme Corp", "FOUNDED_IN", "1998"), ("Jane Smith", "FOUNDED", "Acme Corp")],
        );
        says(
            "Jane Smith, CEO of Acme Corp, founded Beta Inc.",
            &[("Jane Smith", "LEADS", "Acme Corp"), ("Jane Smith", "FOUNDED", "Beta Inc")],
        );
        says(
            "Acme Corp acquired Beta Inc, Gamma Ltd and Delta GmbH.",
            &[
                ("Acme Corp", "ACQUIRED", "Beta Inc"),
                ("Acme Corp", "ACQUIRED", "Gamma Ltd"),
                ("Acme Corp", "ACQUIRED", "Delta GmbH"),
            ],
        );
        says(
            "Paul Weber was born in Berlin, Germany and lives in Paris.",
            &[
                ("Paul Weber", "BORN_IN", "Berlin"),
                ("Berlin", "LOCATED_IN", "Germany"),
                ("Paul Weber", "LIVES_IN", "Paris"),
            ],
        );
        says(
            "Python is a popular programming language used by many.",
            &[("Python", "IS_A", "popular programming language")],
        );
        says("Acme Corp does not use Python.", &[]);
    }

    #[test]
    fn other_languages() {
        assert_says(
            "Die Beta GmbH wurde 1998 von Jane Smith gegründet.",
            Language::German,
            &[("Jane Smith", "FOUNDED", "Beta GmbH")],
        );
        assert_says(
            "Marie Durand est née à Lyon en 1970.",
            Language::French,
            &[("Marie Durand", "BORN_IN", "Lyon"), ("Marie Durand", "BORN_IN", "1970")],
        );
        assert_says(
            "Carlos Ruiz trabaja para Telefónica.",
            Language::Spanish,
            &[("Carlos Ruiz", "WORKS_FOR", "Telefónica")],
        );
    }
}
