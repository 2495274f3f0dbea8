/* SPDX-License-Identifier: MIT */
/*
 * A function in POST's list by its place.  The list is in the order of places,
 * because buses are numbered as they are found.  POST only.
 */
#include "hw/pci.h"

struct pci_device *pci_device_at(pci_bdf bdf)
{
    unsigned low = 0, high = pci_device_count;

    while (low < high) {
        unsigned middle = (low + high) / 2;

        if (pci_devices[middle].bdf == bdf)
            return &pci_devices[middle];
        if (pci_devices[middle].bdf < bdf)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}
