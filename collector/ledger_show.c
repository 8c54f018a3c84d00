// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/ledger_show.h"

#include <errno.h>
#include <stdlib.h>

#include "collector/output/text.h"
#include "collector/scope.h"
#include "lib/cleanup.h"
#include "lib/jsonl.h"

struct lines {
	const char *top;
	struct session_cgroup *at;
	size_t count, room;
	int error;
};

static void collect(void *ctx, const struct session_cgroup *cgroup)
{
	struct lines *lines = ctx;

	if (lines->error ||
		(lines->top && (!cgroup->path || !scope_holds(lines->top, cgroup->path))))
		return;
	if (lines->count == lines->room) {
		size_t room = lines->room ? 2 * lines->room : 64;
		struct session_cgroup *more = reallocarray(lines->at, room, sizeof(*more));

		if (!more) {
			lines->error = -ENOMEM;
			return;
		}
		lines->at = more;
		lines->room = room;
	}
	lines->at[lines->count++] = *cgroup;
}

static int by_usage(const void *a, const void *b)
{
	uint64_t x = ((const struct session_cgroup *)a)->usage->usage_bytes;
	uint64_t y = ((const struct session_cgroup *)b)->usage->usage_bytes;

	return (x < y) - (x > y);
}

static void put_charge(struct jsonl *line, const char *key, uint64_t bytes)
{
	if (bytes == MEMCG_UNKNOWN)
		jsonl_null(line, key);
	else
		jsonl_u64(line, key, bytes);
}

static int show_json(FILE *out, const struct session_cgroup *cgroup)
{
	const struct memcg_usage *usage = cgroup->usage;
	struct residual residual = residual_of(usage, cgroup->version, &cgroup->resident);
	char buf[JSONL_LINE_SIZE * 2];
	struct jsonl line;

	jsonl_begin(&line, buf, sizeof(buf));
	jsonl_str(&line, "cgroup", cgroup->path);
	jsonl_str(&line, "container", cgroup->container);
	put_charge(&line, "limit_bytes", cgroup->limit_bytes);
	put_charge(&line, "usage_bytes", usage->usage_bytes);
	put_charge(&line, "anon_bytes", usage->anon_bytes);
	put_charge(&line, "file_bytes", usage->file_bytes);
	put_charge(&line, "shmem_bytes", usage->shmem_bytes);
	put_charge(&line, "kernel_bytes", usage->kernel_bytes);
	put_charge(&line, "slab_reclaimable_bytes", usage->slab_reclaimable_bytes);
	put_charge(&line, "slab_unreclaimable_bytes", usage->slab_unreclaimable_bytes);
	put_charge(&line, "pagetables_bytes", usage->pagetables_bytes);
	put_charge(&line, "kernel_stack_bytes", usage->kernel_stack_bytes);
	put_charge(&line, "percpu_bytes", usage->percpu_bytes);
	put_charge(&line, "sock_bytes", usage->sock_bytes);
	put_charge(&line, "swap_bytes", usage->swap_bytes);
	put_charge(&line, "reclaimable_bytes", usage->reclaimable_bytes);
	put_charge(&line, "error_bytes", usage->error_bytes);
	jsonl_u64(&line, "rss_anon_bytes", cgroup->resident.anon_bytes);
	jsonl_u64(&line, "rss_file_bytes", cgroup->resident.file_bytes);
	jsonl_u64(&line, "rss_shmem_bytes", cgroup->resident.shmem_bytes);
	jsonl_u64(&line, "rss_swap_bytes", cgroup->resident.swap_bytes);
	jsonl_i64(&line, "residual_anon_bytes", residual.anon_bytes);
	jsonl_i64(&line, "residual_file_bytes", residual.file_bytes);
	jsonl_i64(&line, "residual_shmem_bytes", residual.shmem_bytes);
	jsonl_i64(&line, "unaccounted_bytes", residual.unaccounted_bytes);
	jsonl_f64(&line, "unaccounted_share", residual.unaccounted_share, 4);
	return jsonl_write_file(&line, out);
}

static void print_mib(FILE *out, double bytes)
{
	fprintf(out, " %8.1f", bytes / (1 << 20));
}

static void print_charge(FILE *out, uint64_t bytes)
{
	if (bytes == MEMCG_UNKNOWN)
		fprintf(out, " %8s", "-");
	else
		print_mib(out, (double)bytes);
}

static void print_charges(FILE *out, const uint64_t *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		print_charge(out, bytes[i]);
}

static void show_row(FILE *out, const struct session_cgroup *cgroup, bool wide)
{
	const struct memcg_usage *usage = cgroup->usage;
	struct residual residual = residual_of(usage, cgroup->version, &cgroup->resident);

	const uint64_t charged[] = { usage->usage_bytes, cgroup->limit_bytes, usage->anon_bytes,
		usage->file_bytes, usage->shmem_bytes, usage->kernel_bytes };
	const uint64_t rest[] = { usage->slab_unreclaimable_bytes, usage->pagetables_bytes,
		usage->kernel_stack_bytes, usage->percpu_bytes, usage->sock_bytes,
		usage->swap_bytes, cgroup->resident.anon_bytes, cgroup->resident.file_bytes,
		cgroup->resident.shmem_bytes };

	print_charges(out, charged, sizeof(charged) / sizeof(charged[0]));
	if (wide)
		print_charges(out, rest, sizeof(rest) / sizeof(rest[0]));
	print_mib(out, (double)residual.anon_bytes);
	if (wide)
		print_mib(out, (double)residual.file_bytes);
	print_mib(out, (double)residual.shmem_bytes);
	if (wide) {
		print_mib(out, (double)residual.unaccounted_bytes);
		fprintf(out, " %5.1f %%", 100 * residual.unaccounted_share);
	}
	fputs("  ", out);
	if (!cgroup->container || wide)
		text_print_name(out, cgroup->path ? cgroup->path : "?");
	if (cgroup->container) {
		fputs(wide ? "  " : "", out);
		text_print_name(out, cgroup->container);
	}
	fputc('\n', out);
}

static void show_head(FILE *out, bool wide)
{
	if (wide)
		fprintf(out,
			" %-107s %-26s %s\n"
			"    usage    limit     anon     file    shmem   kernel     slab  ptables "
			"  kstack   percpu     sock     swap     anon     file    shmem     anon "
			"    file    shmem   unacc.   share  cgroup\n",
			"charged, MiB", "resident in processes", "charged less resident");
	else
		fprintf(out,
			" %-53s %s\n"
			"    usage    limit     anon     file    shmem   kernel     anon    shmem  "
			"container or cgroup\n",
			"charged, MiB", "less resident");
}

int ledger_show(const struct session *session, const char *top, enum ledger_form form, FILE *out,
	uint64_t *ret_cgroups)
{
	struct lines lines = { .top = top };
	_cleanup_free_ struct session_cgroup *at = NULL;

	session_each_cgroup(session, collect, &lines);
	at = lines.at;
	if (lines.error || !lines.count)
		return lines.error ? lines.error : -ENOENT;
	qsort(at, lines.count, sizeof(*at), by_usage);
	if (form != LEDGER_JSON)
		show_head(out, form == LEDGER_WIDE);
	for (size_t i = 0; i < lines.count && !lines.error; i++) {
		if (form == LEDGER_JSON)
			lines.error = show_json(out, &at[i]);
		else
			show_row(out, &at[i], form == LEDGER_WIDE);
	}
	if (lines.error || ferror(out))
		return lines.error ? lines.error : -EIO;
	*ret_cgroups = lines.count;
	return 0;
}
