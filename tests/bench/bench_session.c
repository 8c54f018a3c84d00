// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a session costs for a second of records when every cgroup grows by 1 MiB in it, with ten
 * processes in each: "process" when one of them does, "charge" when no RSS shows it, "idle" when
 * nothing grows. Should be linear in the number of cgroups.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "collector/session.h"

#define SECOND_NS 1000000000ULL
#define MIB (1ULL << 20)
#define PROCESSES 10ULL
#define SECONDS 100

static struct session *session;

static void put(const struct record *record)
{
	int err = session_put(session, record);

	if (err) {
		fprintf(stderr, "session_put: %s\n", strerror(-err));
		exit(1);
	}
}

static void put_cgroup(uint64_t id, uint64_t parent, const char *path, uint64_t t_ns)
{
	put(&(struct record){ .type = RECORD_CGROUP,
		.t_ns = t_ns,
		.cgroup = { .id = id,
			.parent = parent,
			.path = path,
			.version = 2,
			.limit_bytes = RECORD_UNLIMITED,
			.high_bytes = RECORD_UNLIMITED } });
}

static void put_rss(uint64_t mm, uint64_t bytes, uint64_t t_ns)
{
	put(&(struct record){
		.type = RECORD_RSS, .t_ns = t_ns, .rss = { .mm = mm, .anon_bytes = bytes } });
}

static void put_memcg(uint64_t id, uint64_t bytes, uint64_t t_ns)
{
	put(&(struct record){ .type = RECORD_MEMCG,
		.t_ns = t_ns,
		.memcg = {
			.cgroup = id, .usage = { .usage_bytes = bytes, .anon_bytes = bytes } } });
}

static void populate(uint64_t cgroups, uint64_t t_ns)
{
	char path[64];

	put(&(struct record){ .type = RECORD_HEADER, .t_ns = t_ns, .header.source = "bench" });
	put_cgroup(1, 0, "/", t_ns);
	for (uint64_t i = 0; i < cgroups; i++) {
		snprintf(path, sizeof(path), "/box%llu", (unsigned long long)i);
		put_cgroup(2 + i, 1, path, t_ns);
		for (uint64_t mm = 1 + i * PROCESSES; mm <= (i + 1) * PROCESSES; mm++) {
			put(&(struct record){ .type = RECORD_PROCESS,
				.t_ns = t_ns,
				.process = { .mm = mm,
					.pid = (uint32_t)mm,
					.comm = "bench",
					.cgroup = 2 + i,
					.origin = "scan" } });
			put_rss(mm, MIB, t_ns);
		}
	}
}

static double run(uint64_t cgroups, bool charge, bool process)
{
	uint64_t t_ns = 1000 * SECOND_NS;
	clock_t start;

	session = session_new(&(struct session_options){});
	if (!session)
		exit(1);
	populate(cgroups, t_ns);
	start = clock();
	for (uint64_t grown = 0; grown < SECONDS * MIB; grown += MIB) {
		uint64_t charged = PROCESSES * MIB + (charge ? grown : 0);

		t_ns += SECOND_NS;
		for (uint64_t i = 0; i < cgroups; i++) {
			if (process)
				put_rss(1 + i * PROCESSES, MIB + grown, t_ns);
			put_memcg(2 + i, charged, t_ns);
		}
		put_memcg(1, cgroups * charged, t_ns);
		put(&(struct record){ .type = RECORD_TICK, .t_ns = t_ns });
	}
	session_free(session);
	return (double)(clock() - start) / CLOCKS_PER_SEC / SECONDS * 1e3;
}

int main(void)
{
	static const uint64_t counts[] = { 125, 500, 2000 };

	printf("  session, CPU for a second of records\n");
	printf("  %8s %10s %10s %10s %10s\n", "cgroups", "processes", "idle", "process", "charge");
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		printf("  %8llu %10llu %7.2f ms %7.2f ms %7.2f ms\n", (unsigned long long)counts[i],
			(unsigned long long)(counts[i] * PROCESSES), run(counts[i], false, false),
			run(counts[i], true, true), run(counts[i], true, false));
	return 0;
}
