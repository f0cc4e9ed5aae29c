//! Numbers and IPv4 addresses as the C library reads them.

use std::net::Ipv4Addr;

/// The blanks of C's isspace.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r')
}

/// Reads what strtol(3) reads at base 10, as far as it goes: blanks, a sign, digits. Gives the
/// number, bounded, and the rest; none where there is no digit.
fn leading(text: &str) -> Option<(i64, &str)> {
    let text = text.trim_start_matches(|c: char| u8::try_from(c).is_ok_and(is_space));
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let rest = digits.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = digits.strip_suffix(rest).filter(|d| !d.is_empty())?;
    // Only digits: what does not fit is too large.
    let bounded = if negative { i64::MIN } else { i64::MAX };
    let number = digits
        .parse::<i64>()
        .map_or(bounded, |number| if negative { -number } else { number });
    Some((number, rest))
}

/// Reads a number from `least` to `most` and nothing behind it.
pub(super) fn number(text: &str, least: i64, most: i64) -> Option<i64> {
    leading(text)
        .filter(|(_, rest)| rest.is_empty())
        .map(|(number, _)| number)
        .filter(|number| (least..=most).contains(number))
}

/// Reads a number from `least` to `most` into a smaller type that holds them.
pub(super) fn small<T: TryFrom<i64>>(text: &str, least: i64, most: i64) -> Option<T> {
    number(text, least, most).and_then(|number| T::try_from(number).ok())
}

/// Reads a number as atoi(3) does: 0 where there is none, whatever is behind it.
pub(super) fn atoi(text: &str) -> i64 {
    leading(text).map_or(0, |(number, _)| number)
}

/// Reads an IPv4 address as inet_aton(3) does: one to four parts, decimal, octal or hexadecimal,
/// the last one filling the rest; behind a blank anything may stand.
pub(super) fn inet_aton(text: &str) -> Option<Ipv4Addr> {
    let end = text.bytes().position(is_space).unwrap_or(text.len());
    let parts: Vec<u32> = text
        .get(..end)?
        .split('.')
        .map(part)
        .collect::<Option<_>>()?;
    let (last, first) = parts.split_last()?;
    if first.len() > 3 || first.iter().any(|part| *part > 0xff) {
        return None;
    }
    let bits = 32 - 8 * u32::try_from(first.len()).ok()?;
    if bits < 32 && last >> bits != 0 {
        return None;
    }
    let high = first.iter().zip([24, 16, 8]);
    let address = high.fold(*last, |sum, (part, shift)| sum | part << shift);
    Some(Ipv4Addr::from(address))
}

fn part(text: &str) -> Option<u32> {
    // A sign would be taken by from_str_radix.
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) if digits.starts_with(|c: char| c.is_ascii_hexdigit()) => {
            u32::from_str_radix(digits, 16).ok()
        }
        Some(_) => None,
        None if text.len() > 1 && text.starts_with('0') => u32::from_str_radix(text, 8).ok(),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_strtol_does() {
        for (text, wanted) in [
            ("5", Some(5)),
            (" \t+5", Some(5)),
            ("-0", Some(0)),
            ("007", Some(7)),
            ("", None),
            ("5 ", None),
            ("0x5", None),
            ("+-5", None),
            ("11", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(number(text, 0, 10), wanted, "{text:?}");
        }
        assert_eq!(atoi("64/x"), 64);
        assert_eq!(atoi("x"), 0);
    }

    #[test]
    fn addresses_are_read_as_inet_aton_does() {
        for (text, wanted) in [
            ("1.2.3.4", Some([1, 2, 3, 4])),
            ("24", Some([0, 0, 0, 24])),
            ("1.2.3", Some([1, 2, 0, 3])),
            ("0x7f.1", Some([127, 0, 0, 1])),
            ("010.1.1.1", Some([8, 1, 1, 1])),
            ("4294967295", Some([255, 255, 255, 255])),
            ("1.2.3.4 x", Some([1, 2, 3, 4])),
            ("1.2.3.256", None),
            ("1.2.3.4.5", None),
            ("1..2", None),
            ("+1.2.3.4", None),
            ("08.1.1.1", None),
            ("0x", None),
            ("4294967296", None),
            ("", None),
            ("host", None),
        ] {
            assert_eq!(inet_aton(text), wanted.map(Ipv4Addr::from), "{text:?}");
        }
    }
}
