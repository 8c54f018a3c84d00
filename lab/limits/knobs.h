/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The memory knobs of one cgroup as cgroupfs shows them, v1 and v2 in the same terms: those of
 * podman's options. Reads only. What a kernel lacks is told apart by the file that is not there,
 * never by its version.
 */
#ifndef LEAKLAB_LAB_LIMITS_KNOBS_H
#define LEAKLAB_LAB_LIMITS_KNOBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/cgroup/cgroup.h"

enum limits_knob {
	KNOB_MEMORY,	  /* v1 memory.limit_in_bytes, v2 memory.max */
	KNOB_SWAP,	  /* memory and swap together: v1 memsw, v2 memory.max + memory.swap.max */
	KNOB_RESERVATION, /* v1 memory.soft_limit_in_bytes, v2 memory.low */
	KNOB_HIGH,	  /* v2 memory.high */
	KNOB_OOM_GROUP,	  /* v2 memory.oom.group */
	KNOBS,		  /* how many there are */
};

/* As podman calls it: "memory", "memory-swap", "memory-reservation"; else the file's name. */
const char *limits_knob_name(enum limits_knob knob);

enum limits_value_kind {
	VALUE_UNKNOWN, /* not read, or it does not apply */
	VALUE_NONE,    /* no limit */
	VALUE_BYTES,
	VALUE_FLAG, /* 0 or 1 */
};

struct limits_value {
	enum limits_value_kind kind;
	uint64_t number; /* bytes, or the flag */
};

/* The value that podman's options mean by @bytes: 0 is no limit. */
struct limits_value limits_value_of(uint64_t bytes);

/* "32.0 MiB", "none", "1", or "-" when unknown. Returns @buf. */
char *limits_value_text(const struct limits_value *value, char *buf, size_t size);

/*
 * Whether the kernel took @declared as it was: it cuts sizes down to whole pages, and knows no
 * limit above what it can count.
 */
bool limits_value_taken(const struct limits_value *declared, const struct limits_value *written);

/*
 * Reads @knob of the cgroup at @path. Returns 0, -ENOENT when this kernel, or this cgroup, does
 * not have it, -EBADMSG when what it says is not of the known form, or an errno of reading.
 */
int limits_knob_read(const struct cgroup_host *host, const char *path, enum limits_knob knob,
	struct limits_value *ret);

/* A value after all ancestors and RAM have had their say. */
struct limits_effective {
	struct limits_value value;
	char path[CGROUP_PATH_SIZE]; /* of the cgroup that sets it; "RAM"; "" when nobody does */
};

/*
 * What @knob of the cgroup at @path amounts to: the minimum over it and its ancestors. Of memory
 * also RAM. A reservation on v2 protects no more than each ancestor's own protects
 * (Documentation/admin-guide/cgroup-v2.rst, memory.low); on v1 it stands alone.
 * Returns as limits_knob_read().
 */
int limits_knob_effective(const struct cgroup_host *host, const char *path, enum limits_knob knob,
	struct limits_effective *ret);

/* Both of one knob; @err is what reading them returned. */
struct limits_reading {
	int err;
	struct limits_value written;
	struct limits_effective effective;
};

/* Reads all knobs of the cgroup at @path into @ret[KNOBS]. */
void limits_readings_take(
	const struct cgroup_host *host, const char *path, struct limits_reading *ret);

/* Counters of a cgroup; UINT64_MAX: this kernel does not tell. */
struct limits_usage {
	uint64_t usage_bytes;
	uint64_t peak_bytes;
	uint64_t swap_bytes;
	uint64_t oom_kills;
	uint64_t high_events;
	uint64_t stall_us; /* time in which at least one task waited for memory (PSI, "some") */
};

/* Returns 0, or -ENOENT when there is no such cgroup (any more). */
int limits_usage_read(const struct cgroup_host *host, const char *path, struct limits_usage *ret);

/*
 * The cgroup of a container, from that of one of its processes: the last part of @path with @id
 * in it, since a container may divide its own further. False when no part of it has the id.
 */
bool limits_container_path(const char *path, const char *id, char *buf, size_t size);

#endif
