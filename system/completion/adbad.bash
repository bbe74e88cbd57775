# bash completion for adbad(8)
_adbad()
{
    local cur=${COMP_WORDS[COMP_CWORD]}
    if [[ ${COMP_WORDS[COMP_CWORD - 1]} == --config ]]; then
        COMPREPLY=($(compgen -f -- "$cur"))
    else
        COMPREPLY=($(compgen -W "--config --check --help --version" -- "$cur"))
    fi
}
complete -o filenames -F _adbad adbad
