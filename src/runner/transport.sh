# Runs the text that lk_script prints as a file, in the folder lk_cwd, with the arguments "$@" and no input.
# Our input stays open as long as the sender lives; its end ends what was started. The braces make the shell read
# all of this before it runs any of it, because what it has not read by then, the watcher would.
{
lk_folder= lk_all=
# The variable marks what must not outlive the attempt; what cleans up after it must not carry it.
lk_end() {
    [ -z "$lk_all" ] || kill -KILL "$lk_all" 2>/dev/null
    unset LOCKKEEPER_ATTEMPT
    rm -rf "$lk_folder"
}
trap lk_end EXIT
trap 'exit 143' HUP INT TERM
lk_folder=$(umask 077 && mktemp -d "${lk_temporary:-/tmp}/lockkeeper.XXXXXXXX") || exit 126
lk_script >"$lk_folder/script" && chmod 700 "$lk_folder/script" || exit 126
if [ -n "$lk_cwd" ]; then
    cd "$lk_cwd" || exit 126
fi
exec 3<&0
if command -v setsid >/dev/null 2>&1; then
    setsid "$lk_folder/script" "$@" </dev/null 3<&- &
    lk_pid=$!
    lk_all=-$lk_pid
else
    "$lk_folder/script" "$@" </dev/null 3<&- &
    lk_pid=$!
    lk_all=$lk_pid
fi
(
    unset LOCKKEEPER_ATTEMPT
    cat <&3
    kill -TERM "$lk_all" && sleep 5
    kill -KILL "$lk_all"
    rm -rf "$lk_folder"
) >/dev/null 2>&1 &
lk_watch=$!
wait "$lk_pid"
lk_code=$?
kill -KILL "$lk_watch" 2>/dev/null
exit "$lk_code"
}
