
add_address() { ip address add "$vip/$length" dev lo; }
