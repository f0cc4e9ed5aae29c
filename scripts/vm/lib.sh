# Sourced by the scripts of this folder: what they share. Defines names, does nothing.
# shellcheck shell=bash disable=SC2034

# The system's own programs, wherever the caller's PATH points (version managers, /usr/sbin missing for users).
SYSTEM_PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

VM_CACHE=${IPVSH_VM_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/ipvsh-vm}

say() { printf 'vm: %s\n' "$*" >&2; }
die() { # STATUS MESSAGE...
  local status=$1
  shift
  say "$*"
  exit "$status"
}

# Prints the comment block at the top of a script (after its #! line), which is its help.
print_help() { awk 'NR == 1 { next } /^#/ { sub(/^# ?/, ""); print; next } { exit }' "$1"; }

# Where a file of the host belongs in the guest. The guest's /bin, /sbin and /lib* are links into /usr, and an archive
# that holds them as directories would replace the links.
guest_path() {
  case $1 in
    /bin/* | /sbin/* | /lib/* | /lib32/* | /lib64/* | /libx32/*) printf '/usr%s\n' "$1" ;;
    *) printf '%s\n' "$1" ;;
  esac
}

# The shared libraries of a program, one path a line; nothing for a static program or a script.
libraries_of() { PATH=$SYSTEM_PATH ldd "$1" 2>/dev/null | grep -o '/[^ )]*' || true; }

# Packs a directory as an archive that the kernel unpacks as root's, whoever runs this.
pack() { (cd "$1" && find . -mindepth 1 -print0 | LC_ALL=C sort -z | cpio --quiet -0 -o -H newc -R +0:+0); }
