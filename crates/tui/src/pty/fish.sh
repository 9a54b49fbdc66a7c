# A short prompt, after the learner's own settings. Written anew at each start of the terminal pane.
function fish_prompt
    printf '\e]133;A\a'
    set_color --bold cyan
    printf '%s' (prompt_pwd)
    set_color normal
    printf ' > '
end
