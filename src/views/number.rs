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

/// A number in at most five characters, for a screen with many: from ten thousand on with a unit,
/// cut off to three digits.
pub fn brief(number: u64) -> String {
    if number < 10_000 {
        return number.to_string();
    }
    let mut unit = 1_u64;
    for name in ["K", "M", "G", "T", "P", "E"] {
        unit = unit.saturating_mul(1000);
        let whole = number / unit;
        let rest = number % unit;
        match whole {
            0..=9 => return format!("{whole}.{:02}{name}", rest / (unit / 100)),
            10..=99 => return format!("{whole}.{}{name}", rest / (unit / 10)),
            100..=999 => return format!("{whole}{name}"),
            _ => {}
        }
    }
    number.to_string()
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
    fn five_characters_hold_any_number() {
        for (number, said) in [
            (0, "0"),
            (9_999, "9999"),
            (10_000, "10.0K"),
            (12_399, "12.3K"),
            (999_999, "999K"),
            (1_000_000, "1.00M"),
            (9_876_543_210, "9.87G"),
            (u64::MAX, "18.4E"),
        ] {
            assert_eq!(brief(number), said);
        }
        for power in 0..64 {
            assert!(brief(1 << power).len() <= 5, "{}", brief(1 << power));
        }
    }

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
