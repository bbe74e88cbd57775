# bash completion for adbad(8) and adbaclient(1)
_adbad()
{
    local cur=${COMP_WORDS[COMP_CWORD]}
    if [[ ${COMP_WORDS[COMP_CWORD - 1]} == --config ]]; then
        COMPREPLY=($(compgen -f -- "$cur"))
    else
        COMPREPLY=($(compgen -W "--config --check --help --version" -- "$cur"))
    fi
}
_adbaclient()
{
    local cur=${COMP_WORDS[COMP_CWORD]} verb= i
    local verbs="init install join leave restart pass clearing show events hardware genuine mak states slmgr ospp fleet scenario"
    local options="--machine --machines --json --catalog --timeout --via --ndr20 --ndr64 --max-fragment --help"
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        --machine | --machines | --catalog | --timeout | --via | --max-fragment) ((i++)) ;;
        -*) ;;
        *) verb=${COMP_WORDS[i]} && break ;;
        esac
    done
    case ${COMP_WORDS[COMP_CWORD - 1]} in
    --machine | --machines | --catalog) COMPREPLY=($(compgen -d -- "$cur")) && return ;;
    --via) COMPREPLY=($(compgen -W 1688 -- "$cur")) && return ;;
    esac
    if [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W "$options" -- "$cur"))
    elif [[ -z $verb ]]; then
        COMPREPLY=($(compgen -W "$verbs" -- "$cur"))
    else
        COMPREPLY=($(compgen -f -- "$cur"))
    fi
}
complete -o filenames -F _adbad adbad
complete -o filenames -F _adbaclient adbaclient
