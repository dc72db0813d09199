//! The rules for a new password. Pure: the settings and the users are checked by the same rules.

mod common;

/// Fewest characters of a password (OWASP ASVS 5, 6.2.1 and 6.2.4 demand at least eight).
pub const SHORTEST: usize = 12;
/// Most characters. The hash does not need this bound; a request does.
pub const LONGEST: usize = 256;

/// Fewest different characters of a password.
const VARIETY: usize = 5;
/// Words of this product. A guess begins with them.
const OUR_WORDS: [&str; 2] = ["yinku", "印库"];

/// Returns why `password` is refused for the user with these names. `None` if it is accepted.
#[must_use]
pub fn weakness(password: &str, names: &[&str]) -> Option<String> {
    let shown: Vec<char> = folded(password).collect();
    let length = password.chars().count();
    if shown.iter().all(|c| c.is_whitespace()) && length > 0 {
        return Some("is blank; choose letters, digits and signs".to_owned());
    }
    if length < SHORTEST || shown.len() < SHORTEST {
        return Some(format!("must have at least {SHORTEST} characters; choose a longer password"));
    }
    if length > LONGEST {
        return Some(format!("must have at most {LONGEST} characters; choose a shorter password"));
    }
    let text: String = shown.iter().collect();
    let refused = if is_monotonous(&shown) {
        "repeats characters or a sequence"
    } else if names.iter().chain(&OUR_WORDS).any(|name| is_name(&text, name)) {
        "is a name with little added"
    } else if is_common(&text) {
        "is a common password, or one with digits or signs added"
    } else {
        return None;
    };
    Some(format!("{refused}; choose several unrelated words or random characters"))
}

/// The characters in lower case and half width, without the invisible ones.
fn folded(text: &str) -> impl Iterator<Item = char> {
    let half_width = |c: char| match c {
        '\u{3000}' => ' ',
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        other => other,
    };
    let visible =
        |c: &char| !c.is_control() && !matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}');
    text.chars().map(half_width).filter(visible).flat_map(char::to_lowercase)
}

/// Returns true for one character or one sequence that is repeated, and for running sequences: `abcabc`, `1234abcd`.
fn is_monotonous(text: &[char]) -> bool {
    let mut different = text.to_vec();
    different.sort_unstable();
    different.dedup();
    let core = stripped(text);
    let core_is_repeated = core.len() >= NUMBER && is_repeated(core);
    different.len() < VARIETY || is_repeated(text) || core_is_repeated || is_running(text)
}

/// Returns true if a shorter text, repeated at least twice, is `text`. The last repetition may be cut.
fn is_repeated(text: &[char]) -> bool {
    (1..=text.len() / 2).any(|period| text.iter().zip(&text[period..]).all(|(a, b)| a == b))
}

/// The rows of a keyboard. A finger that moves along them types a sequence.
const ROWS: [&str; 6] =
    ["1234567890", "!@#$%^&*()", "qwertyuiop[]", "asdfghjkl;'", "zxcvbnm,./", "abcdefghijklmnopqrstuvwxyz"];

/// The distance from one character to the next in a row. `None` if no row has both near each other.
fn step(from: char, to: char) -> Option<isize> {
    if from == to {
        return Some(0);
    }
    ROWS.iter().find_map(|row| {
        let (from, to) = (row.chars().position(|c| c == from)?, row.chars().position(|c| c == to)?);
        let distance = to.cast_signed() - from.cast_signed();
        (distance.abs() == 1).then_some(distance)
    })
}

/// Returns true if the text is made of sequences of three or more characters on average.
fn is_running(text: &[char]) -> bool {
    let (mut sequences, mut at) = (0, 0);
    while at < text.len() {
        sequences += 1;
        let direction = text.get(at + 1).and_then(|next| step(text[at], *next));
        at += 1;
        while direction.is_some() && at < text.len() && step(text[at - 1], text[at]) == direction {
            at += 1;
        }
    }
    sequences * 3 <= text.len()
}

/// The text without the digits and signs at both ends. The whole text if it has no letter.
fn stripped(text: &[char]) -> &[char] {
    let first = text.iter().position(|c| c.is_alphabetic()).unwrap_or(0);
    let last = text.iter().rposition(|c| c.is_alphabetic()).unwrap_or(text.len() - 1);
    &text[first..=last]
}

/// Returns true if the text is the name with less than four other letters.
fn is_name(text: &str, name: &str) -> bool {
    let letters = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
    let (text, name) = (letters(text), letters(&folded(name).collect::<String>()));
    let long_enough = name.chars().count() >= 2;
    long_enough && text.contains(&name) && text.replace(&name, "").chars().filter(|c| c.is_alphabetic()).count() < 4
}

/// Most bytes of a common password.
const LONGEST_COMMON: usize = 40;
/// Fewest characters of a common password for which additions are taken away: with letters, and without.
const WORD: usize = 4;
const NUMBER: usize = 6;

/// Returns true if the text is a common password, also with digits or signs before, after or within it.
fn is_common(text: &str) -> bool {
    let letters: String = text.chars().filter(|c| c.is_alphabetic()).collect();
    common::contains(text)
        || (letters.chars().count() >= WORD && common::contains(&letters))
        || without_additions(text).any(|core| common::contains(core))
}

/// The parts of the text that are left when digits and signs are taken from its ends.
fn without_additions(text: &str) -> impl Iterator<Item = &str> {
    let starts: Vec<usize> = cuts(text.char_indices());
    let ends: Vec<usize> = cuts(text.char_indices().rev());
    let pairs = starts.into_iter().flat_map(move |start| ends.clone().into_iter().map(move |end| (start, end)));
    pairs.filter_map(|(start, end)| {
        let (_, core) = text.split_at(start);
        let last = text[end..].chars().next()?;
        let length = (end + last.len_utf8()).checked_sub(start).filter(|length| *length <= LONGEST_COMMON)?;
        let core = core.get(..length)?;
        let least = if core.contains(char::is_alphabetic) { WORD } else { NUMBER };
        (core.chars().count() >= least).then_some(core)
    })
}

/// The places of the characters up to the first letter, which is included.
fn cuts(mut characters: impl Iterator<Item = (usize, char)>) -> Vec<usize> {
    let mut found = Vec::new();
    for (at, c) in characters.by_ref() {
        found.push(at);
        if c.is_alphabetic() {
            break;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(password: &str) -> String {
        weakness(password, &["chen", "陈八"]).unwrap_or_else(|| panic!("{password:?} is accepted"))
    }

    #[test]
    fn a_password_of_unrelated_words_or_random_characters_is_accepted() {
        for password in [
            "a password of some length",
            "correct horse battery staple",
            "x7#kQ!29vb&Lm",
            "9f3b61c07ad2e84f55d0a1b9",
            "印章放在二楼左边的柜子里面",
            "my chen and other words",
            "yinku-demo-user",
        ] {
            assert_eq!(weakness(password, &["chen", "陈八"]), None, "{password:?}");
        }
    }

    #[test]
    fn a_short_long_or_blank_password_is_refused() {
        assert!(refusal("k7#vQ2!xw9b").contains("at least 12"));
        assert!(refusal("k7#v\u{200b}\u{200b}\u{200b}\u{200b}Q2!x").contains("at least 12"), "invisible characters");
        assert!(refusal(&"k7#vQ2!x".repeat(33)).contains("at most 256"));
        assert!(refusal("").contains("at least 12"));
        for blank in [" ".repeat(14), "\u{3000}\t \u{a0}".repeat(4)] {
            assert!(refusal(&blank).contains("blank"), "{blank:?}");
        }
    }

    #[test]
    fn one_character_or_a_sequence_repeated_is_refused() {
        for password in [
            "aaaaaaaaaaaa",
            "aaaaaaaaaaaa1!",
            "abababababab",
            "abcabcabcabcab",
            "k7#vQ2!xk7#vQ2!x",
            "xy7xy7xy7xy7!!2024",
            "abcdefghijklm",
            "zyxwvutsrqpo",
            "123456789012",
            "qwertyuiop[]",
            "qwertyasdfgzxcvb",
            "1234abcd5678",
            "aaabbbcccddd",
            "aabbabbaabbab",
            "１２３４５６７８９０１２",
        ] {
            assert!(refusal(password).contains("sequence"), "{password:?}: {}", refusal(password));
        }
    }

    #[test]
    fn a_common_password_is_refused_with_digits_or_signs_added_too() {
        for password in [
            "superstar2026!1",
            "password20261127",
            "Passw0rd!!!!2026",
            "!!!2026Password",
            "p-a-s-s-w-o-r-d-1-9",
            "pass1984word!!",
            "ＰＡＳＳＷＯＲＤ２０２６！",
            "woaini52013140",
            "12345678!#%2",
            "letmein!2026!11",
        ] {
            assert!(refusal(password).contains("common"), "{password:?}: {}", refusal(password));
        }
    }

    #[test]
    fn the_name_of_the_user_or_the_product_with_little_added_is_refused() {
        for password in ["chen!2026!1127", "1127-2026-Chen", "chen-chen-27!x", "陈八陈八2026112701", "yinku#2026#1127"]
        {
            assert!(refusal(password).contains("name"), "{password:?}: {}", refusal(password));
        }
        let long = weakness("wang.li@example.com", &["wang.li@example.com"]).expect("the name itself");
        assert!(long.contains("name"), "{long}");
    }
}
