
has_port() { ip fou show 2>/dev/null | grep -qw "port $1 gue"; }

# port NUMBER: packets in UDP to this port are unwrapped. The ip of busybox has no fou.
port() {
  [ "$action" = status ] || modprobe fou
  if has_port "$1"; then
    [ "$action" = status ] || ! shared "port $1" || note "port $1"
    return 0
  fi
  ! absent "fou:$1" || return 0
  note "port $1" || return 1
  ip fou add port "$1" gue || { say "this needs the module fou, and ip of iproute2"; return 1; }
}

undo_port() { shared "port $1" || ! has_port "$1" || ip fou del port "$1"; }
