//! The terms of a text, and the terms that every text with a part must have.
//!
//! * Two neighbouring characters of a word are a term. So a part of two Chinese characters is found.
//! * The last character of a word is a term with a blank behind it. So a part of one character is a range of terms.
//! * Two digits are no term: nearly every owner would have it. A number of four or more digits is a term from each of its
//!   digits on. So a part of a serial number is a range of terms.

use crate::db::folded;

/// The shortest and the longest number that is a term.
const NUMBER: std::ops::RangeInclusive<usize> = 4..=12;

/// The most words of a query.
const MOST_WORDS: usize = 32;

/// The parts of a query, folded. A match has all of them, in any order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words(Vec<String>);

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("has more than {MOST_WORDS} words; send fewer")]
pub struct TooManyWords;

impl std::str::FromStr for Words {
    type Err = TooManyWords;

    fn from_str(text: &str) -> Result<Self, TooManyWords> {
        let text = folded(text);
        let mut words: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
        words.sort_unstable();
        words.dedup();
        if words.len() > MOST_WORDS {
            return Err(TooManyWords);
        }
        // A part of another part adds nothing.
        let others = |word: &&&str| !words.iter().any(|other| other != *word && other.contains(**word));
        Ok(Self(words.iter().filter(others).map(|word| (*word).to_owned()).collect()))
    }
}

impl Words {
    /// Returns true if the query has no word, so it sets no condition.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Returns true if each word is in one of `texts`, which are folded.
    #[must_use]
    pub fn are_in(&self, texts: &[&str]) -> bool {
        self.iter().all(|word| texts.iter().any(|text| text.contains(word)))
    }
}

/// What the index is asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lookup {
    Term(String),
    /// Every term that begins with this.
    Beginning(String),
}

/// Returns the terms of a folded text, each once.
pub(in crate::library) fn terms(text: &str) -> Vec<String> {
    let mut terms: Vec<String> = text.split_whitespace().flat_map(of_word).collect();
    terms.sort_unstable();
    terms.dedup();
    terms
}

fn of_word(word: &str) -> Vec<String> {
    let mut terms: Vec<String> = pairs(word).collect();
    terms.extend(word.chars().next_back().filter(|last| !in_numbers(*last)).map(|last| format!("{last} ")));
    for number in numbers(word) {
        for at in 0..=number.len() - NUMBER.start() {
            let end = number.len().min(at + NUMBER.end());
            terms.push(number[at..end].to_owned());
        }
    }
    terms
}

/// Returns what every text that has `part` has in the index. Empty: the index cannot tell.
pub(super) fn lookups(part: &str) -> Vec<Lookup> {
    let mut chars = part.chars();
    if let (Some(only), None) = (chars.next(), chars.next()) {
        return if in_numbers(only) { Vec::new() } else { vec![Lookup::Beginning(part.to_owned())] };
    }
    let of_numbers =
        numbers(part).map(|number| Lookup::Beginning(number[..number.len().min(*NUMBER.end())].to_owned()));
    let mut lookups: Vec<Lookup> = pairs(part).map(Lookup::Term).chain(of_numbers).collect();
    lookups.sort_unstable();
    lookups.dedup();
    lookups
}

/// Two characters that are both usual in numbers are no term.
fn pairs(word: &str) -> impl Iterator<Item = String> {
    let pairs = word.chars().zip(word.chars().skip(1));
    pairs.filter(|(one, other)| !(in_numbers(*one) && in_numbers(*other))).map(|(one, other)| format!("{one}{other}"))
}

const fn in_numbers(c: char) -> bool {
    c.is_ascii_digit() || matches!(c, '-' | '_' | '.')
}

fn numbers(word: &str) -> impl Iterator<Item = &str> {
    word.split(|c: char| !c.is_ascii_digit()).filter(|number| number.len() >= *NUMBER.start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_its_pairs_its_last_characters_and_its_numbers() {
        assert_eq!(terms("采购合同 a4"), ["a4", "合同", "同 ", "购合", "采购"].map(str::to_owned));
        assert_eq!(terms("yk20261127-001"), ["0261127", "1127", "20261127", "261127", "61127", "k2", "yk"]);
        assert_eq!(terms(""), [""; 0]);
    }

    /// Whatever a text has, the index finds.
    #[test]
    fn every_part_of_a_text_has_only_lookups_that_the_text_answers() {
        for text in [
            "yk20261127-0001 采购合同（第二份） 上海印库 公章",
            "110101199003071234 a_b.c-d 1",
            "_公章_001_20260409-091853_signatory.jpg",
            "𠀀𠀁 é",
        ] {
            let terms = terms(text);
            let has = |lookup: &Lookup| match lookup {
                Lookup::Term(term) => terms.contains(term),
                Lookup::Beginning(start) => terms.iter().any(|term| term.starts_with(start.as_str())),
            };
            for word in text.split(' ') {
                let at: Vec<usize> = word.char_indices().map(|(at, _)| at).chain([word.len()]).collect();
                for (from, to) in at.iter().flat_map(|from| at.iter().map(move |to| (*from, *to))) {
                    let part = word.get(from..to).unwrap_or_default();
                    assert!(lookups(part).iter().all(has), "{part:?} of {text:?}: {:?} in {terms:?}", lookups(part));
                }
            }
        }
    }

    #[test]
    fn a_query_is_its_words_in_any_order() {
        let words = |text: &str| text.parse::<Words>().map(|words| words.0);
        assert_eq!(words("　合同 公司　合同"), Ok(vec!["公司".to_owned(), "合同".to_owned()]));
        assert_eq!(words("合同 采购合同"), Ok(vec!["采购合同".to_owned()]), "the shorter is in the longer");
        assert_eq!(words(" \u{200b} "), Ok(Vec::new()));
        let many: Vec<String> = (100..133).map(|n| n.to_string()).collect();
        assert_eq!(words(&many.join(" ")), Err(TooManyWords));
        let words: Words = "合同 公司".parse().unwrap();
        assert!(words.are_in(&["上海公司", "合同.pdf"]) && !words.are_in(&["上海公司"]));
    }
}
