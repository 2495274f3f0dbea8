# SPDX-License-Identifier: MIT
# USB: core, hubs, mass storage, keyboards, host controllers.
usb-resident-y += src/hw/usb.o src/hw/usb_msc.o src/hw/usb_kbd.o \
              src/hw/xhci.o src/hw/ehci.o src/hw/uhci.o
usb-init-y     += src/hw/usb_post.o src/hw/usb_desc_post.o \
              src/hw/usb_hub_post.o src/hw/usb_msc_post.o \
              src/hw/usb_kbd_post.o src/hw/xhci_post.o \
              src/hw/ehci_post.o src/hw/uhci_post.o
