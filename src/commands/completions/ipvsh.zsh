#compdef ipvsh
# zsh completion for ipvsh: the program says what may come next (ipvsh __complete).

_ipvsh() {
    local -a answers values shown
    local answer
    answers=("${(@f)$("${words[1]}" __complete -- "${(@)words[2,CURRENT]}" 2> /dev/null)}")
    if [[ ${answers[1]} == ":files" ]]; then
        _files
        return
    fi
    for answer in $answers; do
        values+=("${answer%%$'\t'*}")
        shown+=("${answer//$'\t'/  }")
    done
    (( ${#values} )) && compadd -l -d shown -a values
}

if [[ ${funcstack[1]} == "_ipvsh" ]]; then
    _ipvsh "$@"
else
    compdef _ipvsh ipvsh
fi
