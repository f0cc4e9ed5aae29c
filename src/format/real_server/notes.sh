
# What start is about to change is noted first, in a file for this network namespace and VIP.
namespace=$(readlink /proc/self/ns/net) || exit 1
namespace=${namespace#net:\[}
namespace=${namespace%\]}
directory=/run/lvs-real-server
file=$directory/$namespace-$vip

say() { echo "$0: $*" >&2; }

note() {
  grep -qxF -e "$1" "$file" || echo "$1" >>"$file" || { say "cannot write $file"; return 1; }
}

# Drops the notes that begin so.
forget() {
  grep -v -e "^$1" "$file" >"$directory/new"
  [ $? -le 1 ] || { say "cannot write $directory/new"; return 1; }
  mv "$directory/new" "$file"
}

# The notes of the other VIPs that are here: what they need stays. A file whose VIP is not on lo
# may be that of a namespace which is gone.
others() {
  for other in "$directory/$namespace"-*; do
    if [ ! -e "$other" ] || [ "$other" = "$file" ]; then continue; fi
    if grep -q '^gateway' "$other" || ip address show dev lo | grep -qF " ${other##*-}/"; then cat "$other"; fi
  done
}

shared() { others | grep -q -e "^$1"; }

# Under status nothing is done: what is not there is missing.
missing=
absent() {
  missing="$missing $1"
  [ "$action" = status ]
}
