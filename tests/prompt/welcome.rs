//! What a prompt says to a user who was never here.

use super::lab::{lab, prompt, start};

#[test]
fn until_the_first_commit_a_prompt_says_how_to_begin() {
    let dir = lab();
    let mut session = start(dir.path(), &[("IPVSH_PAGER", "")]);
    let said = session.shows("sim> ");
    let line = r#"tcp("192.0.2.10:80", #{ servers: ["10.0.0.11"] })"#;
    for shown in [line, "ipvsadm -A -t 192.0.2.10:443 -s rr", "?weight", "Tab"] {
        let is_there = said.lines().any(|said| said.trim().starts_with(shown));
        assert!(is_there, "{shown}: {said}");
    }
    // Each of them does what it says.
    session.line(line);
    session.shows("staged");
    session.line("?weight");
    session.shows("2147483647");
    session.shows("sim*");
    session.line("ipvsadm -A -t 192.0.2.10:443 -s rr");
    session.shows("ready to run");
    session.shows("sim*");
    session.interrupt();
    session.line("commit");
    session.shows("snapshot 1");
    session.shows("sim> ");
    session.leave();

    let mut session = start(dir.path(), &[]);
    let said = session.shows("sim> ");
    assert!(!said.contains("To begin"), "{said}");
    assert!(said.contains("`help` says what there is, Ctrl-D leaves."));
    session.leave();
}

#[test]
fn help_begins_with_lines_to_copy_and_fits_the_screen() {
    let dir = lab();
    let mut session = prompt(dir.path());
    session.line("help");
    let shown = session.shows("sim> ");
    let lines: Vec<&str> = shown.lines().skip(1).collect();
    assert!(lines.len() <= 24, "{shown}");
    assert!(lines[0].trim().starts_with("tcp("), "{shown}");
    session.leave();
}

#[test]
fn a_block_goes_on_behind_an_aligned_prompt() {
    let dir = lab();
    let mut session = prompt(dir.path());
    session.line("tcp(\"192.0.2.10:80\", #{");
    session.shows("   > ");
    session.line("    scheduler: \"rr\",");
    session.shows("   > ");
    // Completion knows what the block is about.
    session.types("    serv\t[\"10.0.0.11\"]\r");
    session.shows("   > ");
    session.line("});");
    session.shows("10.0.0.11:80");
    session.shows("sim*2> ");

    // Ctrl-C and Ctrl-D drop the block, not the prompt.
    for key in ['c', 'd'] {
        session.line("for n in 1..3 {");
        session.shows("     > ");
        session.control(key);
        session.shows("sim*2> ");
    }
    session.line("discard");
    session.shows("sim> ");
    session.line("for n in 7..9 {");
    session.shows("   > ");
    session.line("print(`is ${n}`); }");
    session.shows("is 7");
    session.shows("is 8");
    session.shows("sim> ");
    session.leave();
}
