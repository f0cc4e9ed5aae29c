//! Names of objects on the command line: quoted or not.

use crate::error::{Error, Kind, Result};
use crate::model::SettingKind;

/// Joins words that belong together: `tcp 192.0.2.10:80` may come as one word or as two.
pub(super) fn objects(words: &[String]) -> Vec<String> {
    let mut objects: Vec<String> = Vec::new();
    let mut kind: Option<&String> = None;
    for word in words {
        match kind.take() {
            Some(first) => objects.push(format!("{first} {word}")),
            None if is_interface_of(&objects, word) => extend_last(&mut objects, word),
            None if is_kind(word) || word == "server" => kind = Some(word),
            None => objects.push(word.clone()),
        }
    }
    objects.extend(kind.cloned());
    objects
}

/// `dev` behind a vip, and the interface behind that.
fn is_interface_of(objects: &[String], word: &str) -> bool {
    let last = objects.last().filter(|last| last.starts_with("vip "));
    last.is_some_and(|last| {
        let has_dev = last.ends_with(" dev") || last.ends_with(" on");
        has_dev || (["dev", "on"].contains(&word) && last.split_whitespace().count() == 2)
    })
}

fn extend_last(objects: &mut [String], word: &str) {
    if let Some(last) = objects.last_mut() {
        last.push(' ');
        last.push_str(word);
    }
}

/// The one object that words name; none where there are no words. `verb` and `like` are for the
/// error: what cannot be done, and how it is typed.
///
/// # Errors
/// `usage` where they name several.
pub(super) fn one_object(words: &[String], verb: &str, like: &str) -> Result<Option<String>> {
    let names = objects(words);
    match names.len() {
        0 | 1 => Ok(names.into_iter().next()),
        _ => Err(Error::new(
            Kind::Usage,
            format!("unexpected argument '{}'", words.join(" ")),
        )
        .attempt(format!("{verb} takes one virtual service"))
        .hint(format!("like: {like}"))),
    }
}

/// Words that are the first half of a name.
pub(super) fn is_kind(word: &str) -> bool {
    let word = word.to_lowercase();
    let kinds = ["tcp", "udp", "sctp", "fwmark", "fwmark6", "mark"];
    kinds.contains(&word.as_str()) || word.starts_with("protocol-") || is_noun(&word)
}

/// The nouns of settings of the host: `vip`, `sysctl`, `tunnel-device`.
fn is_noun(word: &str) -> bool {
    let mut kinds = SettingKind::ALL.into_iter().map(SettingKind::facts);
    kinds.any(|facts| facts.is_beside_ipvs() && facts.noun == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_join_into_names() {
        let words = |text: &str| -> Vec<String> { text.split('|').map(str::to_owned).collect() };
        assert_eq!(
            objects(&words(
                "tcp|192.0.2.1:80|fwmark 6|server|10.0.0.9|timeouts|10.0.0.1|udp"
            )),
            [
                "tcp 192.0.2.1:80",
                "fwmark 6",
                "server 10.0.0.9",
                "timeouts",
                "10.0.0.1",
                "udp"
            ]
        );
    }
}
