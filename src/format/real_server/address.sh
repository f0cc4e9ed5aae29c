
# Whether lo has the VIP.
has_address() { ip address show dev lo | grep -qF " $vip/$length "; }

# The other device that has it.
elsewhere() {
  ip -o address show | while read -r _ device _ address _; do
    case $address in
      "$vip"/*) [ "${device%:}" = lo ] || echo "${device%:}" ;;
    esac
  done
}

address() {
  ! has_address || return 0
  ! absent "$vip/$length" || return 0
  other=$(elsewhere)
  [ -z "$other" ] || { say "$vip is on $other: this host answers for it"; return 1; }
  note address
  add_address
}

undo_address() { ! has_address || ip address del "$vip/$length" dev lo; }
