// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/limits/knobs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/units.h"

#define FILE_SIZE 4096

const char *limits_knob_name(enum limits_knob knob)
{
	static const char *const names[] = {
		[KNOB_MEMORY] = "memory",
		[KNOB_SWAP] = "memory-swap",
		[KNOB_RESERVATION] = "memory-reservation",
		[KNOB_HIGH] = "memory.high",
		[KNOB_OOM_GROUP] = "memory.oom.group",
	};

	return names[knob];
}

struct limits_value limits_value_of(uint64_t bytes)
{
	return (struct limits_value){ .kind = bytes ? VALUE_BYTES : VALUE_NONE, .number = bytes };
}

char *limits_value_text(const struct limits_value *value, char *buf, size_t size)
{
	switch (value->kind) {
	case VALUE_NONE:
		snprintf(buf, size, "none");
		break;
	case VALUE_BYTES:
		units_format_size((double)value->number, buf, size);
		break;
	case VALUE_FLAG:
		snprintf(buf, size, "%" PRIu64, value->number);
		break;
	case VALUE_UNKNOWN:
		snprintf(buf, size, "-");
		break;
	}
	return buf;
}

/* v1's "unlimited": PAGE_COUNTER_MAX pages (include/linux/page_counter.h). */
static uint64_t counter_max_bytes(void)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	return INT64_MAX / page * page;
}

bool limits_value_taken(const struct limits_value *declared, const struct limits_value *written)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	if (declared->kind == VALUE_BYTES && declared->number >= counter_max_bytes())
		return written->kind == VALUE_NONE;
	if (declared->kind != written->kind)
		return false;
	if (declared->kind == VALUE_BYTES)
		return declared->number / page == written->number / page;
	return declared->kind != VALUE_FLAG || declared->number == written->number;
}

/* Reads a file of the cgroup at @path into @text. Returns its length or a negative errno. */
static int read_file(
	const struct cgroup_host *host, const char *path, const char *name, char *text, size_t size)
{
	char file[CGROUP_PATH_SIZE + 64];
	_cleanup_close_ int fd = -1;
	ssize_t len;

	while (*path == '/')
		path++;
	if ((size_t)snprintf(file, sizeof(file), "%s%s%s", path, *path ? "/" : "", name) >=
		sizeof(file))
		return -ENAMETOOLONG;
	fd = openat(host->mount_fd, file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	len = read(fd, text, size - 1);
	if (len < 0)
		return errno == ENODEV ? -ENOENT : -errno;
	text[len] = '\0';
	return (int)len;
}

/* A number and a newline, or "max". */
static int parse_number(const char *text, uint64_t *ret, bool *ret_max)
{
	char *end;

	*ret_max = strcmp(text, "max\n") == 0;
	if (*ret_max)
		return 0;
	/* strtoull() alone would take blanks and signs. */
	if (*text < '0' || *text > '9')
		return -EBADMSG;
	errno = 0;
	*ret = strtoull(text, &end, 10);
	return errno || *end != '\n' ? -EBADMSG : 0;
}

static int read_limit(const struct cgroup_host *host, const char *path, const char *name,
	struct limits_value *ret)
{
	uint64_t number = 0;
	char text[64];
	bool max;
	int err = read_file(host, path, name, text, sizeof(text));

	if (err >= 0)
		err = parse_number(text, &number, &max);
	if (err < 0)
		return err;
	if (max || number >= counter_max_bytes())
		*ret = (struct limits_value){ .kind = VALUE_NONE };
	else
		*ret = (struct limits_value){ .kind = VALUE_BYTES, .number = number };
	return 0;
}

/* The file in which a limit is kept that is one number; of swap on v2 it is swap alone. */
static const char *file_of(const struct cgroup_host *host, enum limits_knob knob)
{
	bool is_v1 = host->version == 1;

	switch (knob) {
	case KNOB_MEMORY:
		return is_v1 ? "memory.limit_in_bytes" : "memory.max";
	case KNOB_SWAP:
		return is_v1 ? "memory.memsw.limit_in_bytes" : "memory.swap.max";
	case KNOB_RESERVATION:
		return is_v1 ? "memory.soft_limit_in_bytes" : "memory.low";
	case KNOB_HIGH:
		return "memory.high";
	case KNOB_OOM_GROUP:
		return "memory.oom.group";
	case KNOBS:
		break;
	}
	return NULL;
}

/* v2 limits memory and swap apart; podman's option is their sum. */
static struct limits_value sum_of(
	const struct limits_value *memory, const struct limits_value *swap)
{
	if (memory->kind != VALUE_BYTES || swap->kind != VALUE_BYTES)
		return (struct limits_value){ .kind = VALUE_NONE };
	return (struct limits_value){ .kind = VALUE_BYTES,
		.number = memory->number + swap->number };
}

int limits_knob_read(const struct cgroup_host *host, const char *path, enum limits_knob knob,
	struct limits_value *ret)
{
	struct limits_value value, memory;
	int err = read_limit(host, path, file_of(host, knob), &value);

	if (err < 0)
		return err;
	if (knob == KNOB_SWAP && host->version == 2) {
		err = read_limit(host, path, file_of(host, KNOB_MEMORY), &memory);
		if (err < 0)
			return err;
		value = sum_of(&memory, &value);
	}
	if (knob == KNOB_OOM_GROUP)
		value.kind = VALUE_FLAG;
	/* memory.low protects nothing by default, the soft limit is infinite by default. */
	if (knob == KNOB_RESERVATION && value.kind == VALUE_BYTES && value.number == 0)
		value.kind = VALUE_NONE;
	*ret = value;
	return 0;
}

static struct limits_value value_or_none(uint64_t bytes)
{
	if (bytes == CGROUP_UNLIMITED)
		return (struct limits_value){ .kind = VALUE_NONE };
	return (struct limits_value){ .kind = VALUE_BYTES, .number = bytes };
}

/* Memory, memory and swap, memory.high: what binds is the collector's to find. */
static int effective_limit(const struct cgroup_host *host, const char *path, enum limits_knob knob,
	struct limits_effective *ret)
{
	struct cgroup_limits limits;
	int err = cgroup_effective_limits(host, path, &limits);
	uint64_t memory = limits.memory.bytes;
	const struct cgroup_limit *binds = &limits.memory;

	if (err < 0)
		return err;
	if (memory == CGROUP_UNLIMITED) {
		memory = host->ram_bytes;
		strcpy(limits.memory.path, "RAM");
	}
	ret->value = value_or_none(memory);
	if (knob == KNOB_HIGH) {
		binds = &limits.high;
		ret->value = value_or_none(limits.high.bytes);
	} else if (knob == KNOB_SWAP) {
		binds = &limits.swap;
		ret->value = value_or_none(limits.swap.bytes == CGROUP_UNLIMITED
						   ? CGROUP_UNLIMITED
						   : memory + limits.swap.bytes);
	}
	strcpy(ret->path, binds->path);
	return 0;
}

/* The minimum of memory.low over the cgroup and its ancestors; the root has none. */
static int effective_low(
	const struct cgroup_host *host, const char *path, struct limits_effective *ret)
{
	struct limits_effective best = { .value.kind = VALUE_NONE };
	char dir[CGROUP_PATH_SIZE];
	char *slash;

	if (strlen(path) >= sizeof(dir))
		return -ENAMETOOLONG;
	strcpy(dir, path);
	while ((slash = strrchr(dir, '/'))) {
		struct limits_value value;
		int err = read_limit(host, dir, file_of(host, KNOB_RESERVATION), &value);

		/* An ancestor may vanish together with the rest. */
		if (err < 0 && (err != -ENOENT || strcmp(dir, path) == 0))
			return err;
		if (err == 0 && value.kind == VALUE_BYTES &&
			(best.value.kind == VALUE_NONE || value.number < best.value.number)) {
			best.value = value;
			strcpy(best.path, dir);
		}
		*slash = '\0';
	}
	if (best.value.number == 0)
		best.value.kind = VALUE_NONE;
	*ret = best;
	return 0;
}

/* What knows no ancestors. */
static int effective_alone(const struct cgroup_host *host, const char *path, enum limits_knob knob,
	struct limits_effective *ret)
{
	struct limits_value value;
	int err = limits_knob_read(host, path, knob, &value);

	if (err < 0)
		return err;
	*ret = (struct limits_effective){ .value = value };
	strcpy(ret->path, value.kind == VALUE_NONE ? "" : path);
	return 0;
}

int limits_knob_effective(const struct cgroup_host *host, const char *path, enum limits_knob knob,
	struct limits_effective *ret)
{
	if (knob == KNOB_OOM_GROUP || (knob == KNOB_RESERVATION && host->version == 1))
		return effective_alone(host, path, knob, ret);
	if (knob == KNOB_RESERVATION)
		return effective_low(host, path, ret);
	return effective_limit(host, path, knob, ret);
}

void limits_readings_take(
	const struct cgroup_host *host, const char *path, struct limits_reading *ret)
{
	for (int knob = 0; knob < KNOBS; knob++) {
		struct limits_reading *reading = &ret[knob];

		*reading = (struct limits_reading){ 0 };
		reading->err = limits_knob_read(host, path, knob, &reading->written);
		if (reading->err == 0)
			reading->err = limits_knob_effective(host, path, knob, &reading->effective);
	}
}

/* The number after @key at the start of a line; UINT64_MAX when there is none. */
static uint64_t number_after(const char *text, const char *key)
{
	size_t len = strlen(key);

	for (const char *at = text; at && *at; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (strncmp(at, key, len) == 0 && at[len] >= '0' && at[len] <= '9')
			return strtoull(at + len, NULL, 10);
	}
	return UINT64_MAX;
}

static uint64_t read_key(
	const struct cgroup_host *host, const char *path, const char *name, const char *key)
{
	char text[FILE_SIZE];

	if (read_file(host, path, name, text, sizeof(text)) < 0)
		return UINT64_MAX;
	return number_after(text, key);
}

int limits_usage_read(const struct cgroup_host *host, const char *path, struct limits_usage *ret)
{
	bool is_v1 = host->version == 1;
	struct limits_usage usage = {
		.usage_bytes = read_key(
			host, path, is_v1 ? "memory.usage_in_bytes" : "memory.current", ""),
		.peak_bytes = read_key(
			host, path, is_v1 ? "memory.max_usage_in_bytes" : "memory.peak", ""),
		.swap_bytes = is_v1 ? read_key(host, path, "memory.stat", "swap ")
				    : read_key(host, path, "memory.swap.current", ""),
		.oom_kills = read_key(
			host, path, is_v1 ? "memory.oom_control" : "memory.events", "oom_kill "),
		.high_events = is_v1 ? UINT64_MAX : read_key(host, path, "memory.events", "high "),
		.stall_us = UINT64_MAX,
	};
	char text[FILE_SIZE];
	const char *total;

	if (usage.usage_bytes == UINT64_MAX)
		return -ENOENT;
	/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=0": Documentation/accounting/psi.rst */
	if (!is_v1 && read_file(host, path, "memory.pressure", text, sizeof(text)) > 0) {
		total = strstr(text, "total=");
		usage.stall_us = total ? strtoull(total + 6, NULL, 10) : UINT64_MAX;
	}
	*ret = usage;
	return 0;
}

bool limits_container_path(const char *path, const char *id, char *buf, size_t size)
{
	const char *found = NULL, *end;

	for (const char *at = path; *id && (at = strstr(at, id)); at++)
		found = at;
	if (!found)
		return false;
	end = strchrnul(found, '/');
	return (size_t)snprintf(buf, size, "%.*s", (int)(end - path), path) < size;
}
