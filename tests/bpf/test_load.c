// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The kernel's verifier takes the programs for as many CPUs as they are made for, not only for
 * those of the machine that tests them: its work grows with the loops over CPUs.
 */
#include <bpf/libbpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "bpf/rss_events.h"
/* Uses the types of the header above. */
#include "bpf/memgrowth.skel.h"
#include "lib/clock.h"

/* Loads the programs on rss_stat and all that any kernel has, for @cpus. Returns an errno. */
static int load(uint32_t cpus, bool classic)
{
	struct memgrowth *skel = memgrowth__open();
	int err;

	assert_non_null(skel);
	skel->rodata->settings = (struct rss_settings){
		.interval_ns = 100 * NS_PER_MS,
		.min_gap_ns = 10 * NS_PER_MS,
		.threshold_pages = 64,
		.cpus = cpus,
		.percpu_batch = 2 * cpus,
		.cgroup_version = 2,
		.follow_cgroups = 1,
		.jiffy_ns = 4 * NS_PER_MS,
	};
	bpf_program__set_autoload(skel->progs.on_rss_stat, !classic);
	bpf_program__set_autoload(skel->progs.on_rss_stat_classic, classic);
	/* Which of these a kernel has is for the collector to find out. */
	bpf_program__set_autoload(skel->progs.on_mark_victim_task, false);
	bpf_program__set_autoload(skel->progs.on_mark_victim_pid, false);
	bpf_program__set_autoload(skel->progs.on_mark_victim_classic, false);
	err = memgrowth__load(skel);
	memgrowth__destroy(skel);
	return err;
}

static void test_loads_for_any_number_of_cpus(void **state)
{
	static const uint32_t cpus[] = { 1, 512, 8192 };

	(void)state;
	for (size_t i = 0; i < sizeof(cpus) / sizeof(cpus[0]); i++) {
		assert_int_equal(load(cpus[i], false), 0);
		assert_int_equal(load(cpus[i], true), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_loads_for_any_number_of_cpus) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
