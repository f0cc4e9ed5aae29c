
# The default route that comes before all that have a metric; the ip of busybox shows more.
routes() { ip route show default | grep '^default' | grep -v metric; }

has_gateway() { routes | grep -qF "default via $gateway "; }

# The director is the default gateway.
gateway() {
  if has_gateway; then
    known=$(others | sed -n '/^gateway/p' | sed -n 1p)
    [ "$action" = status ] || [ -z "$known" ] || grep -q '^gateway' "$file" || note "$known"
    return 0
  fi
  ! absent "default:via:$gateway" || return 0
  if ip route show default | grep -q nexthop; then say 'the default route has several gateways'; return 1; fi
  old=$(routes | sed 's/ linkdown//; s/ dead//; 1q')
  forget gateway || return 1
  note "gateway $old" || return 1
  ip route replace default via "$gateway"
}

# undo_gateway WORDS: the words of the route that was there.
undo_gateway() {
  if shared gateway || ! has_gateway; then return 0; fi
  if [ $# = 0 ]; then
    ip route del default via "$gateway"
  else
    ip route replace "$@"
  fi
}
