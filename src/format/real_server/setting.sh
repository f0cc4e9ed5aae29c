
# value_of PATH: its value is now in $now; empty where there is none.
value_of() {
  now=
  { read -r now <"$1"; } 2>/dev/null
}

# setting NAME VALUE...: the kernel has one of the values, or is given the first.
setting() {
  name=$1 wanted=$2 path=/proc/sys/net/ipv4/conf/$1
  value_of "$path"
  if [ "$now" = "$wanted" ] && [ "$action" = start ] && ! grep -q -e "^setting $name " "$file"; then
    # Where another VIP set it, the value to return to is the one that it found.
    known=$(others | sed -n "\|^setting $name |p" | sed -n 1p)
    [ -z "$known" ] || note "$known"
  fi
  shift
  for value; do
    [ "$now" != "$value" ] || return 0
  done
  ! absent "$name" || return 0
  [ -n "$now" ] || { say "this kernel has no $path"; return 1; }
  forget "setting $name " || return 1
  note "setting $name $now $wanted" || return 1
  echo "$wanted" >"$path"
}

# undo_setting NAME FOUND SET: one that was changed since is left alone.
undo_setting() {
  path=/proc/sys/net/ipv4/conf/$1
  value_of "$path"
  shared "setting $1 " || [ "$now" != "$3" ] || echo "$2" >"$path"
}
