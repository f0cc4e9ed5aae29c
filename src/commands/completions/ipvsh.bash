# bash completion for ipvsh: the program says what may come next (ipvsh __complete).

_ipvsh() {
    local words line typed kept answers
    # The words as they were typed: bash breaks them at ":" too.
    line=${COMP_LINE:0:COMP_POINT}
    read -ra words <<< "$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    typed=${words[-1]}
    mapfile -t answers < <("$1" __complete -- "${words[@]:1}" 2> /dev/null)
    COMPREPLY=()
    if [[ ${answers[0]-} == ":files" ]]; then
        compopt -o filenames 2> /dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$typed")
        return
    fi
    # What stands before the last break is on the line already.
    kept=""
    [[ $COMP_WORDBREAKS == *:* && $typed == *:* ]] && kept=${typed%"${typed##*:}"}
    [[ $COMP_WORDBREAKS == *=* && $typed == *=* ]] && kept=${typed%"${typed##*=}"}
    local answer value
    for answer in "${answers[@]}"; do
        value=${answer%%$'\t'*}
        COMPREPLY+=("${value#"$kept"}")
    done
}

complete -F _ipvsh ipvsh
