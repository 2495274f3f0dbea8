/* SPDX-License-Identifier: MIT */
/*
 * A machine with a real TPM (libtpms) and the physical presence interface's
 * memory, into which the test writes as an OS would.
 */
#ifndef PPI_HOST_H
#define PPI_HOST_H

#include "fakehw.h"
#include "realtpm.h"
#include "tcg/ppi.h"
#include "tcg/ppi_spec.h"
#include "tcg/tpm_spec.h"

/* Operations by the names of the specification (table 2) */
enum ppi_operation {
    PPI_NO_OPERATION,
    PPI_ENABLE,
    PPI_DISABLE,
    PPI_CLEAR = 5,
    PPI_ENABLE_ACTIVATE,
    PPI_DEACTIVATE_DISABLE,
    PPI_OWNER_ON,
    PPI_OWNER_OFF,
    PPI_ENABLE_ACTIVATE_OWNER_ON,
    PPI_OWNER_OFF_DEACTIVATE_DISABLE,
    PPI_CLEAR_ENABLE_ACTIVATE = 14,
    PPI_PROVISION_USER,             /* SetNoPPIProvision_False, _True */
    PPI_PROVISION_NO_USER,
    PPI_CLEAR_USER,                 /* SetNoPPIClear_False, _True */
    PPI_CLEAR_NO_USER,
    PPI_MAINTENANCE_USER,
    PPI_ENABLE_CLEAR_ENABLE = 22,
    PPI_SET_PCR_BANKS,
    PPI_CHANGE_EPS,
    PPI_FIRST_FLAG = 25,            /* 25 to 32 set and clear flags */
    PPI_LAST_FLAG = 32,
    PPI_LOG_ALL_DIGESTS,
    PPI_DISABLE_ENDORSEMENT,
};

extern struct fakehw hw;
extern struct tcg t;
extern struct tcg_ppi ppi;
extern int version;                 /* of the TPM: 1 or 2 */

/* What the machine is told; begin() forgets it. */
struct told {
    uint8_t config[6];              /* etc/tpm/config */
    const char *policy, *timeout;   /* opt/org.keelbios/ppi-...; or NULL */
    const int *keys;                /* typed at the question; ends with 0 */
    unsigned ahead;                 /* keys that were typed before it */
};
extern struct told told;

/* Keys: F10, F12, Esc, and "accept" with false starts. */
extern const int f10[], f12[], esc[], word[];

/* The memory; func[] of an operation, and numbers at an offset. */
extern uint8_t region[0x400];
uint8_t func(unsigned operation);
uint32_t region32(uint32_t at);
void set_region32(uint32_t at, uint32_t v);

/* A new TPM of that version, and nothing in memory. */
void begin(int v);
/* The machine as it is at a start, its TPM answering by exec. */
void power_on(fake_exec exec);
/* One POST up to the hand-over; the request is in the region already.  True:
 * it ended with a reset. */
bool boot(void);
bool request(uint32_t code, uint32_t parameter);
/* Off and on, then the same. */
bool reboot(void);
bool reboot_with(uint32_t code, uint32_t parameter);
/* Commands that were sent before the operation's, in the last boot(). */
extern unsigned commands_before;

/* What the OS is told of the last operation. */
void check_response(uint32_t code, uint32_t response);

/* TPM 2.0: set an owner authorisation, as an OS would; is there one? */
void own(void);
bool owned(void);
/* TPM 1.2: disable, ownership, deactivated, as bits 2 to 0. */
uint32_t flags12(void);

#endif
