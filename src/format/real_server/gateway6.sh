
has_gateway() { ip -6 route show default | grep -F "default via $gateway " | grep -qw 'metric 1'; }

# The director is the default gateway, before those that the host has.
gateway() {
  if has_gateway; then
    [ "$action" = status ] || ! shared gateway || note gateway
    return 0
  fi
  ! absent "default:via:$gateway" || return 0
  note gateway || return 1
  ip -6 route add default via "$gateway" metric 1
}

undo_gateway() {
  if shared gateway || ! has_gateway; then return 0; fi
  ip -6 route del default via "$gateway" metric 1
}
