//! A network namespace of one's own, for tests on a real kernel.

use std::fs::File;
use std::os::fd::AsFd;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

static NEXT: AtomicUsize = AtomicUsize::new(0);

/// Runs `ip` and insists that it works.
pub fn ip(line: &str) {
    let output = Command::new("ip").args(line.split_whitespace()).output();
    let output = output.unwrap_or_else(|e| panic!("ip {line}: {e}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {line}: {said}");
}

/// Runs a test on a thread in a network namespace made for it, with `lo` up. Fails where it
/// cannot make one: that needs root.
pub fn in_namespace<T: Send>(test: impl FnOnce() -> T + Send) -> T {
    in_bare_namespace(|| {
        ip("link set lo up");
        test()
    })
}

/// The same, with `lo` as a new namespace has it: never up.
pub fn in_bare_namespace<T: Send>(test: impl FnOnce() -> T + Send) -> T {
    let number = NEXT.fetch_add(1, Ordering::SeqCst);
    let name = format!("n{}-{number}", std::process::id());
    ip(&format!("netns add {name}"));
    let body = || {
        let file = File::open(format!("/run/netns/{name}")).unwrap();
        move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
        test()
    };
    let result = std::thread::scope(|scope| scope.spawn(body).join());
    ip(&format!("netns del {name}"));
    result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
