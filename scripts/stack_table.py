# SPDX-License-Identifier: MIT
"""What scripts/stackuse cannot see in the objects: whom pointers call, what
assembly needs, how often recursion goes round; and which ways into C there
are, each with the name of its limit in src/core/layout.h."""

# Whom a call through this variable or field reaches: functions, or all in a
# constant.  Without a row: those that the sources store under the same name,
# or that a constant of that name holds.
POINTERS = {
    "blocks": ["table:algs", "sha1_blocks_xmm", "sha256_blocks_xmm",
               "sha512_blocks_ymm"],
    "cancel": ["table:drivers"],
    "console": ["console_put"],
    "end": ["table:drivers"],
    "f": ["sha1_ni_blocks", "sha256_ni_blocks", "sha512_sse2_blocks",
          "with_ymm"],                  # with_xmm()
    "feed": ["feed_acpi", "feed_file", "feed_item", "feed_pieces",
             "feed_smbios"],
    "handle": ["table:entries"],
    "init_entry": ["post"],             # keelbios.lds.S
    "next": ["rdrand"],
    "out": ["print_text", "debug_text"],
    "page": ["change_banks", "turn_off_or_on", "change_requests",
             "menu_log"],               # the TPM menu
    "pair": ["sha512_blocks_xmm"],
    "receive": ["table:drivers"],
    "release": ["table:drivers"],
    "run": ["table:services"],
    "send": ["table:drivers"],
    "smp_help": ["help"],
    "start": ["ehci_start", "uhci_start", "xhci_start", "table:adapters"],
    "step": ["tpm_measure_platform", "tpm_admin_capture",
             "tpm_before_third_party", "tpm_print_status", "tpm_admin_run"],
    "wait": ["table:drivers"],
}

# These call what they are passed: an address that is in their caller's code.
PASSED = {"tcg_hash_feed", "with_xmm"}

# What real_restart() goes on with, on an empty stack.
STARTED = {"gate_boot", "boot_after_18", "boot_after_19"}


def assembly(limits):
    """{function: bytes from its return address on}.  real_call also has four
    registers, rt_entry, rt_sp, where the results go and a struct bregs on the
    stack, and leaves STACK_CALLEE to what it calls; smi_exchange four registers,
    and what it calls runs on its caller's stack."""
    return {
        "real_call": 8 * 4 + limits["BREG_SIZE"] + limits["STACK_CALLEE"],
        "real_jump": 4,                 # begins at the top
        "smi_exchange": 5 * 4,
        "v86_leave": 4,
        "real_restart": 4,              # likewise
        "real_end_call": 4,             # goes back up to a real_call()
    }


# The others do not come back.
RETURNS = {"real_call", "smi_exchange"}

# How often a function can be on the stack at once.
RECURSION = {
    "emulated_rw": 1,                   # it reads the CD, which is real
    "usb_new_device": 7,                # DEPTH_MAX hubs, the device behind
    "usb_path": 7,
}

# Ways into C.  Of the services: who calls them, the constant that names them,
# the limit.  Others: (name, functions of which each calls the next, limit).
SERVICES = ("real_dispatch", "entries", "STACK_RESERVE")
ENTRIES = [
    ("POST", ["start", "post"], "STACK_SIZE"),
    ("S3 resume", ["start", "resume"], "STACK_RESUME"),
    ("boot", ["gate_boot"], "STACK_BOOT"),
    ("another processor", ["smp_worker"], "SMP_STACK"),
    ("boot after INT 18h", ["boot_after_18"], "STACK_SIZE"),
    ("boot after INT 19h", ["boot_after_19"], "STACK_SIZE"),
]

# Constants whose functions are reported, too; who calls them has the limit.
REPORTED = [".tpm.res.head"]            # measure_ops

# Calls that must not be refused for want of stack: (what, [(way, functions)]
# and the last entry).  Each calls real mode at its deepest point, and what it
# calls uses all of STACK_CALLEE, or has a stack of its own, before it calls the
# next.  Not counted is a message about a TPM that fails: of code in real mode
# it lets only that run which puts it on the screen.
RARE = {"tcg_say"}


def way(what):
    return f"handle_{what}", ["real_dispatch", f"handle_{what}"]


NESTED = [
    # A ROM reads a disk, a key comes meanwhile, its hook asks for keys.
    ("nested in POST",
     [("post", ["start", "post"]), way("13"), way("09"), "handle_16"]),
    # A disk's ROM reads by another disk for the boot.
    ("nested in a boot",
     [("gate_boot", ["gate_boot"]), way("13"), way("09"), "handle_16"]),
    # A loader reads a disk, a key comes, its hook waits for keys, and a tick's
    # hook uses INT 15h.
    ("nested in a loader",
     [way("13"), way("09"), way("16"), "handle_15"]),
]
