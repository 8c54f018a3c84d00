// SPDX-License-Identifier: GPL-2.0-or-later
#include <math.h>
#include <string.h>

#include "collector/session_state.h"

#define SECOND_NS 1000000000ULL
/* Fewer new processes are no more than a program with helpers. */
#define MORE_PROCESSES 4
/* A little before the growth was seen its first process was born. */
#define BORN_SLACK_NS (1 * SECOND_NS)
/*
 * What the kernel needs for a small process of one thread: a stack of 16 KiB, five to ten page
 * tables, and task, mm, areas and files from slabs. Measured on 6.18: 60 to 90 KiB.
 */
#define PROCESS_KERNEL_BYTES (64 * 1024)
/* Kernel memory that comes along with other growth, such as its page tables, is less than this. */
#define OVERHEAD_SHARE 8

enum history_field session_field_of(enum charge charge)
{
	static const enum history_field fields[] = {
		[CHARGE_ANON] = HISTORY_ANON,
		[CHARGE_SHMEM] = HISTORY_SHMEM,
		[CHARGE_FILE] = HISTORY_FILE,
		[CHARGE_KERNEL] = HISTORY_KERNEL,
	};

	return fields[charge];
}

/* What a gate found, as far as it goes by now. */
struct growth_of {
	uint64_t from_ns, now_ns;
	uint64_t bytes; /* 0: nothing of it is left */
};

static struct growth_of growth_of(const struct session *session, const struct judged *judged,
	enum charge charge, enum detect_tier tier)
{
	const struct detect_verdict *verdict = &judged->gates[charge][tier].verdict;
	struct growth_of whole = {
		.from_ns = verdict->t_ns > verdict->span_ns ? verdict->t_ns - verdict->span_ns : 0,
		.now_ns = session->now_ns,
	};
	int64_t kib = history_growth_kib(&judged->history, session_field_of(charge), whole.from_ns);

	whole.bytes = kib > 0 ? (uint64_t)kib * 1024 : 0;
	return whole;
}

/* The part of a growth since @onset_ns that falls into @whole's time, if it was even. */
static double share_of(const struct growth_of *whole, uint64_t onset_ns, uint64_t bytes)
{
	if (onset_ns >= whole->from_ns || whole->now_ns <= onset_ns)
		return (double)bytes;
	return (double)bytes * (double)(whole->now_ns - whole->from_ns) /
	       (double)(whole->now_ns - onset_ns);
}

static uint64_t resident_of(const struct process_info *process, enum charge charge)
{
	switch (charge) {
	case CHARGE_ANON:
		return process->resident.anon_bytes + process->resident.swap_bytes;
	case CHARGE_SHMEM:
		return process->resident.shmem_bytes;
	case CHARGE_FILE:
		return process->resident.file_bytes;
	default:
		return 0;
	}
}

/* The largest growth that a told verdict of @tier or a stronger one gives @process. */
static double told_growth(
	const struct process_info *process, enum detect_tier tier, const struct growth_of *whole)
{
	uint64_t resident = process->resident.anon_bytes + process->resident.file_bytes +
			    process->resident.shmem_bytes + process->resident.swap_bytes;
	double most = 0;

	for (int t = (int)tier; t < DETECT_TIERS; t++) {
		const struct process_verdict *verdict = &process->verdicts[t];
		double share = share_of(whole, verdict->onset_ns,
			resident > verdict->base_bytes ? resident - verdict->base_bytes : 0);

		if (verdict->told && share > most)
			most = share;
	}
	return most;
}

/* The largest growth of @charge that gates of @tier or a stronger one give @other, if it is read.
 */
static double gate_growth(const struct session *session, const struct judged *other,
	enum charge charge, enum detect_tier tier, bool told, const struct growth_of *whole)
{
	double most = 0;

	for (int t = (int)tier; other && t < DETECT_TIERS; t++) {
		const struct gate *gate = &other->gates[charge][t];
		struct growth_of part;
		double share;

		if (!gate->standing || (told && !gate->told))
			continue;
		part = growth_of(session, other, charge, (enum detect_tier)t);
		share = share_of(whole, part.from_ns, part.bytes);
		most = share > most ? share : most;
	}
	return most;
}

/*
 * What verdicts on cgroups below, told yet or not, and told ones on processes explain of the same
 * charge. What a cgroup explains is not counted again for what is in it.
 */
static double explained_alike(const struct session *session, const struct cgroup_info *top,
	enum charge charge, enum detect_tier tier, const struct growth_of *whole)
{
	const struct cgroup_info *cgroup;
	double sum = 0, of_gate;

	for (cgroup = top; cgroup; cgroup = session_next_below(cgroup, top, of_gate > 0)) {
		of_gate = cgroup == top ? 0
					: gate_growth(session, cgroup->judged, charge, tier, false,
						  whole);
		sum += of_gate;
		for (const struct process_info *process = of_gate > 0 ? NULL : cgroup->members;
			process; process = process->next)
			sum += fmin(told_growth(process, tier, whole),
				(double)resident_of(process, charge));
	}
	return sum;
}

/* The growth that told verdicts on processes, and on other charges, explain. */
static double explained_otherwise(const struct session *session, const struct cgroup_info *top,
	enum charge charge, enum detect_tier tier, const struct growth_of *whole)
{
	const struct cgroup_info *cgroup;
	double sum = 0;

	for (cgroup = top; cgroup; cgroup = session_next_below(cgroup, top, false)) {
		for (const struct process_info *process = cgroup->members; process;
			process = process->next)
			sum += told_growth(process, tier, whole);
		for (int c = 0; c < CHARGES; c++)
			if (c != (int)charge)
				sum += gate_growth(
					session, cgroup->judged, (enum charge)c, tier, true, whole);
	}
	return sum;
}

/* Whether "processes" was said already, here or below: one leak has both anon and kernel memory. */
static bool is_said_of_processes(const struct session *session, const struct judged *judged,
	enum charge charge, enum detect_tier tier)
{
	const struct cgroup_info *cgroup, *top = judged->cgroup;

	for (cgroup = top; cgroup; cgroup = session_next_below(cgroup, top, false))
		for (int c = 0; cgroup->judged && c < CHARGES; c++)
			for (int t = (int)tier; t < DETECT_TIERS; t++) {
				const struct gate *gate = &cgroup->judged->gates[c][t];

				if (gate->told && strcmp(gate->kind, "processes") == 0)
					return strcmp(session_name_kind(
							      session, judged, charge, tier),
						       "processes") == 0;
			}
	return false;
}

/*
 * Page cache brings along inodes, dentries and buffer heads, which are reclaimed with it. Where
 * the kernel does not tell them from other kernel memory (v1), what grows by less than half as
 * much as page cache is taken for them; where it does, what is left are the page tables of mapped
 * files, 8 bytes a page.
 */
static bool comes_with_cache(const struct judged *judged, const struct growth_of *whole)
{
	int64_t kib = history_growth_kib(&judged->history, HISTORY_CACHE, whole->from_ns);
	int64_t share = judged->usage.slab_reclaimable_bytes == MEMCG_UNKNOWN ? 2 : 128;

	return kib * 1024 >= share * (int64_t)whole->bytes;
}

bool session_is_explained(const struct session *session, const struct judged *judged,
	enum charge charge, enum detect_tier tier)
{
	struct growth_of whole = growth_of(session, judged, charge, tier);

	if (charge == CHARGE_KERNEL && comes_with_cache(judged, &whole))
		return true;
	if (2 * explained_alike(session, judged->cgroup, charge, tier, &whole) >=
		(double)whole.bytes)
		return true;
	if (charge == CHARGE_KERNEL && explained_otherwise(session, judged->cgroup, charge, tier,
					       &whole) >= OVERHEAD_SHARE * (double)whole.bytes)
		return true;
	return is_said_of_processes(session, judged, charge, tier);
}

/* Processes that were born since a growth began and live on. */
struct born {
	uint64_t count, late; /* late: in the second half of the time */
	int64_t more;	      /* processes than when it began */
	uint64_t bytes;	      /* of the charge, by the RSS of as many of them as there are more */
};

static struct born count_born(
	const struct judged *judged, enum charge charge, const struct growth_of *whole)
{
	uint64_t half_ns = whole->from_ns + (whole->now_ns - whole->from_ns) / 2;
	const struct cgroup_info *cgroup, *top = judged->cgroup;
	struct born born = {
		.more = history_growth_kib(&judged->history, HISTORY_PROCESSES, whole->from_ns),
	};

	for (cgroup = top; cgroup; cgroup = session_next_below(cgroup, top, false))
		for (const struct process_info *process = cgroup->members; process;
			process = process->next) {
			if (process->born_ns + BORN_SLACK_NS < whole->from_ns)
				continue;
			born.count++;
			born.late += process->born_ns >= half_ns;
			born.bytes += resident_of(process, charge);
		}
	if (born.more < (int64_t)born.count)
		born.bytes = born.more > 0 ? born.bytes / born.count * (uint64_t)born.more : 0;
	return born;
}

/*
 * Ever more of them: not the few, or the many at once, that a program starts with, and not those
 * that take the place of others, as a build's or a pool's do.
 */
static bool are_ever_more(const struct born *born)
{
	return born->more >= MORE_PROCESSES && born->count >= MORE_PROCESSES &&
	       4 * born->late >= born->count;
}

static enum history_field rss_field_of(enum charge charge)
{
	return charge == CHARGE_ANON	? HISTORY_RSS_ANON
	       : charge == CHARGE_SHMEM ? HISTORY_RSS_SHMEM
					: HISTORY_RSS_FILE;
}

/*
 * Whether the charge that no RSS shows makes up half or more of the growth. A fork counts what is
 * shared once more in RSS, so the residual is compared with its least since the growth began.
 */
static bool is_cow(const struct judged *judged, const struct growth_of *whole)
{
	const struct history_row *rows[HISTORY_MAX], *least = NULL, *newest;
	unsigned int n = history_since(&judged->history, whole->from_ns, rows);
	int64_t least_kib = INT64_MAX, residual_kib = 0, grown_kib;

	for (unsigned int i = 0; i < n; i++) {
		residual_kib = (int64_t)rows[i]->kib[HISTORY_ANON] -
			       (int64_t)rows[i]->kib[HISTORY_RSS_ANON];
		if (residual_kib <= least_kib) {
			least_kib = residual_kib;
			least = rows[i];
		}
	}
	if (!n)
		return false;
	newest = rows[n - 1];
	grown_kib = (int64_t)newest->kib[HISTORY_ANON] - (int64_t)least->kib[HISTORY_ANON];
	return grown_kib > 0 && 2 * (residual_kib - least_kib) >= grown_kib &&
	       2 * grown_kib * 1024 >= (int64_t)whole->bytes;
}

bool session_shows_below(const struct session *session, const struct judged *judged,
	enum charge charge, enum detect_tier tier)
{
	struct growth_of whole = growth_of(session, judged, charge, tier);
	const struct cgroup_info *cgroup, *top = judged->cgroup;
	bool is_read = false;
	int64_t kib = 0;

	/* The nearest below that are read have the charges of all below them. */
	for (cgroup = top; cgroup; cgroup = session_next_below(cgroup, top, is_read)) {
		is_read = cgroup != top && cgroup->judged;
		if (is_read)
			kib += history_growth_kib(
				&cgroup->judged->history, session_field_of(charge), whole.from_ns);
	}
	return 2 * kib * 1024 >= (int64_t)whole.bytes;
}

bool session_shows_in_rss(const struct session *session, const struct judged *judged,
	enum charge charge, enum detect_tier tier)
{
	struct growth_of whole = growth_of(session, judged, charge, tier);
	struct born born;
	int64_t kib;

	if (charge == CHARGE_KERNEL) {
		kib = history_growth_kib(&judged->history, HISTORY_RSS_ANON, whole.from_ns);
		return kib * 1024 >= OVERHEAD_SHARE * (int64_t)whole.bytes;
	}
	/* Verdicts on processes are not about shared memory. */
	if (charge == CHARGE_SHMEM || (charge == CHARGE_ANON && is_cow(judged, &whole)))
		return false;
	born = count_born(judged, charge, &whole);
	kib = history_growth_kib(&judged->history, rss_field_of(charge), whole.from_ns);
	if (are_ever_more(&born))
		kib -= (int64_t)(born.bytes / 1024);
	return 2 * kib * 1024 >= (int64_t)whole.bytes;
}

static const char *name_kernel(const struct judged *judged, const struct growth_of *whole)
{
	static const struct {
		enum history_field field;
		const char *name;
	} parts[] = {
		{ HISTORY_SLAB, "slab" },
		{ HISTORY_SOCK, "sock" },
		{ HISTORY_PAGETABLES, "pagetables" },
		{ HISTORY_KERNEL_STACK, "kernel_stack" },
		{ HISTORY_PERCPU, "percpu" },
	};
	int64_t most_kib = 0;
	const char *name = "kernel";

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		int64_t kib = history_growth_kib(&judged->history, parts[i].field, whole->from_ns);

		if (kib > most_kib) {
			most_kib = kib;
			name = parts[i].name;
		}
	}
	return 2 * most_kib * 1024 >= (int64_t)whole->bytes ? name : "kernel";
}

const char *session_name_kind(const struct session *session, const struct judged *judged,
	enum charge charge, enum detect_tier tier)
{
	struct growth_of whole = growth_of(session, judged, charge, tier);
	struct born born;
	uint64_t by_born;

	if (charge == CHARGE_SHMEM)
		return "shmem";
	if (charge == CHARGE_FILE)
		return "file";
	born = count_born(judged, charge, &whole);
	by_born = charge == CHARGE_KERNEL ? (uint64_t)born.more * PROCESS_KERNEL_BYTES : born.bytes;
	if (are_ever_more(&born) && 2 * by_born >= whole.bytes)
		return "processes";
	if (charge == CHARGE_KERNEL)
		return name_kernel(judged, &whole);
	return is_cow(judged, &whole) ? "cow" : "anon";
}

double session_whole_of(const struct session *session, const struct judged *judged,
	enum charge charge, enum detect_tier tier)
{
	struct growth_of part = growth_of(session, judged, charge, tier);
	int64_t kib = history_growth_kib(&judged->history, HISTORY_ANON, part.from_ns) +
		      history_growth_kib(&judged->history, HISTORY_KERNEL, part.from_ns);

	if (!part.bytes || kib * 1024 <= (int64_t)part.bytes)
		return 1;
	return (double)kib * 1024 / (double)part.bytes;
}

bool session_is_lazyfree(const struct process_info *process, const struct detect_verdict *verdict)
{
	const struct cgroup_info *cgroup = process->cgroup;
	uint64_t from_ns = verdict->t_ns > verdict->span_ns ? verdict->t_ns - verdict->span_ns : 0;
	const struct history *history;
	int64_t growth;

	/* On v2 a cgroup may be without a controller: its ancestor is charged. */
	while (cgroup && !cgroup->judged)
		cgroup = cgroup->parent;
	if (!cgroup)
		return false;
	history = &cgroup->judged->history;
	growth = (int64_t)verdict->growth_bytes;
	/* Others may have freed it: what this one keeps then shows in what was not freed. */
	return 2 * 1024 * history_growth_kib(history, HISTORY_LAZYFREE, from_ns) >= growth &&
	       2 * 1024 * history_growth_kib(history, HISTORY_ANON, from_ns) < growth;
}
