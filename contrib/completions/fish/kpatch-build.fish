# SPDX-License-Identifier: GPL-2.0-only
# fish completion for kpatch-build(8). Options are asked of the program itself.

function __kpatch_build_options
    kpatch-build --help 2>/dev/null | string replace -rf '^  .{4}(--[a-z-]+)(?:[ =][^ ]+)? +(.+)$' '$1\t$2'
end

complete -c kpatch-build -f
complete -c kpatch-build -n 'string match -q -- "-*" (commandline -ct)' -a '(__kpatch_build_options)'
complete -c kpatch-build -n 'not string match -q -- "-*" (commandline -ct)' \
    -a '(for ending in .patch .diff .mbox .gz .xz series; __fish_complete_suffix $ending; end)'
complete -c kpatch-build -l report -x -a html
complete -c kpatch-build -l diagnostics -x -a 'text json'
complete -c kpatch-build -l package -x -a 'rpm deb'
complete -c kpatch-build -l stop-after -x -a 'kernel prepare plan compile verify diff link finish sign package page install'
complete -c kpatch-build -s k -l kernel -x -a '(path basename /lib/modules/*)'
complete -c kpatch-build -s o -l output -x -a '(__fish_complete_directories)'
