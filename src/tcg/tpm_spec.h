/* SPDX-License-Identifier: MIT */
/*
 * Numbers of the TPM command interfaces.
 * TPM Main 1.2, part 2 and 3; TPM 2.0 Library 1.59, part 2 and 3.
 */
#ifndef TCG_TPM_SPEC_H
#define TCG_TPM_SPEC_H

/* TPM 1.2 */
#define TPM12_TAG_RQU                   0x00c1u
#define TPM12_TAG_RQU_AUTH2             0x00c3u
#define TPM12_TAG_RSP                   0x00c4u
#define TPM12_TAG_RSP_AUTH2             0x00c6u
#define TPM12_ORD_Extend                0x14u
#define TPM12_ORD_PcrRead               0x15u
#define TPM12_ORD_SetCapability         0x3fu
#define TPM12_ORD_SelfTestFull          0x50u
#define TPM12_ORD_ContinueSelfTest      0x53u
#define TPM12_ORD_ForceClear            0x5du
#define TPM12_ORD_GetCapability         0x65u
#define TPM12_ORD_PhysicalEnable        0x6fu
#define TPM12_ORD_PhysicalDisable       0x70u
#define TPM12_ORD_SetOwnerInstall       0x71u
#define TPM12_ORD_PhysicalSetDeactivated 0x72u
#define TPM12_ORD_SetTempDeactivated    0x73u
#define TPM12_ORD_SetOperatorAuth       0x74u
#define TPM12_ORD_RevokeTrust           0x80u
#define TPM12_ORD_Startup               0x99u
#define TPM12_ORD_FieldUpgrade          0xaau
#define TPM12_ORD_NV_DefineSpace        0xccu
#define TPM12_ORD_NV_WriteValue         0xcdu
#define TPM12_ORD_NV_ReadValue          0xcfu
#define TSC_ORD_PhysicalPresence        0x4000000au
#define TSC_ORD_ResetEstablishmentBit   0x4000000bu

#define TPM12_ST_CLEAR                  1u
#define TPM12_ST_STATE                  2u
#define TPM12_ST_DEACTIVATED            3u

/* TSC_PhysicalPresence */
#define TPM12_PP_LOCK                   0x0004u
#define TPM12_PP_PRESENT                0x0008u
#define TPM12_PP_NOTPRESENT             0x0010u
#define TPM12_PP_CMD_ENABLE             0x0020u

#define TPM12_CAP_FLAG                  0x04u
#define TPM12_CAP_FLAG_PERMANENT        0x108u
#define TPM12_CAP_FLAG_VOLATILE         0x109u
/* Flags' places in these structures, a 16-bit tag in front */
#define TPM12_PERM_DISABLE              2u
#define TPM12_PERM_OWNERSHIP            3u
#define TPM12_PERM_DEACTIVATED          4u
#define TPM12_PERM_PP_LIFETIME_LOCK     8u
#define TPM12_PERM_PP_CMD_ENABLE        10u
#define TPM12_STCLEAR_DEACTIVATED       2u
#define TPM12_STCLEAR_PP                4u
#define TPM12_STCLEAR_PP_LOCK           5u
#define TPM12_CAP_PROPERTY              0x05u
#define TPM12_CAP_PROP_OWNER            0x111u
#define TPM12_CAP_PROP_TIMEOUTS         0x115u
#define TPM12_CAP_PROP_DURATIONS        0x120u
#define TPM12_CAP_VERSION_VAL           0x1au
#define TPM12_TAG_CAP_VERSION_INFO      0x0030u

#define TPM12_SUCCESS                   0u
#define TPM12_DEACTIVATED               0x06u
#define TPM12_DISABLED                  0x07u
#define TPM12_FAILEDSELFTEST            0x1cu
#define TPM12_BADTAG                    0x1eu
#define TPM12_INVALID_POSTINIT          0x26u
#define TPM12_BAD_PRESENCE              0x2du
#define TPM12_RETRY                     0x800u
#define TPM12_NEEDS_SELFTEST            0x801u
#define TPM12_DOING_SELFTEST            0x802u

/* TPM 2.0 */
#define TPM2_ST_NO_SESSIONS             0x8001u
#define TPM2_ST_SESSIONS                0x8002u
#define TPM2_CC_HierarchyControl        0x121u
#define TPM2_CC_NV_UndefineSpace        0x122u
#define TPM2_CC_ChangeEPS               0x124u
#define TPM2_CC_Clear                   0x126u
#define TPM2_CC_ClearControl            0x127u
#define TPM2_CC_HierarchyChangeAuth     0x129u
#define TPM2_CC_NV_DefineSpace          0x12au
#define TPM2_CC_PCR_Allocate            0x12bu
#define TPM2_CC_NV_Write                0x137u
#define TPM2_CC_PCR_Event               0x13cu
#define TPM2_CC_SelfTest                0x143u
#define TPM2_CC_Startup                 0x144u
#define TPM2_CC_Shutdown                0x145u
#define TPM2_CC_NV_Read                 0x14eu
#define TPM2_CC_NV_ReadPublic           0x169u
#define TPM2_CC_GetCapability           0x17au
#define TPM2_CC_GetRandom               0x17bu
#define TPM2_CC_Hash                    0x17du
#define TPM2_CC_PCR_Read                0x17eu
#define TPM2_CC_PCR_Extend              0x182u

#define TPM2_SU_CLEAR                   0u
#define TPM2_SU_STATE                   1u

#define TPM2_RH_OWNER                   0x40000001u
#define TPM2_RH_NULL                    0x40000007u
#define TPM2_RS_PW                      0x40000009u
#define TPM2_RH_LOCKOUT                 0x4000000au
#define TPM2_RH_ENDORSEMENT             0x4000000bu
#define TPM2_RH_PLATFORM                0x4000000cu

#define TPM2_CAP_PCRS                   5u
#define TPM2_CAP_TPM_PROPERTIES         6u
#define TPM2_PT_MANUFACTURER            0x105u
#define TPM2_PT_VENDOR_STRING_1         0x106u
#define TPM2_PT_FIRMWARE_VERSION_1      0x10bu
#define TPM2_PT_FIRMWARE_VERSION_2      0x10cu
#define TPM2_PT_PERMANENT               0x200u
#define TPM2_PT_STARTUP_CLEAR           0x201u

/* TPMA_PERMANENT, TPMA_STARTUP_CLEAR */
#define TPMA_PERMANENT_OWNER_AUTH       (1u << 0)
#define TPMA_PERMANENT_LOCKOUT_AUTH     (1u << 2)
#define TPMA_STARTUP_SH_ENABLE          (1u << 1)
#define TPMA_STARTUP_EH_ENABLE          (1u << 2)

#define TPM2_RC_SUCCESS                 0u
#define TPM2_RC_INITIALIZE              0x100u
#define TPM2_RC_FAILURE                 0x101u
#define TPM2_RC_FMT1_MASK               0x0bfu  /* without which P, S or H */
#define TPM2_RC_COMMAND_CODE            0x143u  /* it has no such command */
#define TPM2_RC_AUTH_FAIL               0x08eu
#define TPM2_RC_BAD_AUTH                0x0a2u
#define TPM2_RC_YIELDED                 0x908u
#define TPM2_RC_TESTING                 0x90au
#define TPM2_RC_NV_RATE                 0x920u
#define TPM2_RC_RETRY                   0x922u

#endif
