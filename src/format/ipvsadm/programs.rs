//! Other programs that a script calls: which of them make no rules of IPVS and set no marks.
//!
//! The lists are closed: what is not in them is refused, for it may do anything.

/// Programs whose commands are left out, unless a word of theirs says that they set marks.
const HARMLESS: &str = ". : [ [[ action apk apt apt-get arp arping arptables awk basename brctl bridge cat cd \
    chkconfig chmod chown clear conntrack cp curl cut date depmod dhclient dirname dmesg dnf \
    ebtables egrep ethtool failure false find firewall-cmd free grep head hostname id \
    ifconfig ifdown ifenslave ifup insmod install ip ipset kill killall ln local \
    log_begin_msg log_daemon_msg log_end_msg ls lsmod mkdir mktemp modinfo modprobe mv \
    netstat nft pidof ping ping6 pkill ps pwd read rm rmmod route sed service set sleep sort \
    ss success sync sysctl systemctl tail tc tee test touch true ulimit umask unset wait yum";
/// Programs whose outcome decides nothing: what stands behind their `&&` is run.
const DOING: &str = ": cd chmod cp date echo export ifconfig insmod ip logger mkdir modprobe printf rm route \
    service set sleep sync sysctl systemctl touch true";
/// Programs that show nothing but what another command prints.
const WATCHING: &str = "watch";
/// Files of distributions that hold functions for start scripts, and set none of their variables.
pub(super) const FUNCTIONS: [&str; 5] = [
    "/etc/rc.d/init.d/functions",
    "/etc/init.d/functions",
    "/lib/lsb/init-functions",
    "/usr/lib/lsb/init-functions",
    "/etc/rc.status",
];

fn has(list: &str, name: &str) -> bool {
    list.split(' ').any(|known| known == name)
}

/// Says whether a program's commands are left out.
pub(super) fn is_harmless(name: &str) -> bool {
    has(HARMLESS, name)
}

/// Says whether nothing depends on the outcome of a program.
pub(super) fn does(name: &str) -> bool {
    has(DOING, name)
}

/// Says whether a program shows what another command prints.
pub(super) fn is_watching(name: &str) -> bool {
    has(WATCHING, name)
}

/// Says whether a program reads rules from a file.
pub(super) fn reads_rules(name: &str) -> bool {
    name.starts_with("ip") && name.ends_with("-restore")
}

/// Says whether a program prints the rules that there are.
pub(super) fn is_saver(name: &str) -> bool {
    name == "ipvsadm-save" || (name.starts_with("ip") && name.ends_with("tables-save"))
}

/// Says whether a service is started that loads saved rules: `service ipvsadm restart`.
pub(super) fn starts_loader(name: &str, words: &[String]) -> bool {
    let says = |known: &[&str]| {
        let bare = |word: &String| word.trim_end_matches(".service").to_owned();
        words
            .iter()
            .any(|word| known.contains(&bare(word).as_str()))
    };
    ["service", "systemctl"].contains(&name)
        && says(&["ipvsadm", "iptables", "ip6tables", "netfilter-persistent"])
        && says(&["start", "restart", "reload", "condrestart", "try-restart"])
}

/// Says whether a command of another program may set marks of packets.
pub(super) fn sets_marks(name: &str, words: &[String]) -> bool {
    let says = |part: &str| words.iter().any(|word| word.to_lowercase().contains(part));
    let sets = ["--set-mark", "--set-xmark", "--or-mark", "--and-mark"];
    match name {
        "nft" | "ebtables" | "tc" => says("mark"),
        "firewall-cmd" => says("mark") || (says("--direct") && says("mangle")),
        _ => sets.iter().any(|option| says(option)),
    }
}
