//! Import and export beside the real programs: what they print is read as it is, and they read
//! what is exported.

use crate::director::{Director, Said, file};
use crate::modules;

fn everything() -> String {
    std::fs::read_to_string(file("tests/common/everything.rhai")).unwrap()
}

/// Lines in an order of their own: a table's order is another one in each namespace.
fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines
}

/// All of IPVS as the real ipvsadm lists it.
fn table(director: &Director) -> String {
    let views = [
        "-Sn",
        "-Ln --thresholds",
        "-Ln --tun-info",
        "-L --timeout",
        "-L --daemon",
    ];
    let lists = views.map(|view| director.ipvsadm(view));
    lists.concat()
}

/// Runs a program with a text on its standard input.
fn feed(director: &Director, text: &str, line: &str) -> Said {
    let path = director.database().parent().unwrap().join("input");
    std::fs::write(&path, text).unwrap();
    director.exec("sh", &["-c", &format!("{line} < {}", path.display())])
}

fn ipvsh(line: &str) -> String {
    format!("{} {line}", env!("CARGO_BIN_EXE_ipvsh"))
}

#[test]
fn the_kernel_holds_everything_and_gives_it_back() {
    let _modules = modules::all();
    let director = Director::alone();
    director.script(&everything()).ended(0);
    let state = director.state();
    assert_eq!(
        director.script(&everything()).ended(0).out,
        "nothing to change\n"
    );
    let text = director.ipvsh(&["export"]).ended(0).out;

    let other = Director::alone();
    let said = feed(&other, &text, &ipvsh("import -")).ended(0);
    assert!(said.out.contains("verified"), "{}", said.out);
    assert_eq!(sorted(&other.state()), sorted(&state));
    assert_eq!(other.ipvsh(&["export"]).ended(0).out, text);

    // Gone and restored, and rolled back.
    director.ipvsadm("-C");
    director.ipvsh(&["restore"]).ended(0);
    assert_eq!(sorted(&director.state()), sorted(&state));
    director
        .ipvsh(&["-e", "clear()", "--allow-removals"])
        .ended(0);
    assert_eq!(director.ipvsadm("-Sn"), "");
    director.ipvsh(&["rollback", "1"]).ended(0);
    assert_eq!(sorted(&director.state()), sorted(&state));
}

#[test]
fn the_real_ipvsadm_restores_what_is_exported() {
    let _modules = modules::all();
    let daemons = r#"
        sync_daemon("master", #{ interface: "lo", id: 7, maxlen: 1400, group: "239.1.2.3", port: 8849, ttl: 3 });
        sync_daemon("backup", #{ interface: "lo", id: 255 });
        tcp("192.0.2.10:80", #{ servers: ["10.0.0.1"] });
    "#;
    for script in [everything(), daemons.to_owned()] {
        let (ours, theirs) = (Director::alone(), Director::alone());
        ours.script(&script).ended(0);
        let export = ours.ipvsh(&["export", "--format", "ipvsadm"]).ended(0);
        assert_eq!(export.err, "", "nothing is left out");
        let restored = feed(&theirs, &export.out, "ipvsadm -R").ended(0);
        assert_eq!(restored.err, "");
        assert_eq!(sorted(&table(&theirs)), sorted(&table(&ours)));
    }
}

#[test]
fn what_the_real_ipvsadm_saves_is_what_is_live() {
    let director = Director::alone();
    for line in [
        "-A -t 192.0.2.10:80 -s wrr -p 300 -M 255.255.255.0",
        "-a -t 192.0.2.10:80 -r 10.0.0.11:8080 -m -w 3",
        "-a -t 192.0.2.10:80 -r 10.0.0.12 -i --tun-type gue --tun-port 6080 --tun-remcsum",
        "-A -u [2001:db8::10]:53 -s sh -b sh-port -o",
        "-a -u [2001:db8::10]:53 -r [2001:db8:1::11]:53 -g -w 0",
        "-A -f 4294967295 -6 -s rr",
        "--set 100 20 30",
    ] {
        director.ipvsadm(line);
    }
    director.iptables(
        "-t mangle -A PREROUTING -d 192.0.2.20 -p tcp -m multiport --dports 80,8000:8100 -j MARK --set-mark 9",
    );
    let before = table(&director);
    let save = director.ipvsadm("-Sn") + "--set 100 20 30\n";
    let said = feed(&director, &save, &ipvsh("import -")).ended(0);
    assert!(said.out.contains("the kernel untouched"), "{}", said.out);
    assert_eq!(table(&director), before);
    director.ipvsh(&["plan", "--exit-code"]).ended(0);

    // Rules that iptables prints: somebody else's are read, and made ours in our own chain.
    let save = director
        .exec("iptables-save", &["-t", "mangle"])
        .ended(0)
        .out;
    let said = feed(&director, &save, &ipvsh("import -")).ended(0);
    assert!(
        said.out
            .contains("+ mark tcp to 192.0.2.20 ports 80,8000-8100"),
        "{}",
        said.out
    );
    let save = director
        .exec("iptables-save", &["-t", "mangle"])
        .ended(0)
        .out;
    let ours: String = save
        .lines()
        .filter(|line| !line.starts_with("-A PREROUTING -d"))
        .map(|line| format!("{line}\n"))
        .collect();
    let said = feed(
        &director,
        &ours,
        &ipvsh("import - --replace --only 'mark 9'"),
    )
    .ended(0);
    assert_eq!(said.out, "nothing to change\n");
}

#[test]
fn an_import_leaves_what_is_foreign_and_different() {
    let director = Director::alone();
    director.ipvsadm("-A -t 192.0.2.10:80 -s rr");
    director.ipvsadm("-a -t 192.0.2.10:80 -r 10.0.0.9 -g");
    let before = table(&director);
    let rules = "-A -t 192.0.2.10:80 -s wrr\n-A -t 192.0.2.11:80\n";
    let said = feed(&director, rules, &ipvsh("import -")).ended(1);
    assert!(said.err.contains("somebody else made it"), "{}", said.err);
    assert_eq!(table(&director), before);
    assert!(director.history().is_empty());

    feed(&director, rules, &ipvsh("import - --adopt")).ended(0);
    let after = director.ipvsadm("-Sn");
    assert!(after.contains("-A -t 192.0.2.10:80 -s wrr"), "{after}");
    assert!(
        after.contains("-r 10.0.0.9:80"),
        "no server is dropped: {after}"
    );
    // What the kernel refuses in the middle is undone.
    let rules = "-A -t 192.0.2.12:80\n-A -t 192.0.2.13:80 -s twos\n";
    let before = table(&director);
    feed(&director, rules, &ipvsh("import -")).ended(4);
    assert_eq!(table(&director), before);
}

#[test]
fn debians_files_make_what_its_start_script_makes() {
    let _modules = modules::all();
    let (ours, theirs) = (Director::alone(), Director::alone());
    let rules = file("tests/fixtures/migration/debian-saved");
    let settings = ours.database().parent().unwrap().join("default");
    let text = std::fs::read_to_string(file("tests/fixtures/migration/debian-default")).unwrap();
    let text = text.replace("DAEMON=\"none\"", "DAEMON=\"both\"");
    let text = text.replace("IFACE=\"eth0\"", "IFACE=\"lo\"");
    std::fs::write(&settings, text.replace("# SYNCID=\"0\"", "SYNCID=\"42\"")).unwrap();
    ours.ipvsh(&[
        "import",
        rules.to_str().unwrap(),
        settings.to_str().unwrap(),
    ])
    .ended(0);

    // The commands of /etc/init.d/ipvsadm, start.
    let load = format!("grep -v '^#' {} | ipvsadm -R", rules.display());
    theirs.exec("sh", &["-c", &load]).ended(0);
    for role in ["master", "backup"] {
        theirs.ipvsadm(&format!(
            "--start-daemon {role} --mcast-interface lo --syncid 42"
        ));
    }
    assert!(theirs.ipvsadm("-L --daemon").contains("syncid=42"));
    assert_eq!(sorted(&table(&ours)), sorted(&table(&theirs)));

    // Its save writes the fixture again; what it writes is what we hold.
    let saved = format!("# ipvsadm.rules\n{}", theirs.ipvsadm("-S -n"));
    let fixture = std::fs::read_to_string(&rules).unwrap();
    assert_eq!(sorted(&saved), sorted(&fixture));
    let said = feed(&ours, &saved, &ipvsh("import -")).ended(0);
    assert_eq!(said.out, "nothing to change\n");
}

#[test]
fn what_is_saved_with_names_and_counters_is_what_is_live() {
    let director = Director::alone();
    for line in [
        "-A -t 192.0.2.10:80 -s rr",
        "-a -t 192.0.2.10:80 -r 10.0.0.11:443 -m",
        "-A -u [2001:db8::10]:53 -s rr",
    ] {
        director.ipvsadm(line);
    }
    let code = r#"mark(9, #{ protocol: "tcp", to: "192.0.2.20", ports: [80], interface: "eth+" })"#;
    director.ipvsh(&["-e", code]).ended(0);
    let before = table(&director);

    // Without -n ports have names, where the services database is installed.
    let save = director.ipvsadm("-S");
    let said = feed(&director, &save, &ipvsh("import -")).ended(0);
    assert!(said.out.contains("the kernel untouched"), "{}", said.out);
    assert_eq!(
        said.err.contains("/etc/services says"),
        save.contains(":http")
    );
    assert_eq!(table(&director), before);
    director.ipvsh(&["plan", "--exit-code"]).ended(0);

    let save = director
        .exec("iptables-save", &["-c", "-t", "mangle"])
        .ended(0)
        .out;
    assert!(save.contains("] -A IPVSH"), "{save}");
    let again = ipvsh("import - --replace --only 'mark 9'");
    let said = feed(&director, &save, &again).ended(0);
    assert_eq!(said.out, "nothing to change\n");

    // What would take clients from the mark is not dropped.
    let exclude = [
        "-t",
        "mangle",
        "-I",
        "PREROUTING",
        "-s",
        "192.168.60.100",
        "-j",
        "RETURN",
    ];
    director.exec("iptables", &exclude).ended(0);
    let save = director
        .exec("iptables-save", &["-t", "mangle"])
        .ended(0)
        .out;
    let said = feed(&director, &save, &again).ended(1);
    assert!(
        said.err
            .contains("-A PREROUTING -s 192.168.60.100/32 -j RETURN"),
        "{}",
        said.err
    );
}
