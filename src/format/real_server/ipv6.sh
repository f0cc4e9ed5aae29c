
# Deprecated, so that this host never sends from it; the ip of busybox does not know these words.
add_address() {
  ip -6 address add "$vip/$length" dev lo nodad preferred_lft 0 2>/dev/null ||
    ip -6 address add "$vip/$length" dev lo
}
