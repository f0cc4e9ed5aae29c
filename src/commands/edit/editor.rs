//! The editor: `VISUAL`, else `EDITOR`, else vi or nano; split into words, never given to a shell.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;

use rustix::fs::{Access, access};

use crate::error::{Error, Kind, Result};
use crate::signals;

/// The editors that are looked for where none was chosen.
const USUAL: [&str; 2] = ["vi", "nano"];

const CHOOSE: &str = "choose another one: VISUAL=nano ipvsh edit";

/// Lets the user edit a file, and waits until the editor ends.
///
/// # Errors
/// `not_found` where the editor is not there, or none is; `aborted` where it failed; `interrupted`.
pub(super) fn edit(path: &Path) -> Result<()> {
    let says = |name: &str| std::env::var_os(name).filter(|said| !said.is_empty());
    let words = words(says("VISUAL").or_else(|| says("EDITOR")), says("PATH"))?;
    let Some((program, args)) = words.split_first() else {
        return Err(none());
    };
    let named = format!("editor {}", program.to_string_lossy());
    // Ctrl-C is the editor's while it runs.
    let hold = signals::hold();
    let interrupted_before = signals::interrupted();
    let status = Command::new(program)
        .args(args)
        .arg(path)
        .status()
        .map_err(|error| {
            Error::system("cannot start it", &error)
                .object(&named)
                .hint(CHOOSE)
        })?;
    if interrupted_before.is_none() && signals::interrupted() == Some("SIGINT") {
        signals::forget();
    }
    signals::check()?;
    drop(hold);
    match status.success() {
        true => Ok(()),
        false => Err(Error::new(Kind::Aborted, format!("it ended with {status}"))
            .object(&named)
            .attempt("nothing changed")
            .hint(CHOOSE)),
    }
}

/// The words of the editor's command; they need not be UTF-8, as paths need not.
fn words(chosen: Option<OsString>, path: Option<OsString>) -> Result<Vec<OsString>> {
    if let Some(chosen) = chosen {
        let pieces = chosen.as_bytes().split(u8::is_ascii_whitespace);
        let words: Vec<OsString> = pieces
            .filter(|word| !word.is_empty())
            .map(|word| OsStr::from_bytes(word).to_owned())
            .collect();
        return match words.is_empty() {
            false => Ok(words),
            true => Err(none()),
        };
    }
    let usual = USUAL
        .into_iter()
        .find(|name| is_there(name, path.as_deref()));
    usual.map(|name| vec![name.into()]).ok_or_else(none)
}

fn is_there(name: &str, path: Option<&OsStr>) -> bool {
    let dirs = path.into_iter().flat_map(std::env::split_paths);
    let mut files = dirs.map(|dir| dir.join(name));
    files.any(|file| file.is_file() && access(&file, Access::EXEC_OK).is_ok())
}

fn none() -> Error {
    Error::not_found("VISUAL and EDITOR name none, and neither vi nor nano is there")
        .object("editor")
        .hint(CHOOSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(text: &str) -> Option<Vec<OsString>> {
        words(Some(text.into()), None).ok()
    }

    #[test]
    fn the_editor_is_split_at_blanks_and_never_given_to_a_shell() {
        assert_eq!(chosen("code --wait").unwrap(), ["code", "--wait"]);
        assert_eq!(chosen("vi; true").unwrap(), ["vi;", "true"]);
        assert_eq!(chosen("  "), None);
        let odd = OsStr::from_bytes(b"/opt/\xff/vi");
        assert_eq!(words(Some(odd.to_owned()), None).unwrap(), [odd]);
    }

    #[test]
    fn without_one_the_usual_ones_are_looked_for() {
        let lab = tempfile::tempdir().unwrap();
        let path = || Some(lab.path().as_os_str().to_owned());
        assert_eq!(words(None, path()).unwrap_err().kind(), Kind::NotFound);
        std::fs::copy("/bin/true", lab.path().join("nano")).unwrap();
        assert_eq!(words(None, path()).unwrap(), ["nano"]);
        std::fs::write(lab.path().join("vi"), "").unwrap();
        assert_eq!(words(None, path()).unwrap(), ["nano"], "vi cannot be run");
    }
}
