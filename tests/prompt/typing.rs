//! Typing: lines, blocks, paste, history, Ctrl-C.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use super::lab::{Terminal, lab, prompt, start};

#[test]
fn lines_are_run_and_their_values_shown() {
    let dir = lab();
    let mut session = prompt(dir.path());
    session.line("40 + 2");
    session.shows("\n42");
    // The second is typed while the first runs.
    session.line("let x = 7;");
    session.line("x * 6");
    session.shows("\n42");
    session.leave();
}

#[test]
fn a_block_goes_on_over_several_lines() {
    let dir = lab();
    let mut session = prompt(dir.path());
    session.line("for n in 1..4 {");
    session.line("    print(`line ${n * 11}`);");
    session.line("}");
    for line in ["line 11", "line 22", "line 33"] {
        session.shows(line);
    }
    session.leave();
}

#[test]
fn a_statement_of_a_block_may_leave_its_semicolon_out() {
    let dir = lab();
    let mut session = prompt(dir.path());
    session.line("let w = tcp(\"192.0.2.10:80\"); for i in 1..3 {");
    session.line("  w.server(`10.0.0.${i}`)");
    session.line("}");
    session.shows("sim*3> ");
    session.line("for i in 1..3 { print(i) print(i) }");
    session.shows("is missing");
    session.shows("sim*3> ");
    session.line("discard");
    session.shows("sim> ");
    session.leave();
}

#[test]
fn ctrl_c_clears_the_line() {
    let dir = lab();
    let mut session = prompt(dir.path());
    session.types("throw 1");
    session.shows("throw 1");
    session.interrupt();
    session.line("2 + 3");
    session.shows("\n5");
    session.leave();
}

/// Nothing edits a line there, and Ctrl-C is a signal: it ended the prompt with what was staged.
#[test]
fn ctrl_c_drops_the_line_on_a_terminal_without_editing_too() {
    let dir = lab();
    for term in ["dumb", "EMACS"] {
        let mut session = start(dir.path(), &[("TERM", term)]);
        session.shows("sim> ");
        session.line("timeouts(#{ tcp: 600 });");
        session.shows("sim*1> ");
        session.types("throw 1");
        session.control('c');
        session.shows("sim*1> ");
        session.line("20 + 6");
        session.shows("26");
        session.shows("sim*1> ");
        // A block, and the answer to a question.
        session.line("for n in 1..4 {");
        session.shows("     > ");
        session.control('c');
        session.shows("sim*1> ");
        session.control('d');
        session.shows("[y/N] ");
        session.control('c');
        session.shows("sim*1> ");
        // What cannot be put on the line to be run is shown.
        session.line("ipvsadm -A -t 192.0.2.10:80 -s rr");
        session.shows("in ipvsh's words: tcp(\"192.0.2.10:80\"");
        session.shows("sim*1> ");
        session.line("discard");
        session.shows("sim> ");
        session.leave();
    }
}

#[test]
fn a_signal_that_ends_programs_ends_a_prompt_without_editing() {
    let dir = lab();
    let mut command = Command::new("sh");
    command
        .args(["-c", "(sleep 1; kill -TERM $$) & exec \"$0\" --sim --db db"])
        .arg(env!("CARGO_BIN_EXE_ipvsh"))
        .env("TERM", "dumb")
        .env("HOME", dir.path())
        .current_dir(dir.path());
    let mut session = Terminal::of(command);
    session.shows("sim> ");
    assert!(session.ends().contains("interrupted by SIGTERM"));
    let status = session.status();
    assert!(status.contains(", 1)"), "{status}");
}

#[test]
fn lines_are_kept_for_the_next_time() {
    let dir = lab();
    let mut session = prompt(dir.path());
    session.line("print(\"kept\")");
    session.shows("\nkept");
    session.shows("sim> ");
    session.leave();
    let file = dir.path().join(".local/state/ipvsh-shell/history");
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&file), 0o600);
    assert_eq!(mode(file.parent().unwrap()), 0o700);
    let mut session = prompt(dir.path());
    session.types("\x1b[A");
    session.shows("print(\"kept\")");
    session.line("");
    session.shows("\nkept");
    session.leave();
}

#[test]
fn what_is_pasted_is_one_entry() {
    let dir = lab();
    let mut session = prompt(dir.path());
    session.types("\x1b[200~for n in 1..3 {\n    print(`pasted ${n}`);\n}\x1b[201~\r");
    session.shows("pasted 1");
    session.shows("pasted 2");
    session.shows("sim> ");
    // As one entry it comes back.
    session.types("\x1b[A\r");
    session.shows("pasted 2");
    session.leave();
}

#[test]
fn an_error_is_shown_and_the_prompt_goes_on() {
    let dir = lab();
    let mut session = prompt(dir.path());
    session.line("tpc(\"192.0.2.10:80\")");
    session.shows("Error: ");
    session.shows("sim> ");
    session.line("1 + 1");
    session.shows("\n2");
    session.leave();
}

#[test]
fn ctrl_c_interrupts_what_runs() {
    let dir = lab();
    let mut session = prompt(dir.path());
    session.line("print(\"go\"); loop { }");
    session.shows("\ngo");
    session.control('c');
    session.shows("interrupted by SIGINT");
    session.shows("sim> ");
    session.line("3 + 3");
    session.shows("\n6");
    session.leave();
}

#[test]
fn exit_ends_with_its_status() {
    let dir = lab();
    let mut session = prompt(dir.path());
    session.line("exit(3)");
    session.ends();
    let status = session.status();
    assert!(status.contains(", 3)"), "{status}");
}

#[test]
fn an_earlier_line_is_searched_for() {
    let dir = lab();
    let mut session = prompt(dir.path());
    for (line, answer) in [("40 + 2", "\n42"), ("1 + 1", "\n2")] {
        session.line(line);
        session.shows(answer);
        session.shows("sim> ");
    }
    session.control('r');
    session.shows("reverse-i-search");
    session.types("40\r");
    session.shows("\n42");
    session.leave();
}

#[test]
fn ctrl_d_leaves_an_empty_line_only() {
    let dir = lab();
    let mut session = prompt(dir.path());
    session.types("20 + 3");
    session.shows("20 + 3");
    session.control('d');
    session.line("");
    session.shows("\n23");
    session.shows("sim> ");
    session.leave();
}

#[test]
fn ctrl_c_drops_a_block_that_is_not_whole() {
    let dir = lab();
    let mut session = prompt(dir.path());
    session.line("for n in 1..4 {");
    session.shows("   > ");
    session.line("    print(`never ${n}`);");
    session.shows("   > ");
    session.interrupt();
    session.line("20 + 4");
    session.shows("\n24");
    session.leave();
}

#[test]
fn ctrl_c_interrupts_a_wait() {
    let dir = lab();
    let mut session = prompt(dir.path());
    session.line("print(\"go\"); sleep(600)");
    session.shows("\ngo");
    session.control('c');
    session.shows("interrupted by SIGINT");
    session.shows("sim> ");
    session.line("20 + 5");
    session.shows("\n25");
    session.leave();
}

#[test]
fn colours_are_shown_where_they_are_wanted() {
    let dir = lab();
    let mut session = start(dir.path(), &[("NO_COLOR", "")]);
    session.shows("\x1b[1msim> ");
    session.line("\"green\"");
    session.shows("\x1b[32m\"green\"");
    session.leave();
    let mut session = start(dir.path(), &[]);
    let before = session.shows("sim> ");
    assert!(!before.contains("\x1b[1m"), "{before:?}");
    session.line("\"plain\"");
    let shown = session.shows("\nplain");
    assert!(!shown.contains("\x1b[32m"), "{shown:?}");
    session.leave();
}

#[test]
fn bytes_that_are_no_text_end_no_session() {
    let dir = lab();
    let mut session = prompt(dir.path());
    session.line("timeouts(#{ tcp: 600 });");
    session.shows("sim*1> ");
    for bytes in [
        b"print(\"caf\xe9\"); remove_all();\r" as &[u8],
        // Pasted: the lines behind it are not run either.
        b"\x1b[200~print(\"caf\xe9\");\nclear();\nthrow 1;\n\x1b[201~",
        b"\xff\xfe\r",
    ] {
        session.sends(bytes);
        session.shows("Error: this line: it holds a byte that is not UTF-8 text");
        session.shows("sim*1> ");
    }
    session.line("print(6 * 7)");
    session.shows("\n42");
    session.shows("sim*1> ");
    // No answer is no.
    session.control('d');
    session.shows("Leave without committing? [y/N] ");
    session.sends(b"\xe9y\r");
    session.shows("sim*1> ");
    session.line("commit()");
    session.shows("snapshot 1");
    session.shows("sim> ");
    session.leave();
}

#[test]
fn files_with_bytes_that_are_no_text_are_said_and_do_no_harm() {
    let dir = lab();
    let kept = dir.path().join(".local/state/ipvsh-shell/history");
    let own = dir.path().join(".config/ipvsh/init.rhai");
    for (path, bytes) in [
        (&kept, b"#V2\nprint(\"caf\xe9\")\n6 * 7\n" as &[u8]),
        (&own, b"fn f() { 1 }\n// caf\xe9\n"),
    ] {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
        let parent = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(path.parent().unwrap(), parent).unwrap();
    }
    let mut session = start(dir.path(), &[]);
    session.shows("history held bytes that are not UTF-8 text: they are replaced");
    session.shows("init.rhai: line 2 is not UTF-8 text: not read");
    session.shows("sim> ");
    session.types("\x1b[A");
    session.shows("6 * 7");
    session.line("");
    session.shows("\n42");
    session.line("5 * 5");
    session.shows("\n25");
    session.leave();
    let text = std::fs::read_to_string(&kept).unwrap();
    assert!(text.ends_with("5 * 5\n"), "{text:?}");
}
