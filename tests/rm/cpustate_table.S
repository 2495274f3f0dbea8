/* SPDX-License-Identifier: MIT */
/*
 * Of cpustate.S: who calls, and what is called.
 */

/* What is not said: 64 KiB segments, interrupts on, a usual stack, nothing is
 * watched. */
.macro CALLER name, big=0, flags=FLAG_IF + 2, ss=SEG_STACK, esp=0xff00, \
        options=0, dr0=DR0_LOADED, dr7=0
771:
    .asciz "\name"
    .fill CALLER_BIG - (. - 771b), 1, 0
    .long \big, \flags, \ss, \esp, \options, \dr0, DR7_LOADED + \dr7
.endm
#define DATA_BIG    0x3e                    /* all but CS */
#define ALL_BIG     0x3f
#define LOCAL       0x55                    /* the four watchpoints */
#define GLOBAL      0xaa
#define EXACT       0x300
#define WATCH(address)  options=HITS, dr0=(address), dr7=3    /* a dword */
/* Where the service keeps its caller, and a stack that has the guard at the
 * frame's offset: an exception between the loads of SS and ESP shows. */
#define FRAME       (STACK_TOP - ENTRY_SIZE)
#define FRAME_SS    (SEG_TINY + (GUARD / 2 - FRAME + DATA_START) / 16)
#define FRAME_SP    ((SEG_TINY - FRAME_SS) * 16 + GUARD + 64)
/* The entry has FRAME_SS in AX before it loads SS from there: so the guard is
 * hit if SS is not the firmware's by then.  16 bits of SP - ENTRY_TAKEN. */
#define ODD_SP      (FRAME_SS + ENTRY_TAKEN)

    .balign 4
callers:
    CALLER "64 KiB"
    CALLER "no interrupts", flags=2
    CALLER "DF", flags=0x602
    CALLER "all flags, ESP", flags=0x207ed7, esp=0x5a5aff00
    CALLER "big DS", big=BIG_DS
    CALLER "big ES", big=BIG_ES
    CALLER "big SS", big=BIG_SS
    CALLER "big FS", big=BIG_FS
    CALLER "big GS", big=BIG_GS
    CALLER "big DS ES FS GS", big=(DATA_BIG - BIG_SS)
    CALLER "big CS", big=BIG_CS
    CALLER "all data big", big=DATA_BIG
    CALLER "all big, DF, no IF", big=ALL_BIG, flags=0x402
    CALLER "own IDTR", options=OWN_IDT
    CALLER "big, own IDTR", big=ALL_BIG, options=OWN_IDT
    CALLER "64 bytes of stack", ss=SEG_TINY, esp=GUARD + 64, options=GUARDED
    CALLER "stack in E000", ss=0xe000, esp=0x3f00
    CALLER "SP 0", esp=0
    CALLER "SP FFFE", esp=0xfffe
    CALLER "odd SP", esp=ODD_SP
    CALLER "A20 closed", options=CLOSED_A20
    CALLER "big, A20 closed", big=ALL_BIG, options=CLOSED_A20
    CALLER "E0000 + 1 in 1E0000", options=COPY(1)
    CALLER "E0000 + 2 in 1E0000", options=COPY(2)
    CALLER "TS", options=SET_TS
    CALLER "no SSE", options=NO_SSE
    CALLER "no SSE, TS, big", big=ALL_BIG, options=NO_SSE+SET_TS
    CALLER "XCR0 x87", options=XCR0(0)
    CALLER "XCR0 SSE", options=XCR0(1)
    CALLER "XCR0 AVX", options=XCR0(3)
    CALLER "XCR0 AVX, TS", options=XCR0(3)+SET_TS
    CALLER "local watch", dr7=LOCAL
    CALLER "all watch, big", big=DATA_BIG, dr7=(LOCAL + GLOBAL + EXACT)
    CALLER "watch the tick", WATCH(0x46c)
    CALLER "watch shift keys", WATCH(0x417)
    CALLER "watch buffer, big", WATCH(SEG_ES * 16 + SECTOR), big=ALL_BIG
    CALLER "watch frame: SS", WATCH(FRAME + ENTRY_SS), ss=FRAME_SS, \
        esp=FRAME_SP
    CALLER "watch frame: ESP", WATCH(FRAME + ENTRY_ESP), ss=FRAME_SS, \
        esp=FRAME_SP
    .byte 0

/*
 * The registers it is called with; the bits of them, of ES and of EFLAGS that
 * are results; what is done before each call, and after it.
 */
.macro SERVICE name, stub, eax=0xa1a2a3a4, ebx=0xb1b2b3b4, ecx=0xc1c2c3c4, \
        edx=0xd1d2d3d4, esi=0xe1e2e3e4, edi=0xf1f2f3f4, ebp=0x51525354, \
        fax=0, fbx=0, fcx=0, fdx=0, fsi=0, fdi=0, fes=0, ffl=0, \
        prepare=nothing
771:
    .asciz "\name"
    .fill SERVICE_STUB - (. - 771b), 1, 0
    .word \stub, \prepare, \ffl, 0
    .long \eax, \ebx, \ecx, \edx, \esi, \edi, \ebp
    .long \fax, \fbx, \fcx, \fdx, \fsi, \fdi, \fes
.endm
#define CF  1
#define ZF  0x40
#define X   0xffff
#define XX  0xffffffff

    .balign 4
services:
    SERVICE "INT 05h", int_05
    SERVICE "INT 08h", int_08
    SERVICE "IRQ 0", irq_0
    SERVICE "INT 09h, no byte", int_09
    SERVICE "IRQ 1", irq_1
    SERVICE "INT 0Ah", int_0a
    SERVICE "IRQ 7, spurious", int_0f
    SERVICE "INT 1Ch", int_1c
    SERVICE "INT 70h", int_70
    SERVICE "IRQ 8", irq_8, prepare=event
    SERVICE "INT 74h, no byte", int_74
    SERVICE "IRQ 12", irq_12
    SERVICE "INT 75h", int_75
    SERVICE "IRQ 15, spurious", int_77

    SERVICE "INT 10h AH=00h", int_10, eax=0xa1a20003, fax=0xff
    SERVICE "INT 10h AH=01h", int_10, eax=0xa1a20100, ecx=0xc1c20607
    SERVICE "INT 10h AH=02h", int_10, eax=0xa1a20200, ebx=0, edx=0xd1d20505
    SERVICE "INT 10h AH=03h", int_10, eax=0xa1a20300, ebx=0, fax=X, fcx=X, \
        fdx=X
    SERVICE "INT 10h AH=06h", int_10, eax=0xa1a20601, ebx=0x700, ecx=0, \
        edx=0x184f
    SERVICE "INT 10h AH=08h", int_10, eax=0xa1a20800, ebx=0, fax=X
    SERVICE "INT 10h AH=09h", int_10, eax=0xa1a20941, ebx=0xb1b20007, ecx=3
    SERVICE "INT 10h AH=0Eh", int_10, eax=0xa1a20e42, ebx=0xb1b20007
    SERVICE "INT 10h AH=0Fh", int_10, eax=0xa1a20f00, fax=X, fbx=0xff00
    SERVICE "INT 10h AH=12h BL=10h", int_10, eax=0xa1a21200, \
        ebx=0xb1b2b310, fax=X, fbx=X, fcx=X
    SERVICE "INT 10h AX=1301h", int_10, eax=0xa1a21301, ebx=7, ecx=3, \
        edx=0, ebp=0x51520000 + TEXT
    SERVICE "INT 10h AX=1A00h", int_10, eax=0xa1a21a00, fax=X, fbx=X
    SERVICE "INT 10h AX=4F00h", int_10, eax=0xa1a24f00, edi=VBE_INFO, fax=X
    SERVICE "INT 10h AX=4F03h", int_10, eax=0xa1a24f03, fax=X, fbx=X
    SERVICE "INT 10h AH=FEh", int_10, eax=0xa1a2fe00

    SERVICE "INT 11h", int_11, fax=X
    SERVICE "INT 12h", int_12, fax=X

    SERVICE "INT 13h AH=00h", int_13, eax=0xa1a20000, edx=0xd1d20080, \
        fax=X, ffl=CF
    SERVICE "INT 13h AH=01h", int_13, eax=0xa1a20100, edx=0xd1d20080, \
        fax=X, ffl=CF
    SERVICE "INT 13h AH=02h", int_13, eax=0xa1a20201, \
        ebx=0xb1b20000 + SECTOR, ecx=0xc1c20001, edx=0xd1d20080, fax=X, ffl=CF
    SERVICE "INT 13h AH=02h no drive", int_13, eax=0xa1a20201, ebx=SECTOR, \
        ecx=1, edx=0xd1d2009f, fax=X, ffl=CF
    SERVICE "INT 13h AH=02h, IRQ 1", key_inside_13, eax=0xa1a20201, \
        ebx=0xb1b20000 + SECTOR, ecx=0xc1c20001, edx=0xd1d20080, fax=X, ffl=CF
    SERVICE "INT 13h AH=04h", int_13, eax=0xa1a20401, \
        ebx=0xb1b20000 + SECTOR, ecx=0xc1c20001, edx=0xd1d20080, fax=X, ffl=CF
    SERVICE "INT 13h AH=08h", int_13, eax=0xa1a20800, edx=0xd1d20080, \
        fax=X, fbx=0xff, fcx=X, fdx=X, ffl=CF
    SERVICE "INT 13h AH=10h", int_13, eax=0xa1a21000, edx=0xd1d20080, \
        fax=X, ffl=CF
    SERVICE "INT 13h AH=15h", int_13, eax=0xa1a21500, edx=0xd1d20080, \
        fax=X, fcx=X, fdx=X, ffl=CF
    SERVICE "INT 13h AH=41h", int_13, eax=0xa1a24100, ebx=0xb1b255aa, \
        edx=0xd1d20080, fax=X, fbx=X, fcx=X, ffl=CF
    SERVICE "INT 13h AH=42h", int_13, eax=0xa1a24200, \
        esi=0xe1e20000 + PACKET, edx=0xd1d20080, fax=X, ffl=CF
    SERVICE "INT 13h AH=44h", int_13, eax=0xa1a24400, \
        esi=0xe1e20000 + PACKET, edx=0xd1d20080, fax=X, ffl=CF
    SERVICE "INT 13h AH=48h", int_13, eax=0xa1a24800, \
        esi=0xe1e20000 + PARAMETERS, edx=0xd1d20080, fax=X, ffl=CF
    SERVICE "INT 13h AX=4B01h", int_13, eax=0xa1a24b01, \
        esi=0xe1e20000 + PARAMETERS, edx=0xd1d20080, fax=X, ffl=CF
    SERVICE "INT 13h AH=FEh", int_13, eax=0xa1a2fe00, edx=0xd1d20080, \
        fax=X, ffl=CF
    SERVICE "INT 40h AH=01h", int_40, eax=0xa1a20100, edx=0xd1d20000, \
        fax=X, ffl=CF

    SERVICE "INT 14h AH=03h", int_14, eax=0xa1a20300, edx=0xd1d20000, fax=X
    SERVICE "INT 14h no port", int_14, eax=0xa1a20300, edx=0xd1d20009

    SERVICE "INT 15h AX=2402h", int_15, eax=0xa1a22402, fax=X, fcx=X, ffl=CF
    SERVICE "INT 15h AX=2403h", int_15, eax=0xa1a22403, fax=X, fbx=X, ffl=CF
    SERVICE "INT 15h AH=4Fh", int_15, eax=0xa1a24f1e, ffl=CF
    SERVICE "INT 15h AX=5300h", int_15, eax=0xa1a25300, ebx=0xb1b20000, \
        fax=X, fbx=X, fcx=X, ffl=CF
    SERVICE "INT 15h AX=5303h", int_15, eax=0xa1a25303, ebx=0xb1b20000, \
        fax=X, ffl=CF
    SERVICE "INT 15h AX=8300h", int_15, eax=0xa1a28300, \
        ebx=0xb1b20000 + FLAG_BYTE, ecx=0xc1c20001, edx=0xd1d20000, fax=X, \
        ffl=CF, prepare=no_event
    SERVICE "INT 15h AX=8301h", int_15, eax=0xa1a28301, fax=X, ffl=CF, \
        prepare=event
    SERVICE "INT 15h AH=86h", int_15, eax=0xa1a28600, ecx=0xc1c20000, \
        edx=0xd1d203e8, fax=X, ffl=CF
    SERVICE "INT 15h AH=86h, IRQ 0", tick_inside_15, eax=0xa1a28600, \
        ecx=0xc1c20000, edx=0xd1d2ea60, fax=X, ffl=CF
    SERVICE "INT 15h AH=86h, IRQ 1", key_inside_15, eax=0xa1a28600, \
        ecx=0xc1c20000, edx=0xd1d203e8, fax=X, ffl=CF
    SERVICE "INT 15h AH=86h, a watch", watch_inside_15, eax=0xa1a28600, \
        ecx=0xc1c20000, edx=0xd1d203e8, fax=X, ffl=CF
    SERVICE "INT 15h AH=87h", int_15, eax=0xa1a28700, ecx=0xc1c20008, \
        esi=0xe1e20000 + MOVE_GDT, fax=X, ffl=CF + ZF
    SERVICE "INT 15h AH=88h", int_15, eax=0xa1a28800, fax=X, ffl=CF
    SERVICE "INT 15h AH=90h", int_15, eax=0xa1a29000, fax=0xff00, ffl=CF
    SERVICE "INT 15h AH=91h", int_15, eax=0xa1a29100, fax=0xff00, ffl=CF
    SERVICE "INT 15h AH=C0h", int_15, eax=0xa1a2c000, fax=0xff00, fbx=X, \
        fes=X, ffl=CF
    SERVICE "INT 15h AH=C1h", int_15, eax=0xa1a2c100, fax=0xff00, fes=X, \
        ffl=CF
    SERVICE "INT 15h AX=C200h", int_15, eax=0xa1a2c200, ebx=0xb1b20100, \
        fax=0xff00, ffl=CF
    SERVICE "INT 15h AX=C202h", int_15, eax=0xa1a2c202, ebx=0xb1b20500, \
        fax=0xff00, ffl=CF
    SERVICE "INT 15h AX=C203h", int_15, eax=0xa1a2c203, ebx=0xb1b20300, \
        fax=0xff00, ffl=CF
    SERVICE "INT 15h AX=C204h", int_15, eax=0xa1a2c204, fax=0xff00, \
        fbx=0xff00, ffl=CF
    SERVICE "INT 15h AX=C206h", int_15, eax=0xa1a2c206, ebx=0xb1b20000, \
        fax=0xff00, fbx=X, fcx=X, fdx=X, ffl=CF
    SERVICE "INT 15h AX=E801h", int_15, eax=0xa1a2e801, fax=X, fbx=X, \
        fcx=X, fdx=X, ffl=CF
    SERVICE "INT 15h AX=E820h", int_15, eax=0xe820, ebx=0, ecx=20, \
        edx=0x534d4150, edi=0xf1f20000 + MAP_ENTRY, fax=XX, fbx=XX, fcx=XX, \
        ffl=CF
    SERVICE "INT 15h AX=E881h", int_15, eax=0xa1a2e881, fax=XX, fbx=XX, \
        fcx=XX, fdx=XX, ffl=CF
    SERVICE "INT 15h AX=E980h", int_15, eax=0xa1a2e980, edx=0x47534943, \
        fax=0xff00, ffl=CF
    SERVICE "INT 15h AX=EC00h", int_15, eax=0xa1a2ec00, ebx=0xb1b20002, \
        fax=0xff00, ffl=CF

    SERVICE "INT 16h AH=00h a key", int_16, eax=0xa1a20000, fax=X, \
        prepare=a_key
    SERVICE "INT 16h AH=00h, IRQ 1", key_inside_16, eax=0xa1a20000, fax=X, \
        prepare=no_key
    SERVICE "INT 16h AH=01h no key", int_16, eax=0xa1a20100, fax=X, ffl=ZF, \
        prepare=no_key
    SERVICE "INT 16h AH=01h a key", int_16, eax=0xa1a20100, fax=X, ffl=ZF, \
        prepare=a_key
    SERVICE "INT 16h AH=02h", int_16, eax=0xa1a20200, fax=X
    SERVICE "INT 16h AH=03h", int_16, eax=0xa1a20305, ebx=0xb1b20000, fax=X
    SERVICE "INT 16h AH=05h", int_16, eax=0xa1a20500, ecx=0xc1c21e61, \
        fax=0xff, prepare=no_key
    SERVICE "INT 16h AH=09h", int_16, eax=0xa1a20900, fax=X
    SERVICE "INT 16h AH=10h a key", int_16, eax=0xa1a21000, fax=X, \
        prepare=a_key
    SERVICE "INT 16h AH=11h no key", int_16, eax=0xa1a21100, fax=X, ffl=ZF, \
        prepare=no_key
    SERVICE "INT 16h AH=12h", int_16, eax=0xa1a21200, fax=X
    SERVICE "INT 16h AH=92h", int_16, eax=0xa1a29200, fax=X
    SERVICE "INT 16h AH=FEh", int_16, eax=0xa1a2fe00, fax=X

    SERVICE "INT 17h AH=02h", int_17, eax=0xa1a20200, edx=0xd1d20000, \
        fax=0xff00

    SERVICE "INT 1Ah AH=00h", int_1a, eax=0xa1a20000, fax=0xff, fcx=X, \
        fdx=X, ffl=CF
    SERVICE "INT 1Ah AH=02h", int_1a, eax=0xa1a20200, fax=X, fcx=X, fdx=X, \
        ffl=CF
    SERVICE "INT 1Ah AH=04h", int_1a, eax=0xa1a20400, fax=X, fcx=X, fdx=X, \
        ffl=CF
    SERVICE "INT 1Ah AH=7Fh", int_1a, eax=0xa1a27f00, fax=0xff00, ffl=CF
    SERVICE "INT 1Ah AX=B101h", int_1a, eax=0xa1a2b101, fax=X, fbx=X, \
        fcx=0xff, fdx=XX, fdi=XX, ffl=CF
    SERVICE "INT 1Ah AX=B102h", int_1a, eax=0xa1a2b102, ecx=0xc1c27000, \
        edx=0xd1d28086, esi=0xe1e20000, fax=0xff00, fbx=X, ffl=CF
    SERVICE "INT 1Ah AX=B103h", int_1a, eax=0xa1a2b103, ecx=0x060100, \
        esi=0xe1e20000, fax=0xff00, fbx=X, ffl=CF
    SERVICE "INT 1Ah AX=B108h", int_1a, eax=0xa1a2b108, ebx=0xb1b20000, \
        edi=0xf1f20000, fax=0xff00, fcx=0xff, ffl=CF
    SERVICE "INT 1Ah AX=B109h", int_1a, eax=0xa1a2b109, ebx=0xb1b20000, \
        edi=0xf1f20000, fax=0xff00, fcx=X, ffl=CF
    SERVICE "INT 1Ah AX=B10Ah", int_1a, eax=0xa1a2b10a, ebx=0xb1b20000, \
        edi=0xf1f20000, fax=0xff00, fcx=XX, ffl=CF
    SERVICE "INT 1Ah AX=B10Eh", int_1a, eax=0xa1a2b10e, ebx=0xb1b20000, \
        edi=0xf1f20000 + PIR_REQUEST, fax=0xff00, fbx=X, ffl=CF
    SERVICE "INT 1Ah AX=B1FFh", int_1a, eax=0xa1a2b1ff, fax=0xff00, ffl=CF
    SERVICE "INT 1Ah AX=BB00h", int_1a, eax=0xbb00, ebx=0x41504354, ecx=0, \
        edx=0, fax=XX, fbx=XX, fcx=XX, fdx=XX, fsi=XX, fdi=XX, ffl=CF
    SERVICE "INT 1Ah AX=BB07h", int_1a, eax=0xbb07, ebx=0x41504354, \
        ecx=HASHED, edx=12, esi=0x4c45454b, edi=SECTOR, fax=XX, fbx=XX, \
        fcx=XX, fdx=XX, fsi=XX, fdi=XX, ffl=CF

    SERVICE "PnP entry, 60h", pnp_60, fax=X
    SERVICE "PnP entry, 00h", pnp_00, fax=X
    SERVICE "PnP entry, IRQ 0", pnp_ticks, fax=X
    .byte 0

/* -------------------------------------------------------------------- stubs */

.macro STUB vec, more:vararg
int_\vec:
    int $0x\vec
    jmp returned
    .ifnb \more
    STUB \more
    .endif
.endm
    STUB 05, 08, 09, 0a, 0f, 10, 11, 12, 13, 14, 15, 16, 17, 1a, 1c
    STUB 40, 70, 74, 75, 77

/* Wait until the interrupt has come; it has to in a while. */
.macro WAIT_SEEN
    movl $10000000, %cs:patience
771:
    cmpb $0, %cs:seen
    jne 772f
    decl %cs:patience
    jnz 771b
    incl %cs:missed
772:
.endm

irq_0:
    pushfw
    movb $0, %cs:seen
    sti
1:  hlt
    cmpb $0, %cs:seen
    je 1b
    popfw
    jmp returned

irq_8:
    pushfw
    movb $0, %cs:seen
    sti
    WAIT_SEEN
    popfw
    jmp returned

/* The controller's commands that make bytes come as if from a device. */
.macro SEND_BYTE command, value
    movb $0, %cs:seen
    movb $\command, %al
    outb %al, $0x64
771:
    inb $0x64, %al
    testb $2, %al
    jnz 771b
    movb $\value, %al
    outb %al, $0x60
.endm
.macro BYTE_COMES command, value
    SEND_BYTE \command, \value
    sti
    WAIT_SEEN
    cli
.endm
#define KEY_PRESSED     0xd2, 0x1e
#define KEY_RELEASED    0xd2, 0x9e
irq_1:
    movl %eax, %cs:spare
    pushfw
    cli
    BYTE_COMES KEY_RELEASED
    jmp 1f
irq_12:
    movl %eax, %cs:spare
    pushfw
    cli
    BYTE_COMES 0xd3, 0x08               /* no move, no button */
    BYTE_COMES 0xd3, 0x00
    BYTE_COMES 0xd3, 0x00
1:  popfw
    movl %cs:spare, %eax
    jmp returned

/* As C calls it: the function's number is the last that is pushed, and the
 * caller takes its arguments back. */
pnp_60:
    pushw $0xf000
    pushw $SEG_ES
    pushw $FLAG_BYTE
    pushw $0x60
    jmp 1f
pnp_00:
    pushw $0xf000
    pushw $SEG_ES
    pushw $FLAG_BYTE
    pushw $0x00
1:  lcall *%cs:pnp_entry
    popw %cs:spare
    popw %cs:spare
    popw %cs:spare
    popw %cs:spare
    jmp returned

/* A far call leaves interrupts on: they come at any moment.  The PIT counts to
 * PIT_FAST meanwhile. */
#define PIT_FAST    60                      /* 50 us */
#define PNP_CALLS   20
.macro PIT_COUNTS to
    movb $0x34, %al
    outb %al, $0x43
    movb $\to & 0xff, %al
    outb %al, $0x40
    movb $\to >> 8, %al
    outb %al, $0x40
.endm
pnp_ticks:
    movl %eax, %cs:spare
    pushfw
    popw %cs:kept_flags
    cli
    PIT_COUNTS PIT_FAST
    movw $PNP_CALLS, %cs:patience
1:  pushw $0xf000
    pushw $SEG_ES
    pushw $FLAG_BYTE
    pushw $0x60
    movl %cs:spare, %eax
    pushw %cs:kept_flags
    popfw
    lcall *%cs:pnp_entry
    addw $8, %sp
    decw %cs:patience
    jnz 1b
    cli
    PIT_COUNTS 0
    movl %cs:spare, %eax
    pushw %cs:kept_flags
    popfw
    jmp returned

/* ------------------------------------------------------------- preparations */

nothing:
    ret
no_key:
    movw 0x41a, %ax
    movw %ax, 0x41c
    ret
a_key:
    call no_key
    movb $0x05, %ah
    movw $0x1e61, %cx
    int $0x16
    cli
    ret
/* The wait of INT 15h AX=8300h: none, or one is under way; for a call only,
 * so that its interrupts do not come before. */
no_event:
    movw $0x8301, %ax
    int $0x15
    cli
    ret
event:
    call no_event
    cmpb $0, null
    jne 1f
    pushw $SEG_ES
    popw %es
    movw $0x8300, %ax
    movw $FLAG_BYTE, %bx
    movw $1, %cx
    xorw %dx, %dx
    int $0x15
    cli
    pushw $0
    popw %es
1:  ret
