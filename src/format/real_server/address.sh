
# Whether lo has the VIP: 0, or 1; 2 where ip cannot tell.
has_address() {
  shown=$(ip address show dev lo) || return 2
  case $shown in
    *" $vip/$length "*) return 0 ;;
  esac
  return 1
}

# The devices that have it, with which length of the prefix.
elsewhere() {
  ip -o address show | while read -r _ device _ address _; do
    case $address in
      "$vip"/*) echo "${device%:} as $address" ;;
    esac
  done
}

address() {
  has_address
  case $? in
    0) return 0 ;;
    2) return 1 ;;
  esac
  ! absent "$vip/$length" || return 0
  other=$(elsewhere)
  [ -z "$other" ] || { say "$vip is on $other already"; return 1; }
  note address || return 1
  add_address
}

undo_address() {
  has_address
  case $? in
    0) ip address del "$vip/$length" dev lo ;;
    2) return 1 ;;
  esac
}
