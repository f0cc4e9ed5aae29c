//! Checks as JSON and scripts have them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::definition::Check;
use super::kind::{CheckKind, Exec, Http, Tcp, Tls, Udp};
use super::timing::Timing;

/// The options of a check that are not at their default.
struct Options(Map<String, Value>);

impl Options {
    fn put(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(name.to_owned(), value.into());
    }

    fn put_some(&mut self, name: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.put(name, value);
        }
    }

    fn put_unless(&mut self, is_default: bool, name: &str, value: impl Into<Value>) {
        if !is_default {
            self.put(name, value);
        }
    }
}

impl Check {
    /// The check as JSON and scripts have it: its type, and the options that are not at their default.
    pub fn json(&self) -> Value {
        let mut options = Options(Map::new());
        options.put("type", self.kind.name());
        kind(&self.kind, &mut options);
        timing(&self.timing, &mut options);
        let route = &self.route;
        options.put_some("address", route.address.map(|addr| addr.to_string()));
        options.put_some("port", route.port);
        options.put_some("source", route.source.map(|addr| addr.to_string()));
        options.put_some("interface", route.interface.map(|name| name.to_string()));
        options.put_some("mark", route.mark.map(|mark| mark.value()));
        options.put_unless(self.start.is_default(), "start", self.start.name());
        Value::Object(options.0)
    }
}

fn kind(kind: &CheckKind, options: &mut Options) {
    match kind {
        CheckKind::Tcp(Tcp { send, expect }) => {
            options.put_some("send", send.as_ref().map(ToString::to_string));
            options.put_some("expect", expect.as_ref().map(|pattern| pattern.as_str()));
        }
        CheckKind::Http(http) => {
            let Http {
                path,
                method,
                host,
                headers,
                status,
                body,
                tls,
            } = http;
            let default = Http::default();
            options.put_unless(*path == default.path, "path", path.as_str());
            options.put_unless(*method == default.method, "method", method.as_str());
            options.put_some("host", host.as_deref());
            options.put_unless(headers.is_empty(), "headers", map(headers));
            options.put_unless(status.is_default(), "status", status.json());
            options.put_some("body", body.as_ref().map(|pattern| pattern.as_str()));
            if let Some(Tls { verify, sni, ca }) = tls {
                options.put_unless(*verify, "verify", *verify);
                options.put_some("sni", sni.as_deref());
                options.put_some("ca", ca.as_deref());
            }
        }
        CheckKind::Udp(Udp { payload, reply }) => {
            options.put("payload", payload.to_string());
            options.put_some("reply", reply.json());
        }
        CheckKind::Ping => {}
        CheckKind::Exec(exec) => {
            let Exec { command, user, env } = exec;
            options.put("command", command.as_slice());
            options.put_unless(user == Exec::USER, "user", user.as_str());
            options.put_unless(env.is_empty(), "env", map(env));
        }
    }
}

fn timing(timing: &Timing, options: &mut Options) {
    let default = Timing::DEFAULT;
    let all = [
        ("interval", timing.interval, default.interval),
        (
            "retry_interval",
            timing.retry_interval,
            default.retry_interval,
        ),
        ("timeout", timing.timeout, default.timeout),
    ];
    for (name, value, default) in all {
        options.put_unless(value == default, name, seconds(value));
    }
    options.put_unless(timing.rise == default.rise, "rise", timing.rise);
    options.put_unless(timing.fall == default.fall, "fall", timing.fall);
}

/// Milliseconds as seconds: a whole number where they are whole.
fn seconds(ms: u32) -> Value {
    match ms % 1000 {
        0 => Value::from(ms / 1000),
        _ => Value::from(f64::from(ms) / 1000.0),
    }
}

fn map(texts: &BTreeMap<String, String>) -> Value {
    let entries = texts.iter();
    Value::Object(
        entries
            .map(|(name, text)| (name.clone(), Value::from(text.as_str())))
            .collect(),
    )
}
