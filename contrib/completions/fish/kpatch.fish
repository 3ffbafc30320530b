# SPDX-License-Identifier: GPL-2.0-only
# fish completion for kpatch(8). Commands and options are asked of the program itself.

function __kpatch_commands
    kpatch help 2>/dev/null | string replace -rf '^  ([a-z]+) +(?:[A-Z|\[\]]+ +)?(.+)$' '$1\t$2'
end

# The command of the line, or nothing
function __kpatch_command
    set -l known (__kpatch_commands | string split -f 1 \t)
    for word in (commandline -opc)[2..]
        if contains -- $word $known
            echo $word
            return 0
        end
    end
    return 1
end

function __kpatch_is
    contains -- (__kpatch_command) $argv
end

function __kpatch_options
    set -l command (__kpatch_command)
    or return
    kpatch help $command 2>/dev/null | string replace -rf '^  .{4}(--[a-z-]+)(?: [A-Z]+)? +(.+)$' '$1\t$2'
end

function __kpatch_loaded
    path basename /sys/kernel/livepatch/*/ 2>/dev/null
end

function __kpatch_installed
    for file in /var/lib/kpatch/(uname -r)/*.ko*
        string replace -r '\.ko.*$' '' (path basename $file)
    end
end

complete -c kpatch -f
complete -c kpatch -n 'not __kpatch_command >/dev/null' -a '(__kpatch_commands)'
complete -c kpatch -n '__kpatch_is help' -a '(__kpatch_commands)'
complete -c kpatch -n 'string match -q -- "-*" (commandline -ct)' -a '(__kpatch_options)'
complete -c kpatch -n '__kpatch_is unload' -a '(__kpatch_loaded)'
complete -c kpatch -n '__kpatch_is load info check uninstall enable disable' -a '(__kpatch_installed)'
complete -c kpatch -n '__kpatch_is load info check install' -a '(__fish_complete_suffix .ko; __fish_complete_suffix .ko.xz; __fish_complete_suffix .ko.zst; __fish_complete_suffix .ko.gz)'
complete -c kpatch -s f -l format -x -a 'text json yaml'
complete -c kpatch -n '__kpatch_is status' -s f -l format -x -a prometheus
