//! The text that `ipvsh edit` hands out, and the line in it that names its snapshot.

use std::path::Path;

use crate::director::HeadEdit;
use crate::error::{Error, Result};
use crate::format::{self, Format, SCRIPT_HEADER};
use crate::model::SnapshotId;
use crate::model::shell_word;
use crate::script::token::{Kind, tokens};

/// How the line begins that names the snapshot.
const MADE_FROM: &str = "// made from ";

/// What stands there where there is no snapshot yet.
const NOTHING: &str = "no snapshot";

/// The text that is edited, and what it leaves out.
pub(super) fn text_of(edit: &HeadEdit) -> (String, Vec<String>) {
    let (script, notes) = format::write(Format::Rhai, edit.rules());
    let body = script.strip_prefix(SCRIPT_HEADER).unwrap_or(&script);
    let base = match edit.origin() {
        // Another history has a snapshot of this number too.
        Some((base, time)) => format!("snapshot {base} of {time}"),
        None => NOTHING.to_owned(),
    };
    let text = format!(
        "{MADE_FROM}{base} (leave this line: ipvsh edit --again needs it)\n\
         // Save and leave the editor to see the plan: nothing is changed before that.\n\
         // What is taken out of this text is removed.\n{body}"
    );
    (text, notes)
}

/// The snapshot that a kept text was made from, and when that was made; none where there was no snapshot yet.
///
/// # Errors
/// `invalid` where the text does not say it: what was taken out of it is not known then.
pub(super) fn base_of(text: &str, path: &Path) -> Result<Option<(SnapshotId, String)>> {
    let is_head = |line: &&str| line.starts_with("//") || line.trim().is_empty();
    let mut head = text.lines().take_while(is_head);
    let named = head.find_map(|line| line.strip_prefix(MADE_FROM));
    let base = named.and_then(|named| match named.strip_prefix("snapshot ") {
        Some(number) => {
            let (number, rest) = number.split_once(" of ")?;
            let time = rest.split_whitespace().next()?.to_owned();
            number.parse().ok().map(|id| Some((SnapshotId(id), time)))
        }
        None => named.starts_with(NOTHING).then_some(None),
    });
    base.ok_or_else(|| {
        let error = Error::invalid(format!(
            "no line \"{MADE_FROM}snapshot N of TIME\" at its top says what it was made from"
        ));
        anew(error, path)
    })
}

/// Says what can be done with a text whose snapshot is not known or gone.
pub(super) fn anew(error: Error, path: &Path) -> Error {
    let name = path.display().to_string();
    error
        .attempt("cannot go on with it")
        .object(&name)
        .hint("to edit the present head anew: ipvsh edit")
        .hint(format!(
            "to see what it would change as the whole of the rules: ipvsh import --replace --plan {}",
            shell_word(&name)
        ))
}

/// Returns true if a text has no statement: blanks and comments only.
pub(super) fn is_empty(text: &str) -> bool {
    let is_nothing = |kind: Kind, piece: &str| kind == Kind::Comment || piece == ";";
    let mut pieces = tokens(text).into_iter();
    pieces.all(|token| is_nothing(token.kind, token.text(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_snapshot_is_named_at_the_top_only() {
        let base = |text: &str| base_of(text, Path::new("kept.rhai")).ok();
        let some = |id, time: &str| Some(Some((SnapshotId(id), time.to_owned())));
        assert_eq!(base("// made from snapshot 3 of T\n"), some(3, "T"));
        let text = "\n// mine\n// made from snapshot 12 of T (leave)\ntcp(1)";
        assert_eq!(base(text), some(12, "T"));
        assert_eq!(base("// made from no snapshot (leave)"), Some(None));
        for text in [
            "",
            "// made from snapshot\n",
            "// made from snapshot 3\n",
            "// made from snapshot x of T\n",
            "// made from snapshot -1 of T\n",
            "// made from something\n",
            "tcp(1);\n// made from snapshot 3 of T\n",
        ] {
            assert_eq!(base(text), None, "{text}");
        }
    }

    #[test]
    fn comments_are_no_statement() {
        for text in ["", " \n\n", "// x\n/* y /* z */ */\n;", "// tcp(1)"] {
            assert!(is_empty(text), "{text}");
        }
        for text in ["tcp(1)", "// x\nlet a = 1;", "()", "\"// x\""] {
            assert!(!is_empty(text), "{text}");
        }
    }
}
