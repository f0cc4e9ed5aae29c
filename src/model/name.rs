//! Short names, held in place: a large table has one per service, and copies of it by the dozen.

use std::fmt;
use std::num::NonZeroU8;

/// The longest name of a scheduler or engine: IP_VS_SCHEDNAME_MAXLEN and IP_VS_PENAME_MAXLEN
/// less the NUL.
pub const NAME_MAX: usize = 15;

/// A name of 1 to [`NAME_MAX`] plain ASCII characters.
///
/// What is behind the name is zero, so that names sort as their texts do.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Name {
    bytes: [u8; NAME_MAX],
    length: NonZeroU8,
}

impl Name {
    /// `wlc`.
    pub const WLC: Name = Name {
        bytes: *b"wlc\0\0\0\0\0\0\0\0\0\0\0\0",
        length: NonZeroU8::MIN.saturating_add(2),
    };

    /// Takes letters, digits, `_` and `-`, not beginning with a dash, in lower case; `None` for
    /// any other text.
    pub fn parse(text: &str) -> Option<Name> {
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        let length = u8::try_from(text.len()).ok().and_then(NonZeroU8::new)?;
        if !text.bytes().all(is_plain) || text.starts_with('-') {
            return None;
        }
        let mut bytes = [0; NAME_MAX];
        let place = bytes.get_mut(..text.len())?;
        place.copy_from_slice(text.as_bytes());
        place.make_ascii_lowercase();
        Some(Name { bytes, length })
    }

    /// The name.
    pub fn text(&self) -> &str {
        let used = self.bytes.get(..usize::from(self.length.get()));
        // Neither fails: `parse` put as many bytes of ASCII there.
        std::str::from_utf8(used.unwrap_or_default()).unwrap_or_default()
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_name_is_its_text(text in "[a-z0-9_][a-z0-9_-]{0,14}") {
            let name = Name::parse(&text).unwrap();
            prop_assert_eq!(name.text(), &text);
            prop_assert_eq!(Name::parse(&text.to_uppercase()), Some(name));
        }

        #[test]
        fn names_sort_as_their_texts(one in "[a-c_-]{1,3}", other in "[a-c_-]{1,3}") {
            if let (Some(a), Some(b)) = (Name::parse(&one), Name::parse(&other)) {
                prop_assert_eq!(a.cmp(&b), one.cmp(&other));
            }
        }
    }

    #[test]
    fn the_default_scheduler_is_a_name() {
        assert_eq!(Name::parse("wlc"), Some(Name::WLC));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for bad in ["", "-s", "a b", "sixteen-letters-", "rr\0", "gr\u{fc}n"] {
            assert_eq!(Name::parse(bad), None, "{bad:?} was accepted");
        }
    }
}
