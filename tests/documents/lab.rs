//! A place where pages' commands are typed on the simulator.

use std::process::Command;

use crate::pages::{root, shell_words};

/// A place with a database of the simulator.
pub struct Lab {
    place: tempfile::TempDir,
}

impl Lab {
    pub fn new() -> Lab {
        let place = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(root().join("examples"), place.path().join("examples")).unwrap();
        Lab { place }
    }

    pub fn put(&self, name: &str, text: &str) {
        std::fs::write(self.place.path().join(name), text).unwrap();
    }

    /// Types a line, which must be of commands that are safe; both outputs as they come.
    pub fn typed(&self, line: &str) -> Vec<String> {
        let first = shell_words(line).into_iter().next().unwrap_or_default();
        assert!(
            ["ipvsh", "cat", "cp"].contains(&first.as_str()),
            "\"{line}\" does not run on the simulator: say where (```console shown)"
        );
        let program = env!("CARGO_BIN_EXE_ipvsh");
        let output = Command::new("bash")
            .args([
                "-c",
                &format!("exec 2>&1\nipvsh() {{ '{program}' --sim \"$@\"; }}\n{line}"),
            ])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.place.path())
            .env("TZ", "UTC")
            .env("IPVSH_DB", self.place.path().join("db"))
            .current_dir(self.place.path())
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let database = self.place.path().join("db");
        // The option is the lab's, not the page's.
        let text = text.replace("ipvsh --sim ", "ipvsh ");
        text.replace(database.to_str().unwrap(), "/var/lib/ipvsh-sim")
            .lines()
            .map(|line| said_by_root(line, &author()))
            .collect()
    }
}

fn author() -> String {
    let id = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(id.stdout).unwrap().trim().to_owned()
}

/// Pages are root's, tests are anybody's.
fn said_by_root(line: &str, author: &str) -> String {
    let words = line.split(' ');
    let theirs = |word: &str| word.trim_end_matches([',', ':']) == author;
    words
        .map(|word| match theirs(word) {
            true => word.replace(author, "root"),
            false => word.to_owned(),
        })
        .collect::<Vec<_>>()
        .join(" ")
}
