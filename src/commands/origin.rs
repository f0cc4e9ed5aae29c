//! Where a change comes from: this host, this command line, the script that it runs.

use std::ffi::OsString;
use std::path::Path;

use crate::model::Origin;
use crate::script::Source;

/// The origin of what this process changes.
pub(super) fn origin(source: Option<&Source>) -> Origin {
    let host = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    let script = source.and_then(Source::file_name);
    Origin::new(&host, &command_line(std::env::args_os()), script)
}

/// The command line as a shell would read it, the program without its directory.
fn command_line(words: impl Iterator<Item = OsString>) -> String {
    let mut line = String::new();
    for (index, word) in words.enumerate() {
        let word = match (index, Path::new(&word).file_name()) {
            (0, Some(name)) => name.to_string_lossy().into_owned(),
            _ => word.to_string_lossy().into_owned(),
        };
        if index > 0 {
            line.push(' ');
        }
        line.push_str(&quoted(&word));
    }
    line
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:=,@%+~[]".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_can_be_typed_again() {
        let line = |words: &[&str]| command_line(words.iter().map(OsString::from));
        assert_eq!(
            line(&["/usr/bin/ipvsh", "run", "/etc/site.rhai"]),
            "ipvsh run /etc/site.rhai"
        );
        assert_eq!(
            line(&["ipvsh", "-e", "print('a b')", ""]),
            r"ipvsh -e 'print('\''a b'\'')' ''"
        );
    }
}
