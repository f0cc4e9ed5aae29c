//! The editor: `VISUAL`, else `EDITOR`, else vi or nano; split into words, never given to a shell.

use std::ffi::{OsStr, OsString};
use std::io::IsTerminal;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;

use rustix::fs::{Access, access};

use crate::error::{Error, Kind, Result};
use crate::signals;

/// The editors that are looked for where none was chosen.
const USUAL: [&str; 2] = ["vi", "nano"];

const CHOOSE: &str = "choose another one: VISUAL=nano ipvsh edit";

/// Editors that need a terminal. With arguments of its own, such as `vim -es`, one may do without.
const FULL_SCREEN: [&str; 9] = [
    "vi", "vim", "nvim", "nano", "pico", "joe", "micro", "mcedit", "ee",
];

/// Refuses to start an editor without the terminal that it needs: it would write over what reads the
/// result, and wait for keys that never come. `chosen` are the words of VISUAL or EDITOR.
fn screen(input: bool, output: bool, chosen: &[OsString]) -> Result<()> {
    let missing = match (input, output) {
        (true, true) => return Ok(()),
        (false, _) => "standard input is no terminal",
        (true, false) => "standard output is no terminal",
    };
    let why = match chosen {
        [] => "VISUAL and EDITOR name no program".to_owned(),
        [program] => match Path::new(program).file_name().and_then(OsStr::to_str) {
            Some(name) if FULL_SCREEN.contains(&name) => format!("{name} needs one"),
            _ => return Ok(()),
        },
        _ => return Ok(()),
    };
    Err(Error::new(Kind::State, format!("{missing}, and {why}"))
        .attempt("cannot edit")
        .hint("to let a program edit: VISUAL=PROGRAM ipvsh edit")
        .hint(
            "to edit in two steps: ipvsh export --format rhai > FILE; \
             ipvsh import --replace --plan FILE",
        ))
}

/// Lets the user edit a file, and waits until the editor ends.
///
/// # Errors
/// `not_found` where the editor is not there, or none is; `state` where it needs a
/// terminal and has none; `aborted` where it failed; `interrupted`.
pub(super) fn edit(path: &Path) -> Result<()> {
    let says = |name: &str| std::env::var_os(name).filter(|said| !said.is_empty());
    let named = says("VISUAL").or_else(|| says("EDITOR"));
    let chosen = named.as_deref().map(split).unwrap_or_default();
    let (input, output) = (std::io::stdin(), std::io::stdout());
    screen(input.is_terminal(), output.is_terminal(), &chosen)?;
    let words = words(named, says("PATH"))?;
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
        let words = split(&chosen);
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

/// The words of a text, at its blanks.
fn split(text: &OsStr) -> Vec<OsString> {
    let pieces = text.as_bytes().split(u8::is_ascii_whitespace);
    let words = pieces.filter(|word| !word.is_empty());
    words
        .map(|word| OsStr::from_bytes(word).to_owned())
        .collect()
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
    fn an_editor_that_needs_a_terminal_is_not_started_without() {
        let words = |text: &str| chosen(text).unwrap_or_default();
        for (input, output, chosen, says) in [
            (
                false,
                false,
                "",
                "standard input is no terminal, and VISUAL and",
            ),
            (
                true,
                false,
                "",
                "standard output is no terminal, and VISUAL and",
            ),
            (
                false,
                true,
                "vi",
                "standard input is no terminal, and vi needs one",
            ),
            (
                true,
                false,
                "/usr/bin/nvim",
                "no terminal, and nvim needs one",
            ),
        ] {
            let error = screen(input, output, &words(chosen)).unwrap_err();
            assert_eq!(error.kind(), Kind::State);
            assert!(error.message().contains(says), "{error}");
            assert!(screen(true, true, &words(chosen)).is_ok());
        }
        for chosen in ["/opt/my-editor", "vim -es", "code --wait", "sed -i s/a/b/"] {
            assert!(screen(false, false, &words(chosen)).is_ok(), "{chosen}");
        }
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
