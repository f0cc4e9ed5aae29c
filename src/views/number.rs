//! Large numbers made short, as ipvsadm makes them.

/// Gives a number and its unit: from a hundred million on thousands, millions, and so on, cut
/// off, so that at most eight digits are left.
pub fn short(number: u64) -> (u64, &'static str) {
    const THOUSAND: u64 = 1000;
    const MILLION: u64 = 1_000_000;
    match number {
        0..=99_999_999 => (number, ""),
        100_000_000..=999_999_999 => (number / THOUSAND, "K"),
        1_000_000_000..=99_999_999_999 => (number / MILLION, "M"),
        100_000_000_000..=99_999_999_999_999 => (number / MILLION / THOUSAND, "G"),
        _ => (number / MILLION / MILLION, "T"),
    }
}

/// A number as a table shows it, in full or short.
pub fn count(number: u64, exact: bool) -> String {
    match exact {
        true => number.to_string(),
        false => {
            let (number, unit) = short(number);
            format!("{number}{unit}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_nine_digits_is_shortened() {
        for (number, shortened) in [
            (0, "0"),
            (99_999_999, "99999999"),
            (100_000_000, "100000K"),
            (1_234_567_890, "1234M"),
            (123_456_789_012, "123G"),
            (u64::MAX, "18446744T"),
        ] {
            assert_eq!(count(number, false), shortened);
            assert_eq!(count(number, true), number.to_string());
        }
    }
}
