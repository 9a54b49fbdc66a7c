# The learner's own settings first, then a short prompt. Written anew at each start of the terminal pane.
[ -f ~/.bashrc ] && . ~/.bashrc

__atelier_prompt() {
    # The program leaves what a new step needs here: variables, and a change of folder.
    if [ -f "$__atelier_next" ]; then
        . "$__atelier_next"
        command rm -f "$__atelier_next"
    fi
    local place=$PWD rest head dots='...'
    case ${LC_ALL:-${LC_CTYPE:-$LANG}} in
        *[Uu][Tt][Ff]*8*) dots='…' ;;
    esac
    case $place in
        "$HOME") place='~' ;;
        "$HOME"/*) place="~/${place#"$HOME"/}" ;;
    esac
    rest=${place#*/}
    rest=${rest#*/}
    head=${place%"/$rest"}
    case $rest in
        */*) place="$head/$dots/${rest##*/}" ;;
    esac
    __atelier_place=$place
    if [ -n "$NO_COLOR" ]; then
        PS1='\[\e]133;A\a\]$__atelier_place \$ '
    else
        PS1='\[\e]133;A\a\e[1;36m\]$__atelier_place\[\e[0m\] \$ '
    fi
}
PROMPT_COMMAND="${PROMPT_COMMAND:+${PROMPT_COMMAND%;}; }__atelier_prompt"
HISTCONTROL=${HISTCONTROL:+$HISTCONTROL:}ignorespace
