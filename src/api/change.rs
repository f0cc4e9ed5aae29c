//! Facts: plan, commit, history.

use std::rc::Rc;

use rhai::{Array, Dynamic};

use super::call::Call;
use super::fact::{Form, Function, Group, On, Param};
use super::options::COMMIT;
use super::types::Type;
use super::value::{Divergence, Outcome, Service};
use super::{convert, report};
use crate::director::{ChangeOptions, News, Query, Report, change_options};
use crate::error::{Error, Kind, Result};
use crate::model::SnapshotName;

const SNAPSHOT: Param = Param::new("snapshot", Type::TextOrWhole);
const MESSAGE: Param = Param::new("message", Type::Text);
const OBJECT: Param = Param::new("object", Type::Texts);

/// What any change of the kernel can raise.
const CHANGE_ERRORS: &[Kind] = &[
    Kind::Invalid,
    Kind::Foreign,
    Kind::Guarded,
    Kind::Conflict,
    Kind::Undone,
    Kind::UndoFailed,
    Kind::NotPermitted,
    Kind::Unsupported,
    Kind::Busy,
];

/// The functions of this chapter.
pub const FUNCTIONS: &[Function] = &[
    Function {
        name: "plan",
        group: Group::Change,
        on: On::Nothing,
        forms: &[Form {
            params: &[],
            call: plan,
        }],
        result: Type::Report,
        doc: "Says what a commit would do now; does nothing.\n\
              The report has `changes` (an array of maps with action, object, part, detail, from, to), \
              `notes` and `text`.",
        errors: CHANGE_ERRORS,
        example: "tcp(\"192.0.2.10:80\", #{ scheduler: \"rr\" });\n\
                  for c in plan().changes { print(`${c.action} ${c.object}`); }",
        words: &["--plan", "dry run", "diff", "preview", "what if"],
    },
    Function {
        name: "commit",
        group: Group::Change,
        on: On::Nothing,
        forms: &[
            Form {
                params: &[MESSAGE.optional(), Param::options(COMMIT)],
                call: |call| commit(call, Some(0), 1),
            },
            Form {
                params: &[Param::options(COMMIT).required()],
                call: |call| commit(call, None, 0),
            },
        ],
        result: Type::Report,
        doc: "Brings the kernel to the candidate, all or nothing, and records a snapshot.\n\
              A commit looks only at what was named or changed since the last one. It stands even \
              if the script fails later. With nothing to change it makes no snapshot. The report's \
              `snapshot` is the number of the new snapshot, or ().",
        errors: CHANGE_ERRORS,
        example: "tcp(\"192.0.2.10:80\", #{ scheduler: \"rr\", servers: [\"10.0.0.11\"] });\n\
                  let report = commit(\"first service\");\n\
                  print(report.snapshot);",
        words: &[
            "apply",
            "save",
            "write",
            "ipvsadm -R",
            "--restore",
            "--confirm",
        ],
    },
    Function {
        name: "confirm",
        group: Group::Change,
        on: On::Nothing,
        forms: &[Form {
            params: &[],
            call: confirm,
        }],
        result: Type::Whole,
        doc: "Keeps a commit that was made with `confirm: SECONDS`; gives its snapshot's number.\n\
              Such a commit is rolled back by itself when the time is over, whatever has become of \
              who made it. Until then other commits are refused; `rollback()` takes it back.",
        errors: &[Kind::State, Kind::Busy],
        example: "tcp(\"192.0.2.10:80\", #{ scheduler: \"rr\", servers: [\"10.0.0.11\"] });\n\
                  commit(\"first service\", #{ confirm: 60 });\n\
                  // Still here, so it did not lock us out.\n\
                  confirm();",
        words: &["commit confirmed", "keep", "--confirm"],
    },
    Function {
        name: "discard",
        group: Group::Change,
        on: On::Nothing,
        forms: &[Form {
            params: &[],
            call: discard,
        }],
        result: Type::Nothing,
        doc: "Forgets everything that is staged and not committed.\n\
              Handles of what was only staged raise an error afterwards.",
        errors: &[],
        example: "tcp(\"192.0.2.10:80\", #{ scheduler: \"rr\" });\ndiscard();\nprint(services().len());",
        words: &["abort", "cancel", "reset", "not committed yet"],
    },
    Function {
        name: "history",
        group: Group::Change,
        on: On::Nothing,
        forms: &[Form {
            params: &[Param::new("object", Type::ServiceOrName).optional()],
            call: history,
        }],
        result: Type::Snapshots,
        doc: "Lists snapshots, newest first: an array of maps.\n\
              Each has id, time, author, message, parent, rollback_of, revert_of, host, command, \
              script (path and sha256, or ()), typed (the lines at a prompt, or ()), duration \
              (seconds), changes (their number), added, \
              changed, removed and tags; one that awaits confirmation has `pending`. With an \
              object, only the snapshots that changed it.",
        errors: &[Kind::Invalid, Kind::Busy, Kind::Damaged],
        example: "tcp(\"192.0.2.10:80\", #{ scheduler: \"rr\" });\ncommit(\"first\");\n\
                  print(history()[0].message);",
        words: &["log", "snapshots", "versions"],
    },
    Function {
        name: "diff",
        group: Group::Change,
        on: On::Nothing,
        forms: &[Form {
            params: &[
                Param::new("a", Type::TextOrWhole).optional(),
                Param::new("b", Type::TextOrWhole).optional(),
            ],
            call: diff,
        }],
        result: Type::Difference,
        doc: "Compares the head with the kernel, a snapshot with the kernel, or two snapshots.\n\
              The difference has `from`, `to`, `changes` (as a plan's), `notes` and `text`.",
        errors: &[Kind::NotFound, Kind::Invalid],
        example: "tcp(\"192.0.2.10:80\", #{ scheduler: \"rr\" });\ncommit();\n\
                  find(\"192.0.2.10:80\").set(#{ scheduler: \"sh\" });\ncommit();\n\
                  print(diff(1, 2).text);",
        words: &["compare", "drift"],
    },
    Function {
        name: "rollback",
        group: Group::Change,
        on: On::Nothing,
        forms: &[Form {
            params: &[SNAPSHOT.optional()],
            call: rollback,
        }],
        result: Type::Report,
        doc: "Makes an old snapshot the new head, at once; without one, the one before the head.\n\
              History is never rewritten: the rollback is a new snapshot with the old content. A \
              commit that awaits confirmation is taken back by it. It is refused while changes \
              are staged, and stands even if the script fails later.",
        errors: &[Kind::NotFound, Kind::State, Kind::Guarded, Kind::Undone],
        example: "tcp(\"192.0.2.10:80\", #{ scheduler: \"rr\" });\ncommit();\n\
                  find(\"192.0.2.10:80\").set(#{ scheduler: \"sh\" });\ncommit();\n\
                  rollback(\"head~1\");",
        words: &["undo", "the last change was bad"],
    },
    Function {
        name: "revert",
        group: Group::Change,
        on: On::Nothing,
        forms: &[Form {
            params: &[SNAPSHOT],
            call: revert,
        }],
        result: Type::Report,
        doc: "Undoes only what one snapshot changed, at once, and keeps what came after it.\n\
              Where a later snapshot changed the same thing it is refused, and the error names \
              that snapshot. It is refused while changes are staged, and stands even if the script \
              fails later.",
        errors: &[
            Kind::NotFound,
            Kind::State,
            Kind::Conflict,
            Kind::Foreign,
            Kind::Guarded,
            Kind::Undone,
        ],
        example: "tcp(\"192.0.2.10:80\", #{ scheduler: \"rr\" });\ncommit();\n\
                  tcp(\"192.0.2.11:80\");\ncommit();\n\
                  revert(1);\nprint(services().len());",
        words: &["undo", "one older change was bad", "cherry-pick"],
    },
    Function {
        name: "restore",
        group: Group::Change,
        on: On::Nothing,
        forms: &[Form {
            params: &[],
            call: restore,
        }],
        result: Type::Report,
        doc: "Brings the kernel to the head, at once; makes no snapshot.\n\
              What is staged stays staged. What somebody else made stays.",
        errors: &[Kind::Undone, Kind::Unsupported, Kind::Damaged],
        example: "tcp(\"192.0.2.10:80\", #{ scheduler: \"rr\" });\ncommit();\nrestore();",
        words: &["ipvsadm-restore", "-R", "boot", "repair"],
    },
    Function {
        name: "adopt",
        group: Group::Change,
        on: On::Nothing,
        forms: &[Form {
            params: &[
                OBJECT.optional(),
                OBJECT.optional(),
                OBJECT.optional(),
                OBJECT.optional(),
            ],
            call: adopt,
        }],
        result: Type::Report,
        doc: "Records what is live as ours, as it stands: the objects named, or everything \
              of IPVS.\n\
              An object is a service's name, `mark 666`, `timeouts`, `daemons`, and of this host \
              `vip 192.0.2.10`, `sysctl NAME`, `tunnel-device tunl0`; also an array of them. The kernel is not touched. It is refused while changes are staged.",
        errors: &[Kind::NotFound, Kind::State, Kind::Invalid],
        example: "print(adopt().outcome);",
        words: &["import", "take over", "foreign", "ipvsadm -S"],
    },
    Function {
        name: "forget",
        group: Group::Change,
        on: On::Nothing,
        forms: &[Form {
            params: &[
                OBJECT,
                OBJECT.optional(),
                OBJECT.optional(),
                OBJECT.optional(),
            ],
            call: forget,
        }],
        result: Type::Report,
        doc: "Lets go of objects, or of what a snapshot recorded; the kernel is not touched.\n\
              An object is named as for adopt, a snapshot by its number as text. What the kernel \
              holds of it is somebody else's from then on. It is refused while changes are staged.",
        errors: &[Kind::NotFound, Kind::State, Kind::Invalid],
        example: "tcp(\"192.0.2.10:80\", #{ servers: [\"10.0.0.11\"] });\ncommit();\n\
                  print(forget(\"tcp 192.0.2.10:80\").outcome);",
        words: &["let go", "unadopt", "unmanage", "foreign"],
    },
    Function {
        name: "tag",
        group: Group::Change,
        on: On::Nothing,
        forms: &[Form {
            params: &[SNAPSHOT, Param::new("name", Type::Text)],
            call: tag,
        }],
        result: Type::Nothing,
        doc: "Gives a snapshot a name; a name that is there moves.\n\
              A name is a letter, then letters, digits, \".\", \"_\" or \"-\".",
        errors: &[Kind::NotFound, Kind::Invalid],
        example: "tcp(\"192.0.2.10:80\", #{ scheduler: \"rr\" });\ncommit();\n\
                  tag(\"head\", \"before-upgrade\");",
        words: &["label", "name", "bookmark"],
    },
];

fn plan(call: &Call) -> Result<Dynamic> {
    let report = call.context.session()?.plan()?;
    Ok(Dynamic::from(Outcome(Rc::new(report))))
}

fn commit(call: &Call, message: Option<usize>, options: usize) -> Result<Dynamic> {
    let given = call.options(options)?.unwrap_or_default();
    let message = match message {
        Some(index) if call.has(index) => Some(call.text(index)?.to_string()),
        _ => None,
    };
    let report = {
        let mut session = call.context.session()?;
        let options = change_options(session.defaults(), &given)?;
        session.commit(&ChangeOptions {
            message: message.or(options.message.clone()),
            ..options
        })?
    };
    made(call, report)
}

fn confirm(call: &Call) -> Result<Dynamic> {
    let mut session = call.context.session()?;
    let confirmed = session.confirm()?;
    for note in &confirmed.notes {
        call.context.effect(note.clone());
    }
    match session.is_dry() {
        true => {
            let effect = format!("would confirm snapshot {}", confirmed.snapshot.id);
            call.context.effect(effect);
        }
        false => call.news(News::Did(&confirmed.sentence())),
    }
    let id = i64::try_from(confirmed.snapshot.id.0).unwrap_or(i64::MAX);
    Ok(Dynamic::from(id))
}

/// What ends every function that changes the kernel: who listens is told, in a dry run too.
fn made(call: &Call, report: Report) -> Result<Dynamic> {
    call.done(&report);
    Ok(Dynamic::from(Outcome(Rc::new(report))))
}

fn discard(call: &Call) -> Result<Dynamic> {
    call.context.session()?.discard();
    Ok(Dynamic::UNIT)
}

fn history(call: &Call) -> Result<Dynamic> {
    let object = match call.args.first() {
        None => None,
        Some(name) if name.is_string() => Some(call.text(0)?.to_string()),
        Some(_) => Some(call.service(0)?.0.to_string()),
    };
    let mut session = call.context.session()?;
    let query = Query {
        object,
        ..Query::default()
    };
    let listing = session.director().listing(&query, false)?;
    Ok(
        report::snapshots(&listing.snapshots, listing.awaiting.as_ref())
            .iter()
            .map(convert::from_json)
            .collect::<Vec<_>>()
            .into(),
    )
}

fn snapshot_name(call: &Call, index: usize) -> Result<Option<SnapshotName>> {
    match call.has(index) {
        true => SnapshotName::parse(&call.text_or_whole(index)?).map(Some),
        false => Ok(None),
    }
}

fn diff(call: &Call) -> Result<Dynamic> {
    let (a, b) = (snapshot_name(call, 0)?, snapshot_name(call, 1)?);
    let difference = call
        .context
        .session()?
        .director()
        .diff(a.as_ref(), b.as_ref())?;
    Ok(Dynamic::from(Divergence(Rc::new(difference))))
}

fn rollback(call: &Call) -> Result<Dynamic> {
    let name = snapshot_name(call, 0)?;
    let report = {
        let mut session = call.context.session()?;
        let defaults = session.defaults().clone();
        session.rollback(name.as_ref(), &defaults)?
    };
    made(call, report)
}

fn revert(call: &Call) -> Result<Dynamic> {
    let name = SnapshotName::parse(&call.text_or_whole(0)?)?;
    let report = {
        let mut session = call.context.session()?;
        let defaults = session.defaults().clone();
        session.revert(&name, &defaults)?
    };
    made(call, report)
}

fn restore(call: &Call) -> Result<Dynamic> {
    let report = {
        let mut session = call.context.session()?;
        let defaults = session.defaults().clone();
        session.restore(&defaults)?
    };
    made(call, report)
}

fn adopt(call: &Call) -> Result<Dynamic> {
    let mut objects = Vec::new();
    for index in 0..call.args.len() {
        name_objects(call, index, &mut objects)?;
    }
    let report = {
        let mut session = call.context.session()?;
        let defaults = session.defaults().clone();
        session.adopt(&objects, &defaults)?
    };
    made(call, report)
}

fn forget(call: &Call) -> Result<Dynamic> {
    let mut names = Vec::new();
    for index in 0..call.args.len() {
        name_objects(call, index, &mut names)?;
    }
    let report = {
        let mut session = call.context.session()?;
        let defaults = session.defaults().clone();
        session.forget(&names, &defaults)?
    };
    made(call, report)
}

fn name_objects(call: &Call, index: usize, objects: &mut Vec<String>) -> Result<()> {
    let value = call.arg(index)?;
    let elements: Array = match value.read_lock::<Array>() {
        Some(array) => array.clone(),
        None => vec![value.clone()],
    };
    for element in elements {
        let service = element.read_lock::<Service>().map(|service| service.0);
        objects.push(match service {
            Some(key) => key.to_string(),
            None => element.into_string().map_err(|_| {
                Error::invalid("an object is named by text")
                    .hint("like \"tcp 192.0.2.10:80\", \"mark 666\", \"timeouts\"")
            })?,
        });
    }
    Ok(())
}

fn tag(call: &Call) -> Result<Dynamic> {
    let name = SnapshotName::parse(&call.text_or_whole(0)?)?;
    let tag = call.text(1)?;
    let mut session = call.context.session()?;
    let tagged = session.director().tag(&name, &tag)?;
    for note in tagged.notes {
        call.context.effect(note);
    }
    let id = tagged.snapshot.id;
    match session.is_dry() {
        true => call
            .context
            .effect(format!("would tag snapshot {id} \"{tag}\"")),
        false => call.news(News::Did(&format!("snapshot {id} is tagged {tag}"))),
    }
    Ok(Dynamic::UNIT)
}
