/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A file that can be left while whoever reads it has stalled. The recorder takes SIGINT, SIGTERM
 * and SIGHUP from a signalfd, so a write() that blocks on a full pipe would keep it from ever
 * seeing them.
 */
#ifndef LEAKLAB_COLLECTOR_OUTPUT_PATIENT_H
#define LEAKLAB_COLLECTOR_OUTPUT_PATIENT_H

#include <stdio.h>

/*
 * A stream that writes to @fd, which it owns from then on. It waits for as long as the other end
 * takes nothing; but once one of those signals is pending (blocked, not taken), for
 * PATIENT_GRACE_MS at most: then this write and all later ones fail with EINTR. Returns NULL with
 * errno set, and @fd still the caller's.
 */
FILE *patient_open(int fd);

#define PATIENT_GRACE_MS 1000

#endif
