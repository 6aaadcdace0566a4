#include "sim/faults.h"

const char *fault_name(enum fault f)
{
    static const char *const names[FAULT_KINDS] = {
        [FAULT_KILL] = "kill",
        [FAULT_POWER] = "power",
        [FAULT_PAUSE] = "pause",
        [FAULT_CUT] = "cut",
        [FAULT_CUT_ONE_WAY] = "cut_one_way",
        [FAULT_CLOSE_WAY] = "close_way",
        [FAULT_ANEW] = "anew",
        [FAULT_LOSS] = "loss",
        [FAULT_LATENCY] = "latency",
        [FAULT_BREAK] = "break",
        [FAULT_CLOCK] = "clock",
        [FAULT_DISK_SLOW] = "disk_slow",
        [FAULT_DISK_FULL] = "disk_full",
        [FAULT_LOST_WRITES] = "lost_writes",
        [FAULT_EXIT] = "exit",
        [FAULT_SICK] = "sick",
        [FAULT_PORT_TAKEN] = "port_taken",
    };
    return f < FAULT_KINDS ? names[f] : "?";
}
