# Sourced in the guest: client, director (lvs) and real servers (rs1, rs2, ...) as network namespaces, joined by veth
# pairs and a bridge in a namespace of its own (sw). Every namespace's name starts with a prefix, so that any number of
# topologies can stand side by side. scripts/vm/topology offers the same as a command.
# shellcheck shell=bash

# One network, all on one bridge; the VIP is on eth0 of the director and on lo of the real servers.
# name     VIP              client         director        real servers                                  port(s)
ONE_NETWORK='
dr         192.168.182.100  192.168.182.10 192.168.182.230 192.168.182.210,192.168.182.220,192.168.182.240 80,443
tunnel     192.168.182.100  192.168.182.10 192.168.182.230 192.168.182.210,192.168.182.220,192.168.182.240 80,443
shop       192.168.1.150    192.168.1.10   192.168.1.160   192.168.1.171,192.168.1.172                     80
tuned      172.16.60.119    172.16.60.10   172.16.60.118   172.16.60.205,172.16.60.206                     80
database   7.7.7.18         7.7.7.10       7.7.7.17        7.7.7.11,7.7.7.12,7.7.7.13                      3306
pair       10.128.190.248   10.128.190.10  10.128.190.247  10.128.190.249,10.128.190.250,10.128.190.251    80
'
# Two networks, the director between them; the VIP is its address on the client's side.
# name     VIP              client         director        real servers                                  port(s)
TWO_NETWORKS='
nat        192.168.60.200   192.168.60.100 192.168.182.200 192.168.182.210,192.168.182.220,192.168.182.230 80,443
'
# Two networks, and a router between them that is not the director: the gateway of everybody. Its addresses end in .1;
# the rest is as in one network.
# name     VIP              client         director        real servers                                  port(s)
ROUTED='
routed     192.168.182.100  192.168.60.100 192.168.182.230 192.168.182.210,192.168.182.220,192.168.182.240 80,443
'
# dr, tunnel, nat and routed have two real servers, a third on request.
SERVERS_UNLESS_ASKED='dr 2 tunnel 2 nat 2 routed 2'

# A process that is linked dynamically takes 50 ms and more to start under emulation (ip 70, curl 200), so a topology
# is collected first, then made by one "ip -batch" and one busybox shell in each namespace. busybox runs its own ip,
# sysctl, httpd and nc without starting anything.
links=''          # the batch: namespaces and the links between them
declare -A setup  # role -> shell code that is run in its namespace

add_role() { # ROLE
  links+="netns add $prefix$1"$'\n'
  setup[$1]=$'set -e\nip link set lo up\n'
}

add_address() { # ROLE DEVICE ADDRESS/LENGTH
  # Nobody else is there: no time is lost on looking for duplicates of an IPv6 address.
  [[ $3 != *:* ]] || setup[$1]+="echo 0 >/proc/sys/net/ipv6/conf/$2/accept_dad"$'\n'
  setup[$1]+="ip addr add $3 dev $2"$'\n'
}

# Joins a role to the bridge: its device, with addresses.
plug() { # ROLE DEVICE ADDRESS/LENGTH...
  local role=$1 device=$2 address
  shift 2
  links+="link add $device netns $prefix$role type veth peer name p-$role netns ${prefix}sw"$'\n'
  setup[sw]+="ip link set p-$role master br0; ip link set p-$role up"$'\n'
  for address; do add_address "$role" "$device" "$address"; done
  setup[$role]+="ip link set $device up"$'\n'
}

# A web server on each port, which answers with one word. It listens before httpd returns.
serve() { # ROLE WORD PORT...
  local role=$1 word=$2 port
  shift 2
  local directory=/run/www/$prefix$role
  setup[$role]+="mkdir -p $directory; echo $word >$directory/index.html"$'\n'
  for port; do setup[$role]+="httpd -p $port -h $directory"$'\n'; done
}

in_namespace() { busybox nsenter --net="/run/netns/$1" busybox sh -c "$2"; } # NAMESPACE CODE

make_topology() { # ROLE...: what was collected, in every namespace at the same time
  local role job jobs=() status=0
  ip -batch - <<<"$links" || return
  for role; do
    in_namespace "$prefix$role" "${setup[$role]}" &
    jobs+=($!)
  done
  for job in "${jobs[@]}"; do wait "$job" || status=1; done
  return $status
}

# Waits until the director reaches every real server.
await_servers() { # PORT ADDRESS...
  local port=$1
  shift
  in_namespace "${prefix}lvs" "
    for address in $*; do
      tries=0
      until printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 1 \$address $port >/dev/null 2>&1; do
        tries=\$((tries + 1))
        [ \$tries -lt 50 ] || { echo \"topology $prefix: \$address:$port does not answer the director\" >&2; exit 1; }
        usleep 20000
      done
    done"
}

topology_row() { # NAME: its row, from any table
  awk -v name="$1" '$1 == name { print; found = 1 } END { exit !found }' <<<"$ONE_NETWORK$TWO_NETWORKS$ROUTED"
}

# With topology_bare=1 the hosts have their addresses and web servers only: what a load balancer needs of them (the VIP,
# ARP, forwarding, the way back, tunl0) is left to do. With topology_bare=director that is so for the director alone.
topology_up() { # NAME PREFIX [SERVERS [PORT...]]
  local name=$1 prefix=$2 count=${3:-} row vip client director list port_list
  row=$(topology_row "$name") || { echo "no such topology: $name" >&2; return 2; }
  shift $(($# < 3 ? $# : 3))
  read -r _ vip client director list port_list <<<"$row"
  local -a servers ports=("$@")
  IFS=, read -r -a servers <<<"$list"
  [ ${#ports[@]} -gt 0 ] || IFS=, read -r -a ports <<<"$port_list"
  [ -n "$count" ] || count=$(awk -v name="$name" '{ for (i = 1; i < NF; i += 2) if ($i == name) print $(i + 1) }' <<<"$SERVERS_UNLESS_ASKED")
  servers=("${servers[@]:0:${count:-${#servers[@]}}}")

  local -a roles=(sw client lvs)
  local i role
  for i in "${!servers[@]}"; do roles+=("rs$((i + 1))"); done
  [ "$name" != pair ] || roles+=(lvs2)
  [ "$name" != routed ] || roles+=(router)
  links='' setup=()
  for role in "${roles[@]}"; do add_role "$role"; done
  links+="link add br0 netns ${prefix}sw type bridge"$'\n'
  setup[sw]+=$'ip link set br0 up\n'
  if [ "$name" = nat ]; then join_two_networks; else join_one_network || return; fi
  for i in "${!servers[@]}"; do serve "rs$((i + 1))" "RS$((i + 1))" "${ports[@]}"; done
  make_topology "${roles[@]}" && await_servers "${ports[0]}" "${servers[@]}"
}

# The rest of topology_up, with its variables. IPv6: the last part of each address is the last of its IPv4 address.

join_two_networks() {
  local address gateway6=2001:db8:182::${director##*.}
  links+="link add eth0 netns ${prefix}client type veth peer name eth0 netns ${prefix}lvs"$'\n'
  for role in client lvs; do
    [ "$role" = client ] && address=$client || address=$vip
    add_address "$role" eth0 "$address/24"
    add_address "$role" eth0 "2001:db8:60::${address##*.}/64"
    setup[$role]+=$'ip link set eth0 up\n'
  done
  plug lvs eth1 "$director/24" "$gateway6/64"
  [ -n "${topology_bare:-}" ] || setup[lvs]+=$'sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1\n'
  for i in "${!servers[@]}"; do
    role=rs$((i + 1))
    plug "$role" eth0 "${servers[i]}/24" "2001:db8:182::${servers[i]##*.}/64"
    # What masquerading lives on: answers go back through the director.
    [ "${topology_bare:-}" = 1 ] || setup[$role]+="ip route add default via $director; ip -6 route add default via $gateway6"$'\n'
  done
}

# The client behind a router.
join_router() {
  local outside=${client%.*}.1
  links+="link add eth0 netns ${prefix}client type veth peer name eth0 netns ${prefix}router"$'\n'
  add_address client eth0 "$client/24"
  setup[client]+="ip link set eth0 up; ip route add default via $outside"$'\n'
  add_address router eth0 "$outside/24"
  setup[router]+=$'ip link set eth0 up; sysctl -qw net.ipv4.ip_forward=1\n'
  plug router eth1 "${director%.*}.1/24"
}

# A host of the network whose gateway is the router, where there is one.
plug_host() { # ROLE ADDRESS
  plug "$1" eth0 "$2/24"
  [ "$name" != routed ] || setup[$1]+="ip route add default via ${2%.*}.1"$'\n'
}

join_one_network() {
  if [ "$name" = routed ]; then join_router; else plug client eth0 "$client/24"; fi
  plug_host lvs "$director"
  # The second of a pair: one address below the first, and no VIP until it takes it over.
  [ "$name" != pair ] || plug lvs2 eth0 "${director%.*}.$((${director##*.} - 1))/24"
  if [ "${topology_bare:-}" = 1 ]; then
    for i in "${!servers[@]}"; do plug_host "rs$((i + 1))" "${servers[i]}"; done
    return
  fi
  [ -n "${topology_bare:-}" ] || setup[lvs]+="ip addr add $vip/32 dev eth0"$'\n'
  # Makes tunl0 in every namespace.
  [ "$name" != tunnel ] || modprobe ipip || return
  for i in "${!servers[@]}"; do
    role=rs$((i + 1))
    # The VIP is there, but the real server never says so: the director alone answers ARP for it.
    setup[$role]+='sysctl -qw net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2'
    setup[$role]+=$' net.ipv4.conf.lo.arp_ignore=1 net.ipv4.conf.lo.arp_announce=2\n'
    plug_host "$role" "${servers[i]}"
    setup[$role]+="ip addr add $vip/32 dev lo"$'\n'
    [ "$name" != tunnel ] || setup[$role]+=$'ip link set tunl0 up\n'
  done
}

topology_down() { # PREFIX
  local role line names=() inodes processes=()
  for role in client router lvs lvs2 sw rs1 rs2 rs3; do
    [ ! -e "/run/netns/$1$role" ] || names+=("$1$role")
  done
  [ ${#names[@]} -gt 0 ] || return 0
  # What "ip netns pids" does, in one pass for all of them.
  inodes=" $(busybox stat -c %i "${names[@]/#//run/netns/}" | tr '\n' ' ')"
  while read -r line; do
    [[ $line =~ /proc/([0-9]+)/ns/net\ -\>\ net:\[([0-9]+)\] && $inodes == *" ${BASH_REMATCH[2]} "* ]] || continue
    processes+=("${BASH_REMATCH[1]}")
  done < <(busybox ls -l /proc/[0-9]*/ns/net 2>/dev/null)
  [ ${#processes[@]} -eq 0 ] || kill -9 "${processes[@]}" 2>/dev/null || true
  printf 'netns del %s\n' "${names[@]}" | ip -batch -
  rm -rf "${names[@]/#//run/www/}"
}

# One request of the client; prints the answer.
get() { ip netns exec "${1}client" curl -s -m 3 "$2"; } # PREFIX URL

# Prints one line for each request: who answered, or "-" where nobody did.
requests() { # PREFIX N URL...: N requests, over the URLs in turn
  local prefix=$1 n=$2
  shift 2
  local -a urls=()
  local i
  for ((i = 0; i < n; i++)); do urls+=("${@:i % $# + 1:1}"); done
  # One curl for all of them, each on a connection of its own; its -w line ends an answer, present or not.
  { ip netns exec "${prefix}client" curl -s -m 3 -H 'Connection: close' -w '\n@%{http_code}\n' "${urls[@]}" || true; } |
    awk '/^@/ { print answer == "" ? "-" : answer; answer = ""; next } $0 != "" { answer = $0 }'
}

# Counts who answered: RS1=5 RS2=5
tally() { sort | uniq -c | awk '{ printf "%s%s=%s", (NR > 1 ? " " : ""), $2, $1 } END { print "" }'; }
hits() { requests "$@" | tally; } # PREFIX N URL...
