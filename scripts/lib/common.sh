# Sourced by the scripts: where the tree is, how they speak, and how a build folder is made. POSIX sh.

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)

say() {
    printf '%s\n' "$*"
}

die() {
    printf '%s: %s\n' "scripts/$(basename -- "$0")" "$*" >&2
    exit 1
}

# Prints the comment block at the head of the calling script: its help.
help() {
    sed -n '2,/^[^#]/{/^#/!d;s/^# \{0,1\}//;p;}' "$0"
}

# configure DIR MESON-OPTION...: makes the build folder, or makes it anew when files came or went (meson looks at
# the files that it has seen, and passes over folders that did not exist then). Says nothing when all is well.
configure() {
    configure_dir=$root/$1
    shift
    configure_list=$configure_dir/.kith-files
    mkdir -p "$configure_dir"
    (cd "$root" && find meson.build meson_options.txt src test proto \( -name '*.[ch]' -o -name 'meson*' -o -name '*.toml' \) 2>/dev/null |
        LC_ALL=C sort; printf '%s\n' "$@") >"$configure_list.new"
    if [ ! -f "$configure_dir/build.ninja" ]; then
        run_quietly "$configure_dir.log" meson setup "$configure_dir" "$root" "$@"
    elif ! cmp -s "$configure_list" "$configure_list.new"; then
        run_quietly "$configure_dir.log" meson setup --reconfigure "$configure_dir" "$root" "$@"
    fi
    mv "$configure_list.new" "$configure_list"
}

# run_quietly LOG COMMAND...: shows the log only when the command fails.
run_quietly() {
    run_log=$1
    shift
    if ! "$@" >"$run_log" 2>&1; then
        tail -n 40 "$run_log" >&2
        die "this failed: $*"
    fi
    rm -f "$run_log"
}
