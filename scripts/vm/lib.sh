# Sourced by the scripts of this folder and beside it: what they share. Defines names, does nothing.
# shellcheck shell=bash disable=SC2034

# The system's own programs, wherever the caller's PATH points (version managers, /usr/sbin missing for users).
SYSTEM_PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

VM_CACHE=${IPVSH_VM_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/ipvsh-vm}

say() { printf '%s: %s\n' "${SPEAKER:-vm}" "$*" >&2; }
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

# --- packages -------------------------------------------------------------------------------------------------------

apt() { DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@"; }

# busybox alone is not enough: the package that is not -static has no httpd, which the topologies serve with.
has() {
  command -v "$1" >/dev/null || return 1
  [ "$1" != busybox ] || grep -x httpd <<<"$(busybox --list 2>/dev/null)" >/dev/null
}

missing_packages() { # LIST
  local program package
  while read -r program package; do
    has "$program" || echo "$package"
  done < <(grep -v '^#' "$1")
}

# Installs, as root, or names what is missing of a list: lines of a program and the Debian package that has it.
install_packages() { # LIST
  local -a missing
  mapfile -t missing < <(missing_packages "$1")
  [ ${#missing[@]} -gt 0 ] || return 0
  command -v apt-get >/dev/null || die 3 "missing (names of Debian packages): ${missing[*]}"
  [ "$(id -u)" = 0 ] || die 3 "packages are missing; as root: apt-get install --no-install-recommends ${missing[*]}"
  say "installing packages: ${missing[*]}"
  apt update >&2 || say 'apt-get update failed; trying with what is known'
  mkdir -p "$VM_CACHE"
  apt install --no-install-recommends "${missing[@]}" >"$VM_CACHE/apt.log" 2>&1 ||
    { tail -n 20 "$VM_CACHE/apt.log" >&2; die 1 "cannot install packages: ${missing[*]}"; }
  mapfile -t missing < <(missing_packages "$1")
  [ ${#missing[@]} -eq 0 ] || die 1 "installed, but still missing: ${missing[*]}"
}

# --- the emulator ---------------------------------------------------------------------------------------------------

# A machine without a network and without a screen, and what its kernel is told.
MACHINE=(
  -accel 'tcg,thread=multi' -cpu max -rtc base=utc
  -nodefaults -no-user-config -display none -no-reboot -net none
)
# oops=panic and panic=-1: a crash of the kernel ends the machine at once, and its messages are printed.
KERNEL_ARGUMENTS='console=ttyS0 quiet loglevel=4 oops=panic panic=-1'
# Nothing here guards anything or runs on real hardware; without these the boot takes a second longer.
KERNEL_ARGUMENTS+=' random.trust_cpu=on mitigations=off nokaslr cryptomgr.notests tsc=reliable no_timer_check'
