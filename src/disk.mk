# SPDX-License-Identifier: MIT
# Drives, their controllers, INT 13h and El Torito.
resident-y += src/block.o src/block_cd.o src/disk.o src/disk_edd.o \
              src/eltorito.o src/hw/ata.o src/hw/ahci.o src/hw/virtio.o \
              src/hw/virtio_blk.o src/scsi.o src/hw/virtio_scsi.o \
              src/hw/nvme.o src/hw/floppy.o src/hw/lsi.o \
              src/hw/megasas.o src/hw/pvscsi.o
init-y     += src/block_post.o src/block_geometry.o src/hw/ata_identify.o \
              src/hw/ata_post.o src/hw/ahci_post.o src/hw/virtio_post.o \
              src/hw/virtio_blk_post.o src/hw/virtio_scsi_post.o \
              src/scsi_post.o src/hw/nvme_post.o \
              src/hw/floppy_post.o src/hw/scsi_hba_post.o
