//! Answers: help, lines of ipvsadm, long results.

use std::os::unix::fs::PermissionsExt;

use super::lab::{lab, prompt, run_on_terminal, start};

#[test]
fn a_line_of_ipvsadm_is_answered_ready_to_run() {
    let dir = lab();
    let mut session = prompt(dir.path());
    session.line("ipvsadm -A -t 192.0.2.1:80 -s rr");
    session.shows("in ipvsh's words");
    session.shows("tcp(\"192.0.2.1:80\", #{ scheduler: \"rr\" })");
    session.line("");
    session.shows("sim*1> ");
    session.line("ip address add 192.0.2.1/32 dev eth0");
    session.shows("vip(\"192.0.2.1\", #{ interface: \"eth0\" })");
    session.line("");
    session.shows("sim*2> ");
    session.line("sysctl -w net.ipv4.ip_forward=1");
    session.shows("sysctl(\"net.ipv4.ip_forward\", 1)");
    session.line("");
    session.shows("sim*3> ");
    session.line("-S");
    session.shows("save(\"FILE\", \"ipvsadm\")");
    session.line("-a -t 192.0.2.1:80 -r 10.0.0.1 -Q");
    session.shows("Error: ");
    session.line("discard");
    session.shows("sim> ");
    session.leave();
}

#[test]
fn help_is_asked_for_with_a_question_mark() {
    let dir = lab();
    let mut session = prompt(dir.path());
    session.line("?lb_algo");
    session.shows("Which server gets the next connection");
    session.line("help drained");
    session.shows("sim> ");
    session.leave();
}

#[test]
fn words_of_other_tools_are_answered() {
    let dir = lab();
    let mut session = prompt(dir.path());
    for (line, shown) in [
        ("ls", "in ipvsh's words: services"),
        (
            "undo",
            "Hint: `rollback` undoes the last commit, `revert N` an older one",
        ),
        ("backend web1", "real server of a virtual service"),
        ("balance roundrobin", "scheduler: \"wrr\""),
        ("man", "`?WORD` says more of a word"),
        ("services | grep web", "Error: |: the prompt has no pipes"),
        (
            "confirm",
            "Error: cannot confirm: nothing awaits confirmation",
        ),
        ("echo \"x\"", "Hint: write print(\"x\")"),
        ("echo hello", "Hint: write print(\"hello\")"),
        ("?exit", "exit: leave (Ctrl-D)"),
        ("iptables -L -n", "`show marks` lists"),
        ("history 7", "the newest 7 snapshots: history -n 7"),
        ("diff yesterday", "a time is written 22:00"),
        ("ipvsh help wlc", "fewest connections for its weight"),
        ("tcp \"192.0.2.1:80\"", "Hint: write tcp(\"192.0.2.1:80\")"),
        ("tcp 192.0.2.1:80", "Hint: write tcp(\"192.0.2.1:80\")"),
        ("?undo", "`rollback` undoes the last commit"),
        ("?how to drain a real server", "drain(server"),
        ("?权重", "option of a real server"),
        ("?wlc", "fewest connections for its weight"),
        ("?leastconn", "leastconn is written scheduler: \"wlc\""),
        ("?masq", "forward: \"masq\""),
        ("?arp_ignore", "there serve_vip("),
        ("?虚拟IP", "an address of this host: vip("),
        ("sysctl -p", "run in a shell, not at this prompt"),
        ("watch -n1 ls", "Error: "),
        ("ipvsadm -Ln --stats", "in ipvsh's words: show stats"),
        ("ipvsadm-save", "every commit is saved"),
    ] {
        session.line(line);
        session.shows(shown);
        session.shows("sim> ");
    }
    session.leave();
}

#[test]
fn a_pasted_shell_script_is_pointed_to_import() {
    let dir = lab();
    let mut session = prompt(dir.path());
    session.types("\x1b[200~#!/bin/sh\nVIP=192.0.2.1\nipvsadm -A -t $VIP:80\n\x1b[201~\r");
    session.shows("Error: this is a shell script, and the prompt is no shell");
    session.shows("`import FILE --plan`");
    session.shows("sim> ");
    session.leave();
}

#[test]
fn long_results_go_through_the_pager() {
    let dir = lab();
    let pager = dir.path().join("pager");
    std::fs::write(&pager, "#!/bin/sh\necho paged $(wc -l)\n").unwrap();
    std::fs::set_permissions(&pager, std::fs::Permissions::from_mode(0o700)).unwrap();
    let said = pager.to_str().unwrap();
    let mut session = start(dir.path(), &[("IPVSH_PAGER", said)]);
    session.shows("sim> ");
    session.line("for n in 1..90 { tcp(`192.0.2.${n}:80`) }");
    session.shows("sim*89> ");
    session.line("services()");
    session.shows("paged 90");
    session.line("1 + 1");
    session.shows("\n2");
    session.line("discard");
    session.shows("sim> ");
    session.leave();
}

#[test]
fn tables_fit_the_terminal_as_it_is_now() {
    let dir = lab();
    let mut session = prompt(dir.path());
    session.resize(120, 40);
    session.line("tcp(\"192.0.2.10:80\"); ()");
    session.shows("sim*1> ");
    session.line("services");
    session.shows("method  weight  active (live)  inactive (live)");
    session.shows("sim*1> ");
    session.resize(60, 40);
    session.line("services");
    session.shows("method  weight  active  inactive");
    session.shows("sim*1> ");
    session.line("discard");
    session.shows("sim> ");
    session.leave();
}

#[test]
fn a_wait_shows_how_far_it_is_unless_it_is_to_be_quiet() {
    let dir = lab();
    let mut session = run_on_terminal(dir.path(), &["-e", "sleep(2)"]);
    session.shows("] waiting: ");
    session.shows(" of 2 s");
    session.ends();
    let mut session = run_on_terminal(dir.path(), &["-q", "-e", "sleep(1)"]);
    let said = session.ends();
    assert!(!said.contains("waiting"), "{said:?}");
}

#[test]
fn lines_of_ipvsadm_are_pasted_together() {
    let dir = lab();
    let mut session = prompt(dir.path());
    session
        .types("\x1b[200~-A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.1:80 -r 10.0.0.1 -m\x1b[201~\r");
    session.shows("in ipvsh's words");
    session.shows(".server(\"10.0.0.1:80\", #{ forward: \"masq\" })");
    session.types("\r");
    session.shows("sim*2> ");
    session.line("plan");
    session.shows("+ server 10.0.0.1:80  masq weight 1");
    session.line("discard");
    session.shows("sim> ");
    session.leave();
}

#[test]
fn lines_of_ipvsadm_that_come_faster_than_their_answers_stay_lines() {
    let dir = lab();
    let mut session = prompt(dir.path());
    session.types("-A -t 192.0.2.1:80 -s rr\r-a -t 192.0.2.1:80 -r 10.0.0.1 -m\r?wlc\r\r");
    session.shows("fewest connections");
    session.shows("sim*2> ");
    session.line("plan");
    session.shows("+ server 10.0.0.1:80  masq weight 1");
    session.line("discard");
    session.shows("sim> ");
    session.leave();
}

#[test]
fn a_commit_with_words_of_the_command_line_is_answered() {
    let dir = lab();
    let mut session = prompt(dir.path());
    for line in ["commit -m \"why\"", "commit \"why\"", "commit --plan"] {
        session.line(line);
        session.shows("with a message: commit(\"why\")");
        session.shows("> ");
    }
    session.leave();
}

#[test]
fn a_question_about_a_verb_is_answered_with_the_verb() {
    let dir = lab();
    let mut session = prompt(dir.path());
    for (line, answer) in [
        ("?disable", "disable --help"),
        ("?weight", "in a script:"),
        ("?prune", "prune --help"),
    ] {
        session.line(line);
        session.shows(answer);
        session.shows("> ");
    }
    session.leave();
}

#[test]
fn what_a_line_staged_before_it_failed_is_said() {
    let dir = lab();
    let mut session = prompt(dir.path());
    session.line("tcp(\"10.0.0.2:80\"); tcp(\"10.0.0.3:80\", #{ scheduler: \"nope\" })");
    session.shows("1 change staged before that");
    session.shows("> ");
    session.line("VIP = \"10.0.0.1\"");
    session.shows("a new variable: let VIP = ...");
    session.shows("> ");
    session.line("discard");
    session.shows("sim> ");
    session.leave();
}
