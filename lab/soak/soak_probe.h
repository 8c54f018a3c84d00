/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One look at a process from outside: its memory, descriptors, BPF objects and CPU time. */
#ifndef LEAKLAB_LAB_SOAK_PROBE_H
#define LEAKLAB_LAB_SOAK_PROBE_H

#include <sys/types.h>

struct soak_sample;

/*
 * Fills memory, descriptors, BPF objects, CPU time and the counters of the host in @sample from
 * @proc ("/proc") for the process @pid, and from @cgroups, the mount of the memory hierarchy.
 * Returns 0, or a negative errno: -ESRCH or -ENOENT when it
 * is gone, -EBADMSG when a file has another form; @sample may then be filled in part.
 */
int soak_probe(const char *proc, const char *cgroups, pid_t pid, struct soak_sample *sample);

#endif
