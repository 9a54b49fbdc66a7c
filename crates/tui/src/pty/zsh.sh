# The learner's own settings first, then a short prompt. Written anew at each start of the terminal pane.
ZDOTDIR=${ATELIER_ZDOTDIR:-$HOME}
[ -f "$ZDOTDIR/.zshrc" ] && . "$ZDOTDIR/.zshrc"

__atelier_prompt() {
    # The program leaves what a new step needs here: variables, and a change of folder.
    if [ -f "$__atelier_next" ]; then
        . "$__atelier_next"
        command rm -f "$__atelier_next"
    fi
    local place=${(%):-%~} rest head
    rest=${place#*/}
    rest=${rest#*/}
    head=${place%"/$rest"}
    case $rest in
        */*) place="$head/…/${rest##*/}" ;;
    esac
    PROMPT=$'%{\e]133;A\a%}%B%F{cyan}'"${place//\%/%%}"'%f%b %# '
}
autoload -Uz add-zsh-hook
add-zsh-hook precmd __atelier_prompt
setopt hist_ignore_space
