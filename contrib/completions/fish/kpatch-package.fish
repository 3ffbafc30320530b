# SPDX-License-Identifier: GPL-2.0-only
# fish completion for kpatch-package(8). Options are asked of the program itself.

function __kpatch_package_options
    kpatch-package --help 2>/dev/null | string replace -rf '^  .{4}(--[a-z-]+)(?: [A-Z]+)? +(.+)$' '$1\t$2'
end

complete -c kpatch-package -f
complete -c kpatch-package -n 'string match -q -- "-*" (commandline -ct)' -a '(__kpatch_package_options)'
complete -c kpatch-package -n 'not string match -q -- "-*" (commandline -ct)' \
    -a '(for ending in .ko .ko.xz .ko.zst .ko.gz; __fish_complete_suffix $ending; end)'
complete -c kpatch-package -l diagnostics -x -a 'text json'
complete -c kpatch-package -s f -l format -x -a 'rpm deb'
complete -c kpatch-package -s o -l output -x -a '(__fish_complete_directories)'
