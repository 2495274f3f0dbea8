# SPDX-License-Identifier: MIT
# Bash completion of keelpcr.  A test compares the words with the program's.

_keelpcr()
{
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
    local options

    COMPREPLY=()
    case ${COMP_WORDS[1]} in
    replay)  options='--json' ;;
    check)   options='--pcrs --quote --prediction' ;;
    doctor)  options='--root' ;;
    pcrlock) options='--output --variant' ;;
    keylime) options='--pcrs' ;;
    predict) options='--bios --tpm --banks --reference --rom --kernel --initrd
        --append --dtb --disk --cdrom --cd-name --network --linux
        --grub --grub-root --linux-initrd --linux-cmdline --no-boot-code
        --libvirt --format --pcrs --output' ;;
    esac
    if [ "$COMP_CWORD" -eq 1 ]; then
        options='replay check explain grub pcrlock keylime predict doctor'
    fi
    case $prev in
    --tpm)    options='1.2 2.0' ;;
    --format) options='text json pcr-file cryptenroll' ;;
    *)  if [ "$COMP_CWORD" -gt 1 ] && [[ $cur != -* ]]; then
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
            return
        fi ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
}
complete -F _keelpcr keelpcr
