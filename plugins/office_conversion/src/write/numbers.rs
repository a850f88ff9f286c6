//! Numbers as lists count.

/// a, b, … z, aa, bb, … as Word counts.
pub fn letters(number: u32) -> String {
    // Longer ones are not readable.
    const REPEATS_MAX: u32 = 10;
    let Some(from_zero) = number.checked_sub(1) else { return String::new() };
    let letter = char::from(b'a' + (from_zero % 26) as u8);
    std::iter::repeat_n(letter, (from_zero / 26 + 1).min(REPEATS_MAX) as usize).collect()
}

/// i, ii, iii, iv, … to 3999, and digits from there.
pub fn roman(number: u32) -> String {
    const SIGNS: [(u32, &str); 13] = [
        (1000, "m"),
        (900, "cm"),
        (500, "d"),
        (400, "cd"),
        (100, "c"),
        (90, "xc"),
        (50, "l"),
        (40, "xl"),
        (10, "x"),
        (9, "ix"),
        (5, "v"),
        (4, "iv"),
        (1, "i"),
    ];
    if number >= 4000 {
        return number.to_string();
    }
    let (mut rest, mut out) = (number, String::new());
    for (value, sign) in SIGNS {
        while rest >= value {
            out.push_str(sign);
            rest -= value;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_letters_and_as_the_romans_had_them() {
        assert_eq!(["a", "z", "aa", "bb"], [1, 26, 27, 28].map(letters).each_ref().map(String::as_str));
        assert_eq!(["iv", "xix", "mcmxciv"], [4, 19, 1994].map(roman).each_ref().map(String::as_str));
        assert!(letters(u32::MAX).len() <= 10 && !roman(u32::MAX).is_empty());
    }
}
