/* SPDX-License-Identifier: MIT */
/*
 * The only process of the guest for little memory: says that it runs, with
 * how much, and turns the machine off.
 */
#include <stdio.h>
#include <sys/reboot.h>
#include <sys/sysinfo.h>
#include <unistd.h>

int main(void)
{
    struct sysinfo info;

    if (sysinfo(&info) == 0)
        printf("total %lu KiB\n", info.totalram / 1024 * info.mem_unit);
    printf("KEEL-READY\n");
    fflush(stdout);
    reboot(RB_POWER_OFF);
    for (;;)
        pause();
}
