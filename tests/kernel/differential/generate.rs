//! Random sessions of command lines, bad ones included.

/// A small random number generator (splitmix64), the same everywhere for the same seed.
#[derive(Debug, Clone)]
pub struct Rng {
    state: u64,
    /// Services that most lines of a session are about.
    favourites: Vec<(&'static str, &'static str)>,
}

impl Rng {
    pub fn new(seed: u64) -> Rng {
        let mut rng = Rng {
            state: seed,
            favourites: Vec::new(),
        };
        rng.favourites = (0..4).map(|_| *rng.pick(&VALID_SERVICES)).collect();
        rng
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).unwrap()).unwrap()
    }

    /// True in so many of a hundred cases.
    pub fn percent(&mut self, cases: usize) -> bool {
        self.below(100) < cases
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// One step of a session.
#[derive(Debug, Clone)]
pub enum Step {
    /// A command line.
    Line(Vec<String>),
    /// Lines for `-R`, or for ipvsadm-restore.
    Lines { restore: bool, text: String },
    /// ipvsadm-save.
    Save(Vec<String>),
}

impl Step {
    /// Says whether it only looks: then both programs can do it in one namespace.
    pub fn is_list(&self) -> bool {
        match self {
            Step::Save(_) => true,
            Step::Lines { .. } => false,
            Step::Line(words) => words.first().is_none_or(|first| {
                [
                    "-L",
                    "-l",
                    "-S",
                    "--list",
                    "--save",
                    "-h",
                    "--help",
                    "-v",
                    "--version",
                ]
                .iter()
                .any(|list| first.starts_with(list))
            }),
        }
    }
}

const VALID_SERVICES: [(&str, &str); 14] = [
    ("t", "10.0.0.1:80"),
    ("t", "192.0.2.1:80"),
    ("t", "192.0.2.1:443"),
    ("t", "200.0.0.9:8080"),
    ("t", "127.0.0.1:http"),
    ("u", "10.0.0.1:53"),
    ("u", "100.64.0.1:5060"),
    ("sctp-service", "192.0.2.1:2905"),
    ("t", "[2001:db8::1]:80"),
    ("u", "[fd00::53]:53"),
    ("t", "2001:db8::99"),
    ("t", "192.0.2.7"),
    ("f", "7"),
    ("f", "4294967295"),
];

const INVALID_SERVICES: [(&str, &str); 18] = [
    ("t", "10.0.0.1:99999"),
    ("t", "10.0.0.1:"),
    ("t", ":80"),
    ("t", "80"),
    ("t", ""),
    ("t", "[2001:db8::1]"),
    ("t", "[2001:db8::1"),
    ("t", "[192.0.2.1]:80"),
    ("t", "10.0.0.1:nosuch"),
    ("u", "10.0.0.300:53"),
    ("u", "0x0a.1:+53"),
    ("t", "2001:db8::1:http"),
    ("sctp-service", "10.0.0.1:-1"),
    ("t", "0.0.0.0:0"),
    ("f", "0"),
    ("f", "-5"),
    ("f", "4294967296"),
    ("f", "x"),
];

const SERVERS: [&str; 16] = [
    "10.1.0.1",
    "10.1.0.1:80",
    "10.1.0.2:8080",
    "192.168.7.7:http",
    "200.1.1.1",
    "100.1.1.1:99",
    "127.0.0.1:81",
    "localhost:82",
    "[2001:db8:1::1]:80",
    "[2001:db8:1::2]:8080",
    "2001:db8:1::3",
    "fe80::1",
    "224.0.0.1:80",
    "0.0.0.0:80",
    "10.1.0.1:nosuch",
    "[2001:db8:1::1]",
];

const NUMBERS: [&str; 14] = [
    "0",
    "1",
    "2",
    "7",
    "100",
    "+5",
    " 6",
    "65535",
    "65536",
    "2147483647",
    "2147483648",
    "-1",
    "",
    "9x",
];

const SCHEDULERS: [&str; 17] = [
    "rr",
    "wrr",
    "lc",
    "wlc",
    "lblc",
    "lblcr",
    "dh",
    "sh",
    "sed",
    "nq",
    "fo",
    "ovf",
    "mh",
    "twos",
    "nosuch",
    "",
    "averyveryverylongname",
];

/// Any option with a value that may do; for lines that make no sense.
const STRAY: [&str; 36] = [
    "-n",
    "-c",
    "-X",
    "--exact",
    "--stats",
    "--rate",
    "--thresholds",
    "--persistent-conn",
    "--tun-info",
    "--nosort",
    "--sort",
    "--timeout",
    "--daemon",
    "-6",
    "-o",
    "-m",
    "-g",
    "-i",
    "-p",
    "-p=9",
    "-s=rr",
    "-w=3",
    "-x=4",
    "-y=1",
    "-M=255.255.0.0",
    "-b=flag-1",
    "--pe=sip",
    "--syncid=3",
    "--mcast-ttl=2",
    "--tun-csum",
    "--tun-type=gue",
    "-r=10.1.0.1",
    "-t=10.0.0.1:80",
    "-q",
    "--nosuch",
    "stray",
];

/// Makes a session.
pub fn session(rng: &mut Rng, steps: usize) -> Vec<Step> {
    let mut all = vec![Step::Lines {
        restore: false,
        text: table(rng),
    }];
    all.extend((0..steps).map(|_| step(rng)));
    all
}

/// A table to begin with.
fn table(rng: &mut Rng) -> String {
    let mut text = String::new();
    for (option, value) in rng.favourites.clone() {
        let dashes = if option.len() == 1 { "-" } else { "--" };
        let scheduler = *rng.pick(&SCHEDULERS[..12]);
        text.push_str(&format!(
            "-A {dashes}{option} {value} -s {scheduler} -p 60\n"
        ));
        for _ in 0..rng.below(3) {
            let server = *rng.pick(&SERVERS[..8]);
            text.push_str(&format!("-a {dashes}{option} {value} -r {server} -i\n"));
        }
    }
    text
}

fn step(rng: &mut Rng) -> Step {
    match rng.below(100) {
        0..14 => Step::Lines {
            restore: rng.percent(25),
            text: lines(rng),
        },
        14..16 => Step::Save(match rng.below(4) {
            0 => vec!["-x".to_owned()],
            1 => Vec::new(),
            _ => vec!["-n".to_owned()],
        }),
        _ => Step::Line(line(rng, true)),
    }
}

/// Lines for `-R`: no lists of the whole table, whose order differs between namespaces.
fn lines(rng: &mut Rng) -> String {
    let mut text = String::new();
    for _ in 0..rng.below(9) + 1 {
        let words = line(rng, false);
        // No blanks within words there.
        let words: Vec<String> = words
            .into_iter()
            .filter(|word| !word.is_empty() && !word.contains(' '))
            .collect();
        let start = *rng.pick(&["", "", "", "ipvsadm ", "  "]);
        let end = *rng.pick(&["\n", "\n", "\n", " \n", "\r\n", "\n\n", " \t\n"]);
        text.push_str(&format!("{start}{}{end}", words.join(" ")));
    }
    match rng.below(12) {
        0 => text.push_str("# words\n"),
        1 => text.push_str("-R\n"),
        2 => text.truncate(text.trim_end().len()),
        3 => text.push_str("-A -t 10.9.9.9:1  "),
        4 => text.push_str("-A -t 10.9.9.9:2 "),
        _ => {}
    }
    text
}

fn line(rng: &mut Rng, lists: bool) -> Vec<String> {
    let mut words = Words::default();
    match rng.below(100) {
        0..24 => add_service(rng, &mut words),
        24..52 => server(rng, &mut words),
        52..58 => {
            words.command(rng, &[("D", "delete-service"), ("Z", "zero")]);
            service(rng, &mut words);
        }
        58..63 => set(rng, &mut words),
        63..73 => daemon(rng, &mut words),
        73..74 => {
            words.command(rng, &[("C", "clear")]);
        }
        74..75 => {
            words.command(rng, &[("Z", "zero")]);
        }
        75..76 if lists => words.plain(rng.pick::<&str>(&["-h", "--help", "-v", "--version"])),
        76..96 if lists => list(rng, &mut words),
        _ => {
            words.command(rng, &[("L", "list"), ("l", "list")]);
            words.flag(rng, 'n', "numeric");
            service(rng, &mut words);
        }
    }
    let mut words = words.join(rng);
    if rng.percent(12) {
        spoil(rng, &mut words);
    }
    words
}

/// Makes a line worse.
fn spoil(rng: &mut Rng, words: &mut Vec<String>) {
    let place = rng.below(words.len());
    match rng.below(6) {
        0 if words.len() > 1 => {
            words.remove(place);
        }
        1 => {
            let other = rng.below(words.len());
            words.swap(place, other);
        }
        2 => words.insert(place, words[place].clone()),
        3 if place > 0 => {
            let number = *rng.pick(&NUMBERS);
            words[place] = number.to_owned();
        }
        _ => {
            let stray = *rng.pick(&STRAY);
            let place = rng.below(words.len()) + 1;
            words.insert(place, stray.to_owned());
        }
    }
}

/// The words of a line as they grow.
#[derive(Default)]
struct Words {
    command: Vec<String>,
    options: Vec<Vec<String>>,
}

impl Words {
    fn plain(&mut self, word: &str) {
        self.command.push(word.to_owned());
    }

    fn command<'a>(&mut self, rng: &mut Rng, from: &[(&'a str, &str)]) -> &'a str {
        let &(short, long) = rng.pick(from);
        self.plain(&if rng.percent(75) {
            format!("-{short}")
        } else {
            format!("--{long}")
        });
        short
    }

    fn flag(&mut self, rng: &mut Rng, short: char, long: &str) {
        let word = if short != ' ' && rng.percent(75) {
            format!("-{short}")
        } else {
            format!("--{long}")
        };
        self.options.push(vec![word]);
    }

    fn value(&mut self, rng: &mut Rng, short: char, long: &str, value: &str) {
        let value = value.to_owned();
        let words = match (short, rng.below(10)) {
            (' ', 0..=6) => vec![format!("--{long}"), value],
            (' ', _) | (_, 8) => vec![format!("--{long}={value}")],
            (_, 0..=4) => vec![format!("-{short}"), value],
            (_, 5) if !value.is_empty() && !value.starts_with('=') => {
                vec![format!("-{short}{value}")]
            }
            (_, 6) => vec![format!("-{short}={value}")],
            _ => vec![format!("--{long}"), value],
        };
        self.options.push(words);
    }

    /// Joins them, now and then in another order, now and then the command with an option.
    fn join(mut self, rng: &mut Rng) -> Vec<String> {
        if rng.percent(15) && self.options.len() > 1 {
            let place = rng.below(self.options.len());
            let option = self.options.remove(place);
            self.options.insert(0, option);
        }
        let mut words = self.command;
        for option in self.options {
            let joinable = words.len() == 1 && is_short(&words[0]) && is_short(&option[0]);
            if joinable && rng.percent(20) {
                words[0].push_str(&option[0][1..]);
                words.extend(option.into_iter().skip(1));
            } else {
                words.extend(option);
            }
        }
        words
    }
}

fn is_short(word: &str) -> bool {
    word.len() == 2 && !word.starts_with("--")
}

/// A service that is probably there.
fn service(rng: &mut Rng, words: &mut Words) {
    service_of(rng, words, 76);
}

fn service_of(rng: &mut Rng, words: &mut Words, favourite: usize) {
    let favourites = rng.favourites.clone();
    let (option, value) = match rng.below(100) {
        cases if cases < favourite => *rng.pick(&favourites),
        0..96 => *rng.pick(&VALID_SERVICES),
        _ => *rng.pick(&INVALID_SERVICES),
    };
    match option {
        "t" => words.value(rng, 't', "tcp-service", value),
        "u" => words.value(rng, 'u', "udp-service", value),
        "f" => words.value(rng, 'f', "fwmark-service", value),
        long => words.value(rng, ' ', long, value),
    }
    if option == "f" && rng.percent(20) {
        words.flag(rng, '6', "ipv6");
    }
}

fn add_service(rng: &mut Rng, words: &mut Words) {
    if rng.percent(50) {
        words.command(rng, &[("E", "edit-service")]);
        service(rng, words);
    } else {
        words.command(rng, &[("A", "add-service")]);
        service_of(rng, words, 10);
    }
    let known = if rng.percent(93) {
        13
    } else {
        SCHEDULERS.len()
    };
    let scheduler = *rng.pick(&SCHEDULERS[..known]);
    if rng.percent(60) {
        words.value(rng, 's', "scheduler", scheduler);
    }
    if rng.percent(35) {
        match rng.below(4) {
            0 => words.options.push(vec!["-p".to_owned()]),
            1 => {
                let number = *rng.pick(&["1", "60", "900", "2678400", "0", "2678401", "x", ""]);
                words.value(rng, 'p', "persistent", number);
            }
            _ => words.value(rng, 'p', "persistent", "300"),
        }
    }
    if rng.percent(20) {
        let masks = [
            "255.255.255.0",
            "255.255.0.0",
            "255.255.255.255",
            "24",
            "64",
            "128",
            "0",
            "129",
            "nosuch",
            "0.0.0.0",
        ];
        let mask = *rng.pick(&masks);
        words.value(rng, 'M', "netmask", mask);
    }
    if rng.percent(12) {
        words.flag(rng, 'o', "ops");
    }
    if rng.percent(12) {
        let engine = *rng.pick(&["sip", "sip", "nosuch", "", "averyverylongname"]);
        words.value(rng, ' ', "pe", engine);
    }
    if rng.percent(20) {
        let any = [
            "flag-1",
            "flag-2,flag-3",
            "sh-port",
            "mh-fallback",
            "nosuch",
            "",
            "sh-fallback,flag-3",
        ];
        let flags = match scheduler {
            "sh" => *rng.pick(&["sh-port", "sh-fallback", "sh-port,sh-fallback", "flag-3"]),
            "mh" => *rng.pick(&["mh-port", "mh-fallback,mh-port", ",mh-port,"]),
            _ => *rng.pick(&any),
        };
        words.value(rng, 'b', "sched-flags", flags);
    }
}

fn server(rng: &mut Rng, words: &mut Words) {
    let command = words.command(
        rng,
        &[
            ("a", "add-server"),
            ("a", "add-server"),
            ("a", "add-server"),
            ("e", "edit-server"),
            ("d", "delete-server"),
        ],
    );
    service(rng, words);
    let usual = if rng.percent(90) { 8 } else { SERVERS.len() };
    let address = *rng.pick(&SERVERS[..usual]);
    words.value(rng, 'r', "real-server", address);
    if command == "d" && rng.percent(90) {
        return;
    }
    let tunnel = rng.percent(40);
    match rng.below(5) {
        _ if tunnel => words.flag(rng, 'i', "ipip"),
        0 => words.flag(rng, 'g', "gatewaying"),
        1 => {}
        _ => words.flag(rng, 'm', "masquerading"),
    }
    for (short, long) in [('w', "weight"), ('x', "u-threshold"), ('y', "l-threshold")] {
        if rng.percent(20) {
            let valid = if rng.percent(90) { 6 } else { NUMBERS.len() };
            let number = *rng.pick(&NUMBERS[..valid]);
            words.value(rng, short, long, number);
        }
    }
    if (tunnel && rng.percent(60)) || rng.percent(5) {
        let kind = *rng.pick(&["ipip", "gue", "gue", "gre", "nosuch"]);
        words.value(rng, ' ', "tun-type", kind);
        if kind == "gue" || rng.percent(10) {
            let port = *rng.pick(&["6080", "6080", "6080", "0", "65536", "x"]);
            words.value(rng, ' ', "tun-port", port);
        }
        if rng.percent(50) {
            let flag = *rng.pick(&["tun-nocsum", "tun-csum", "tun-remcsum"]);
            words.flag(rng, ' ', flag);
        }
    }
}

fn set(rng: &mut Rng, words: &mut Words) {
    words.plain("--set");
    for _ in 0..*rng.pick(&[3, 3, 3, 3, 2, 4]) {
        let number = *rng.pick(&["0", "1", "60", "900", "2678400", "2678401", "x", "77"]);
        words.options.push(vec![number.to_owned()]);
    }
}

fn daemon(rng: &mut Rng, words: &mut Words) {
    let start = rng.percent(70);
    let state = *rng.pick(&["master", "backup", "master", "backup", "nosuch"]);
    words.plain(if start {
        "--start-daemon"
    } else {
        "--stop-daemon"
    });
    words.plain(state);
    let options: [(&str, usize, &[&str]); 6] = [
        (
            "mcast-interface",
            80,
            &[
                "mc0",
                "mc0",
                "mc0",
                "lo",
                "nosuch",
                "",
                "averyverylongname0",
            ],
        ),
        ("syncid", 40, &["0", "1", "255", "256", "x"]),
        ("sync-maxlen", 15, &["1", "500", "1472", "65507", "65508"]),
        (
            "mcast-group",
            15,
            &[
                "224.0.0.81",
                "239.1.2.3",
                "10.0.0.1",
                "ff02::5",
                "fe80::1",
                "x",
            ],
        ),
        ("mcast-port", 15, &["8848", "1", "0", "65536"]),
        ("mcast-ttl", 15, &["1", "255", "0", "256"]),
    ];
    for (name, cases, values) in options {
        if (start || name == "syncid" || rng.percent(5)) && rng.percent(cases) {
            let value = *rng.pick(values);
            words.value(rng, ' ', name, value);
        }
    }
}

fn list(rng: &mut Rng, words: &mut Words) {
    let command = words.command(
        rng,
        &[("L", "list"), ("L", "list"), ("l", "list"), ("S", "save")],
    );
    if rng.percent(75) {
        words.flag(rng, 'n', "numeric");
    }
    let flags = [
        ('c', "connection", 10),
        (' ', "timeout", 8),
        (' ', "daemon", 8),
        (' ', "stats", 15),
        (' ', "rate", 12),
        (' ', "thresholds", 15),
        (' ', "persistent-conn", 15),
        (' ', "tun-info", 15),
        (' ', "nosort", 15),
        (' ', "sort", 5),
        ('X', "exact", 10),
    ];
    for (short, long, cases) in flags {
        let cases = if command == "S" { 2 } else { cases };
        if rng.percent(cases) {
            words.flag(rng, short, long);
        }
    }
    if rng.percent(20) {
        service(rng, words);
    }
}
