# Sourced by what runs in the guest of scripts/boot-test. Reports to the host, on the second serial port.
# shellcheck shell=bash

report() { printf '%s\n' "$*" >/dev/ttyS1; }
# What a person who reads a failure wants to see.
details() { sed 's/^/       | /' >/dev/ttyS1; }
ok() { report "  ok   $*"; }
failed() { # WHAT: tells it, with the journal, and ends this test
  report "  FAILED $*"
  { systemctl status --no-pager --full ipvsh-restore ipvsh-daemon; ipvsh status; ipvsh health; ipvsh history; ipvsadm -Ln; } 2>&1 | details
  report '       what the journal of this boot has last:'
  journalctl -b --no-pager -o short-monotonic 2>&1 | tail -n 60 | details
  exit 1
}

# Runs a command that must succeed. What it says is told where it does not.
must() { # WHAT COMMAND...
  local what=$1 said
  shift
  said=$("$@" 2>&1) || { details <<<"$* (status $?): $said"; failed "$what"; }
  ok "$what"
}
same() { # WHAT WANTED FOUND
  [ "$2" = "$3" ] || { diff <(echo "$2") <(echo "$3") | details; failed "$1"; }
  ok "$1"
}
holds() { # WHAT PART WHOLE
  [[ $3 == *"$2"* ]] || { details <<<"not in it: $2"$'\n'"$3"; failed "$1"; }
  ok "$1"
}
# Waits for as long as a slow machine may need.
until_true() { # SECONDS COMMAND...
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    [ $SECONDS -lt $end ] || return 1
    sleep 1
  done
}

addresses() { ip -o address show to "$1" | awk '{ print $4 }'; } # ADDRESS: with its prefix, where this host has it
# All that a director has of rules, the same however they were made: services and servers, timeouts, marks, daemons, the
# VIP, kernel settings.
rules() {
  ipvsadm -Sn | LC_ALL=C sort
  ipvsadm -L --timeout
  iptables -t mangle -S IPVSH
  iptables -t mangle -S PREROUTING
  ipvsadm -L --daemon
  ip -o address show to 192.168.60.200 | awk '{ print $2, $4 }'
  sysctl net.ipv4.ip_forward net.ipv4.conf.{all,front}.send_redirects net.ipv4.vs.expire_nodest_conn
}
# The history, without what a look a moment later shows differently.
snapshots() { ipvsh history | sed 's/(unconfirmed: [0-9]* s)/(unconfirmed)/' | tr -s ' '; }
in_unit() { systemctl show ipvsh-restore -P "$1"; } # PROPERTY
in_daemon() { systemctl show ipvsh-daemon -P "$1"; } # PROPERTY
weight_of() { # ADDRESS: a checked real server's, in the kernel
  ipvsadm -Sn | sed -n "s/^-a -t 192\.168\.60\.200:83 -r $1:83 -m -w //p"
}
is_out() { [ "$(weight_of "$1")" = 0 ]; }
is_in() { [ "$(weight_of "$1")" = 1 ]; }
answers() { # URL: who answers ten requests of the client
  ip netns exec client curl -sS -m 10 -H "Connection: close" "http://192.168.60.200$1/?[1-10]" 2>&1 |
    LC_ALL=C sort -u | tr '\n' ' '
}
balanced() { # WHAT URL
  same "$1" 'RS1 RS2 ' "$(answers "$2")"
}
# The client asked before the rules were there and until it was answered.
first_answer() {
  until_true 120 grep -qs '^RS' /run/client || { details </run/client; failed 'the first request is answered'; }
  grep -v '^RS' /run/client | sort | uniq -c | details
  ! grep -qiE 'refused|reset' /run/client || failed 'no request was refused before'
  ok "the first request that met the VIP was answered by a real server ($(tail -n 1 /run/client)), none was refused"
}
