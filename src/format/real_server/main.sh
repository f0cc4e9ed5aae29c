
# The newest note first: the address goes before the settings that keep it silent. Where one cannot
# be undone, the rest stays, with its notes.
stop() {
  status=0
  notes=$(sed '1!G;h;$!d' "$file" 2>/dev/null)
  while read -r kind words; do
    # shellcheck disable=SC2086 # the words of a note
    [ -z "$kind" ] || undo "$kind" $words || { status=1; break; }
  done <<END
$notes
END
  [ "$status" != 0 ] || rm -f "$file"
  return "$status"
}

action=$1
[ $# = 1 ] || action=
case $action in
  start | stop)
    ip address show dev lo >/dev/null || { say 'cannot run ip'; exit 1; }
    umask 077
    mkdir -p "$directory" || exit 1
    exec 9>"$directory/lock"
    ! command -v flock >/dev/null || flock 9
    ;;
esac
case $action in
  start)
    fresh=true
    [ ! -s "$file" ] || fresh=false
    : >>"$file" || exit 1
    steps && exit 0
    # Half a start is undone; what an earlier one did stays.
    ! $fresh || stop
    say 'cannot start'
    exit 1
    ;;
  stop) stop ;;
  status)
    steps
    [ -z "$missing" ] || { echo "stopped, missing:$missing"; exit 3; }
    echo "running: $what"
    ;;
  *)
    echo "Usage: $0 start|stop|status" >&2
    exit 2
    ;;
esac
