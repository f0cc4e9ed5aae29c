
# device NAME MODULE: the device that unwraps packets is there.
device() {
  ip link show dev "$1" >/dev/null 2>&1 && return 0
  ! absent "$1" || return 0
  modprobe "$2"
  ip link show dev "$1" >/dev/null 2>&1 || { say "there is no $1, which the module $2 makes"; return 1; }
}

is_up() {
  case $(ip link show dev "$1" 2>/dev/null) in
    *[\<,]UP[,\>]*) return 0 ;;
  esac
  return 1
}

# up NAME: it is up.
up() {
  if is_up "$1"; then
    [ "$action" = status ] || ! shared "up $1" || note "up $1"
    return 0
  fi
  ! absent "$1:up" || return 0
  note "up $1" || return 1
  ip link set dev "$1" up
}

undo_up() { shared "up $1" || ip link set dev "$1" down; }
