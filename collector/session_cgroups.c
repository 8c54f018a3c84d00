// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "collector/session_state.h"

/* Far more than are empty for a moment only, as between an exec's exit and its new process. */
#define SESSION_EMPTY_CGROUPS 4096
/*
 * Noise of a charge that the detector is told of: what one CPU may have charged in advance. The
 * rest of error_bytes is statistics that wait for at most 2 s: that delays growth, it makes none.
 */
#define NOISE_MAX_BYTES (256 * 1024)
/*
 * A container's start looks like growth, and one reading a second is too slow to tell it by its
 * shape. A process has its own time for that (STARTUP_NS in detect.c), but a container starts
 * several, one after the other.
 */
#define SETTLE_NS (3 * 1000000000ULL)

struct cgroup_info *session_find_cgroup(const struct session *session, uint64_t id)
{
	struct cgroup_info *cgroup;

	HASH_FIND(hh, session->cgroups, &id, sizeof(id), cgroup);
	return cgroup;
}

struct cgroup_info *session_find_above(struct cgroup_info *cgroup, const char *path)
{
	while (cgroup && (!cgroup->path || strcmp(cgroup->path, path) != 0))
		cgroup = cgroup->parent;
	return cgroup;
}

const struct cgroup_info *session_next_below(
	const struct cgroup_info *cgroup, const struct cgroup_info *top, bool past)
{
	if (cgroup->children && !past)
		return cgroup->children;
	while (cgroup != top && !cgroup->next)
		cgroup = cgroup->parent;
	return cgroup == top ? NULL : cgroup->next;
}

/* Whether @cgroup is @top or below it. */
static bool is_within(const struct cgroup_info *cgroup, const struct cgroup_info *top)
{
	while (cgroup && cgroup != top)
		cgroup = cgroup->parent;
	return cgroup != NULL;
}

static void add_resident(struct resident *sum, const struct resident *part, bool minus)
{
	uint64_t sign = minus ? UINT64_MAX : 1;

	sum->anon_bytes += sign * part->anon_bytes;
	sum->file_bytes += sign * part->file_bytes;
	sum->shmem_bytes += sign * part->shmem_bytes;
	sum->swap_bytes += sign * part->swap_bytes;
}

static void add_below(struct cgroup_info *cgroup, const struct resident *part, bool minus)
{
	for (; cgroup; cgroup = cgroup->parent)
		add_resident(&cgroup->below, part, minus);
}

/* Modulo 2^64: @more may be the negative of a count. */
static void count_below(struct cgroup_info *cgroup, uint64_t more)
{
	for (; cgroup; cgroup = cgroup->parent)
		cgroup->processes_below += more;
}

void session_set_resident(struct process_info *process, const struct resident *resident)
{
	if (process->cgroup) {
		add_resident(&process->cgroup->own, &process->resident, true);
		add_below(process->cgroup, &process->resident, true);
		add_resident(&process->cgroup->own, resident, false);
		add_below(process->cgroup, resident, false);
	}
	process->resident = *resident;
}

static void set_parent(struct cgroup_info *cgroup, struct cgroup_info *parent)
{
	if (cgroup->parent == parent || is_within(parent, cgroup))
		return;
	if (cgroup->parent) {
		add_below(cgroup->parent, &cgroup->below, true);
		count_below(cgroup->parent, -cgroup->processes_below);
		DL_DELETE(cgroup->parent->children, cgroup);
	}
	cgroup->parent = parent;
	if (parent) {
		add_below(parent, &cgroup->below, false);
		count_below(parent, cgroup->processes_below);
		DL_APPEND(parent->children, cgroup);
	}
}

/* Ends the verdicts on it, and what is kept for new ones. */
static void stop_judging(struct session *session, struct cgroup_info *cgroup)
{
	struct judged *judged = cgroup->judged;

	if (!judged)
		return;
	for (uint64_t charge = 0; charge < CHARGES; charge++)
		detect_exit(
			session->cgroup_detect, judged->serial * CHARGES + charge, session->now_ns);
	HASH_DEL(session->judged, judged);
	free(judged);
	cgroup->judged = NULL;
}

static void free_cgroup(struct session *session, struct cgroup_info *cgroup)
{
	HASH_DEL(session->cgroups, cgroup);
	free(cgroup->judged);
	free(cgroup->path);
	free(cgroup->limit_cgroup);
	free(cgroup->container);
	free(cgroup);
}

/* One that was removed goes when nothing is left in it, and may take its parents along. */
static void forget_ended(struct session *session, struct cgroup_info *cgroup)
{
	while (cgroup && cgroup->ended && !cgroup->processes && !cgroup->children) {
		struct cgroup_info *parent = cgroup->parent;

		set_parent(cgroup, NULL);
		session->empty_cgroups--;
		free_cgroup(session, cgroup);
		cgroup = parent;
	}
}

void session_free_cgroups(struct session *session)
{
	struct cgroup_info *cgroup, *next;

	HASH_CLEAR(hh, session->judged);
	HASH_ITER (hh, session->cgroups, cgroup, next)
		free_cgroup(session, cgroup);
}

static int replace_string(char **at, const char *text)
{
	char *copy = text ? strdup(text) : NULL;

	if (text && !copy)
		return -ENOMEM;
	free(*at);
	*at = copy;
	return 0;
}

static struct cgroup_info *find_or_add(struct session *session, uint64_t id)
{
	struct cgroup_info *cgroup = session_find_cgroup(session, id);

	if (cgroup)
		return cgroup;
	cgroup = calloc(1, sizeof(*cgroup));
	if (!cgroup)
		return NULL;
	cgroup->id = id;
	cgroup->limit_bytes = cgroup->swap_limit_bytes = RECORD_UNLIMITED;
	HASH_ADD(hh, session->cgroups, id, sizeof(cgroup->id), cgroup);
	session->empty_cgroups++;
	return cgroup;
}

int session_put_cgroup(struct session *session, const struct record_cgroup *record)
{
	struct cgroup_info *cgroup = find_or_add(session, record->id);
	struct cgroup_info *parent = NULL;
	int err;

	session->ends_told |= record->parent != 0;
	/* A parent may be named before it has a record of its own. */
	if (cgroup && record->parent && record->parent != record->id)
		parent = find_or_add(session, record->parent);
	if (!cgroup || (record->parent && record->parent != record->id && !parent))
		return -ENOMEM;
	if (parent)
		set_parent(cgroup, parent);
	cgroup->ended = false;
	cgroup->version = record->version;
	cgroup->limit_bytes = record->limit_bytes;
	cgroup->swap_limit_bytes = record->swap_limit_bytes;
	err = replace_string(&cgroup->path, record->path);
	if (!err)
		err = replace_string(&cgroup->limit_cgroup, record->limit_cgroup);
	if (!err)
		err = replace_string(&cgroup->container,
			record->container.name ? record->container.name : record->container.id);
	return err;
}

void session_end_cgroup(struct session *session, uint64_t id)
{
	struct cgroup_info *cgroup = session_find_cgroup(session, id);

	if (!session_takes_cgroup(session, cgroup))
		return;
	stop_judging(session, cgroup);
	cgroup->ended = true;
	forget_ended(session, cgroup);
}

/*
 * Only for recordings that tell no ends: a cgroup may be named again after its last process has
 * left it, so empty ones are kept, the newest SESSION_EMPTY_CGROUPS of them; else a host that makes
 * and removes containers would fill the memory. Where ends are told, one without a process is still
 * there, and may be read at any time.
 */
static void forget_oldest_empty(struct session *session)
{
	struct cgroup_info *cgroup, *next;

	if (session->ends_told || session->empty_cgroups <= SESSION_EMPTY_CGROUPS)
		return;
	HASH_ITER (hh, session->cgroups, cgroup, next) {
		if (cgroup->processes || cgroup->children || cgroup->judged)
			continue;
		cgroup->ended = true;
		forget_ended(session, cgroup);
		return;
	}
}

void session_move_process(
	struct session *session, struct process_info *process, struct cgroup_info *cgroup)
{
	struct resident resident = process->resident;
	struct cgroup_info *old = process->cgroup;

	if (old == cgroup)
		return;
	session_set_resident(process, &(struct resident){});
	if (old) {
		DL_DELETE(old->members, process);
		count_below(old, UINT64_MAX);
	}
	process->cgroup = cgroup;
	session_set_resident(process, &resident);
	if (cgroup) {
		DL_APPEND(cgroup->members, process);
		count_below(cgroup, 1);
	}
	if (cgroup && cgroup->processes++ == 0)
		session->empty_cgroups--;
	if (old && --old->processes == 0) {
		session->empty_cgroups++;
		forget_ended(session, old);
		forget_oldest_empty(session);
	}
}

static uint64_t known(uint64_t bytes)
{
	return bytes == MEMCG_UNKNOWN ? 0 : bytes;
}

static uint32_t to_kib(uint64_t bytes)
{
	return bytes / 1024 < UINT32_MAX ? (uint32_t)(bytes / 1024) : UINT32_MAX;
}

static uint64_t minus(uint64_t value, uint64_t part)
{
	return value > part ? value - part : 0;
}

static struct history_row row_of(
	const struct cgroup_info *cgroup, const struct memcg_usage *usage, uint64_t t_ns)
{
	/* Both lists of file pages: page cache, and anonymous memory freed with MADV_FREE. */
	uint64_t evictable =
		minus(known(usage->reclaimable_bytes), known(usage->slab_reclaimable_bytes));
	uint64_t file = known(usage->file_bytes);
	uint64_t lazyfree = minus(evictable, file);
	uint64_t sock = cgroup->version == 2 ? known(usage->sock_bytes) : 0;
	uint64_t kernel =
		minus(known(usage->kernel_bytes), known(usage->slab_reclaimable_bytes)) + sock;

	if (usage->reclaimable_bytes == MEMCG_UNKNOWN)
		evictable = file, lazyfree = 0;
	return (struct history_row){
		.t_ns = t_ns,
		.kib = {
			[HISTORY_ANON] = to_kib(minus(known(usage->anon_bytes), lazyfree) +
						known(usage->swap_bytes)),
			[HISTORY_SHMEM] = to_kib(known(usage->shmem_bytes)),
			[HISTORY_FILE] = to_kib(minus(file, evictable)),
			[HISTORY_KERNEL] = to_kib(kernel),
			[HISTORY_CACHE] = to_kib(file),
			[HISTORY_FILL] = to_kib(minus(known(usage->usage_bytes),
							known(usage->reclaimable_bytes)) +
						known(usage->swap_bytes)),
			[HISTORY_LAZYFREE] = to_kib(lazyfree),
			[HISTORY_SLAB] = to_kib(known(usage->slab_unreclaimable_bytes)),
			[HISTORY_SOCK] = to_kib(sock),
			[HISTORY_PAGETABLES] = to_kib(known(usage->pagetables_bytes)),
			[HISTORY_KERNEL_STACK] = to_kib(known(usage->kernel_stack_bytes)),
			[HISTORY_PERCPU] = to_kib(known(usage->percpu_bytes)),
			[HISTORY_RSS_ANON] =
				to_kib(cgroup->below.anon_bytes + cgroup->below.swap_bytes),
			[HISTORY_RSS_FILE] = to_kib(cgroup->below.file_bytes),
			[HISTORY_RSS_SHMEM] = to_kib(cgroup->below.shmem_bytes),
			[HISTORY_PROCESSES] = (uint32_t)cgroup->processes_below,
		},
	};
}

static struct judged *start_judging(struct session *session, struct cgroup_info *cgroup)
{
	struct judged *judged = calloc(1, sizeof(*judged));

	if (!judged)
		return NULL;
	judged->serial = ++session->last_serial;
	judged->cgroup = cgroup;
	cgroup->judged = judged;
	HASH_ADD(hh, session->judged, serial, sizeof(judged->serial), judged);
	return judged;
}

int session_put_memcg(struct session *session, const struct record *record)
{
	struct cgroup_info *cgroup = session_find_cgroup(session, record->memcg.cgroup);
	uint64_t error = record->memcg.usage.error_bytes;
	struct history_row row;
	struct judged *judged;
	uint64_t room;

	if (!session_takes_memcg(session, cgroup, &record->memcg.usage, record->t_ns))
		return 0;
	judged = cgroup->judged ? cgroup->judged : start_judging(session, cgroup);
	if (!judged)
		return -ENOMEM;
	if (!judged->first_ns)
		judged->first_ns = record->t_ns;
	judged->usage = record->memcg.usage;
	row = row_of(cgroup, &judged->usage, record->t_ns);
	history_put(&judged->history, &row);
	session->counts.charges++;
	if (record->t_ns < judged->first_ns + SETTLE_NS)
		return 0;
	room = session_room_bytes(session, cgroup);
	for (int charge = 0; charge < CHARGES; charge++)
		detect_sample(session->cgroup_detect,
			&(struct detect_sample){
				.room_bytes = room,
				.mm = judged->serial * CHARGES + (uint64_t)charge,
				.t_ns = record->t_ns,
				.anon_bytes =
					row.kib[session_field_of((enum charge)charge)] * 1024ULL,
				.error_bytes = known(error) < NOISE_MAX_BYTES ? known(error)
									      : NOISE_MAX_BYTES,
			});
	return 0;
}
