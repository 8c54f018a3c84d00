// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The second ledger's part of a session, over hand-made records: which growth is told of a cgroup,
 * what it is called, what is left to the first ledger, and when the limit is full.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "tests/unit/fixtures/session_world.h"

static void test_process_explains_its_cgroup(void **state)
{
	struct world *w = *state;
	json_t *line = NULL;

	run_growth(w, 300, grow_process);
	assert_int_equal(count(w, "process", "growing", "raised"), 1);
	assert_int_equal(find(w, "process", "leak", "raised", &line), 1);
	assert_true(is_text(line, "kind", "rss"));
	assert_true(is_text(line, "container", "web"));
	json_decref(line);
	assert_int_equal(count(w, "cgroup", "growing", "raised"), 0);
	assert_int_equal(count(w, "cgroup", "leak", "raised"), 0);
	/* It dies: nothing is told of its cgroup, whose charge is read a little later. */
	put_exit(w, 1);
	run(w, 1, NULL);
	w->box.anon_bytes = 0;
	run(w, 30, NULL);
	assert_int_equal(count(w, "process", "leak", "ended"), 1);
	assert_int_equal(count(w, "cgroup", "growing", "raised"), 0);
	assert_int_equal(count(w, "cgroup", "leak", "raised"), 0);
}

static void test_cow(void **state)
{
	struct world *w = *state;

	run_growth(w, 300, grow_anon);
	expect_kind(w, "cow");
	assert_true(count(w, "cgroup", "leak", "updated") >= 5);
}

/* The fork itself counts the shared pages once more, and the child writes at once. */
static void test_cow_after_a_fork(void **state)
{
	struct world *w = *state;

	w->box.anon_bytes = 200 * MIB;
	put_rss(w, 1, 200 * MIB);
	run(w, 20, NULL);
	put_process(w, 2, "fork");
	put_rss(w, 2, 200 * MIB);
	run(w, 300, grow_anon);
	fflush(w->out);
	assert_int_equal(count(w, "cgroup", "leak", "raised"), 1);
	assert_null(strstr(w->text, "\"kind\":\"anon\""));
	assert_null(strstr(w->text, "\"kind\":\"processes\""));
	assert_non_null(strstr(w->text, "\"kind\":\"cow\""));
}

static void test_cow_that_ends(void **state)
{
	struct world *w = *state;

	run_growth(w, 20, grow_anon);
	run(w, 120, NULL);
	assert_int_equal(count(w, "cgroup", "growing", "raised"), 1);
	assert_int_equal(count(w, "cgroup", "growing", "withdrawn"), 1);
	assert_int_equal(count(w, "cgroup", "leak", "raised"), 0);
}

static void test_shmem(void **state)
{
	struct world *w = *state;

	run_growth(w, 300, grow_shmem);
	expect_kind(w, "shmem");
}

static uint64_t *kernel_part(struct world *w, int part)
{
	uint64_t *const parts[] = { &w->box.slab_unreclaimable_bytes, &w->box.pagetables_bytes,
		&w->box.kernel_stack_bytes, &w->box.percpu_bytes, NULL };

	return parts[part];
}

static int growing_part;

static void grow_kernel(struct world *w, int tenth)
{
	uint64_t *part = kernel_part(w, growing_part);

	(void)tenth;
	w->box.kernel_bytes += MIB / 10;
	if (part)
		*part += MIB / 10;
}

static void test_kernel_parts(void **state)
{
	static const char *const names[] = { "slab", "pagetables", "kernel_stack", "percpu",
		"kernel" };

	(void)state;
	for (growing_part = 0; growing_part < 5; growing_part++) {
		struct world world, *w = &world;
		void *self = w;

		open_world(w);
		run(w, 5, NULL);
		run(w, 300, grow_kernel);
		expect_kind(w, names[growing_part]);
		tear_down(&self);
	}
}

static void grow_sock(struct world *w, int tenth)
{
	(void)tenth;
	w->box.sock_bytes += MIB / 10;
}

static void test_sock(void **state)
{
	struct world *w = *state;

	run_growth(w, 300, grow_sock);
	expect_kind(w, "sock");
}

/* TCP's buffers are charged to another counter there. */
static void test_sock_of_v1_is_not_charged(void **state)
{
	struct world *w = *state;

	w->version = 1;
	put_cgroup(w, BOX, POD, "/pod/box", 512 * MIB, "/pod/box");
	put_cgroup(w, POD, ROOT, "/pod", RECORD_UNLIMITED, NULL);
	run_growth(w, 300, grow_sock);
	expect_nothing(w);
}

static void grow_cache(struct world *w, int tenth)
{
	(void)tenth;
	w->box.file_bytes += MIB;
	w->box.reclaimable_bytes += MIB;
}

static void grow_dentries(struct world *w, int tenth)
{
	(void)tenth;
	w->box.kernel_bytes += MIB;
	w->box.slab_reclaimable_bytes += MIB;
	w->box.reclaimable_bytes += MIB;
}

static void test_reclaimable_is_no_growth(void **state)
{
	struct world *w = *state;

	run_growth(w, 300, grow_cache);
	run(w, 300, grow_dentries);
	expect_nothing(w);
}

/* v1 does not tell reclaimable slab from the rest. */
static void grow_cache_with_inodes(struct world *w, int tenth)
{
	grow_cache(w, tenth);
	w->box.kernel_bytes += MIB / 4;
	w->box.slab_reclaimable_bytes = MEMCG_UNKNOWN;
}

static void test_inodes_come_with_cache(void **state)
{
	struct world *w = *state;

	run_growth(w, 300, grow_cache_with_inodes);
	expect_nothing(w);
}

static void grow_locked_file(struct world *w, int tenth)
{
	(void)tenth;
	w->box.file_bytes += MIB / 10;
	w->box.unevictable_bytes += MIB / 10;
}

static void test_file_that_cannot_be_evicted(void **state)
{
	struct world *w = *state;

	run_growth(w, 300, grow_locked_file);
	expect_kind(w, "file");
}

static void add_process_with_its_parts(struct world *w, int tenth)
{
	add_process(w, tenth);
	if (tenth % 5)
		return;
	w->box.pagetables_bytes += 24 * KIB;
	w->box.slab_unreclaimable_bytes += 30 * KIB;
}

static void test_ever_more_processes(void **state)
{
	struct world *w = *state;

	run_growth(w, 300, add_process_with_its_parts);
	expect_kind(w, "processes");
}

/* A program that starts its workers, which then grow: they leak, not their number. */
static void grow_workers(struct world *w, int tenth)
{
	for (uint64_t mm = 100; mm < 200; mm++) {
		if (tenth == 0)
			put_process(w, mm, "fork");
		if (tenth % 10 == 0)
			put_rss(w, mm, MIB + KIB * (uint64_t)tenth / 10);
	}
	w->box.anon_bytes = 110 * MIB + 100 * KIB * (uint64_t)tenth / 10;
}

static void test_many_slow_workers(void **state)
{
	struct world *w = *state;

	w->box.anon_bytes = 110 * MIB;
	run(w, 300, grow_workers);
	expect_kind(w, "anon");
}

static void grow_lazyfree(struct world *w, int tenth)
{
	grow_process(w, tenth);
	w->box.reclaimable_bytes += MIB / 10;
}

static void test_lazyfree_is_no_leak(void **state)
{
	struct world *w = *state;

	run_growth(w, 300, grow_lazyfree);
	assert_int_equal(count(w, "process", "growing", "raised"), 1);
	assert_int_equal(count(w, "process", "leak", "raised"), 0);
	assert_int_equal(count(w, "cgroup", "growing", "raised"), 0);
	assert_int_equal(count(w, "cgroup", "leak", "raised"), 0);
	/* It is no longer freed, and grows on until that is the most: a leak after all. */
	run(w, 600, grow_process);
	assert_int_equal(count(w, "process", "leak", "raised"), 1);
}

static void test_end_of_a_cgroup(void **state)
{
	struct world *w = *state;
	struct record memcg = { .type = RECORD_MEMCG, .memcg = { .cgroup = BOX } };

	run_growth(w, 20, grow_anon);
	put_cgroup_end(w, BOX);
	assert_int_equal(count(w, "cgroup", "growing", "ended"), 1);
	/* Told before its last process: it is forgotten with that one. */
	memcg.t_ns = w->t_ns;
	assert_int_equal(session_put(w->session, &memcg), 0);
	assert_int_equal(session_counts(w->session).skipped[SKIP_UNKNOWN_CGROUP], 1);
	put_rss(w, 1, MIB);
	put_exit(w, 1);
	put_cgroup_end(w, POD);
	put_cgroup_end(w, POD);
	put_cgroup_end(w, 99);
	memcg.memcg.cgroup = 99;
	assert_int_equal(session_put(w->session, &memcg), 0);
	/* And the two ends of what was there no more. */
	assert_int_equal(session_counts(w->session).skipped[SKIP_UNKNOWN_CGROUP], 4);
}

/* What is still there may be read at any time, however many there are and whether or not used. */
static void test_many_empty_cgroups(void **state)
{
	struct world *w = *state;
	char path[32];

	for (uint64_t id = 100; id < 5000; id++) {
		snprintf(path, sizeof(path), "/%llu", (unsigned long long)id);
		put_cgroup(w, id, ROOT, path, RECORD_UNLIMITED, NULL);
	}
	for (uint64_t mm = 2; mm < 12; mm++) {
		put(w, &(struct record){ .type = RECORD_PROCESS,
			       .t_ns = w->t_ns,
			       .process = { .mm = mm, .comm = "x", .cgroup = 4999 } });
		put_exit(w, mm);
	}
	for (uint64_t id = 100; id < 5000; id++)
		put_memcg(w, id, &w->other);
}

/* Parents in a ring, or named before they are known, are no reason to hang. */
static void test_odd_parents(void **state)
{
	struct world *w = *state;

	put_cgroup(w, 20, 21, "/a", RECORD_UNLIMITED, NULL);
	put_cgroup(w, 21, 22, "/b", RECORD_UNLIMITED, NULL);
	put_cgroup(w, 22, 20, "/c", RECORD_UNLIMITED, NULL);
	put_cgroup(w, 23, 23, "/d", RECORD_UNLIMITED, NULL);
	put_cgroup(w, BOX, 20, "/pod/box", 512 * MIB, "/pod/box");
	put_rss(w, 1, 50 * MIB);
	put_cgroup_end(w, 22);
	put_cgroup_end(w, 20);
	put_exit(w, 1);
	expect_nothing(w);
}

static double number(const json_t *line, const char *key)
{
	assert_true(json_is_number(json_object_get(line, key)));
	return json_number_value(json_object_get(line, key));
}

static void expect_time_to_limit(
	struct world *w, const char *ledger, const char *tier, double seconds)
{
	json_t *line = NULL;

	assert_true(find(w, ledger, tier, "updated", &line) > 0);
	/* As of the last update. */
	seconds += (double)(w->t_ns - (uint64_t)json_integer_value(json_object_get(line, "t_ns"))) *
		   1e-9;
	assert_true(fabs(number(line, "time_to_limit_s") - seconds) < 0.02 * seconds + 0.5);
	assert_true(number(line, "time_to_limit_lo_s") <= number(line, "time_to_limit_s"));
	assert_true(number(line, "time_to_limit_hi_s") >= number(line, "time_to_limit_s"));
	assert_true(number(line, "time_to_limit_hi_s") < seconds * 1.2 + 3);
	json_decref(line);
}

static void grow_process_and_cache(struct world *w, int tenth)
{
	grow_process(w, tenth);
	w->box.file_bytes += MIB / 5;
	w->box.reclaimable_bytes += MIB / 5;
	w->box.kernel_bytes += MIB / 10;
}

/* All that cannot be reclaimed fills it, twice as fast as the process grows. */
static void test_time_to_limit(void **state)
{
	struct world *w = *state;

	put_cgroup(w, BOX, POD, "/pod/box", 1024 * MIB, "/pod/box");
	run_growth(w, 260, grow_process_and_cache);
	expect_time_to_limit(w, "process", "leak", (1024 - 10 - 520) / 2.0);
	assert_int_equal(session_pace(w->session, BOX), LEDGER_CLOSE);
	assert_int_equal(session_pace(w->session, 99), LEDGER_CALM);
	run(w, 235, grow_process_and_cache);
	assert_int_equal(session_pace(w->session, BOX), LEDGER_URGENT);
}

/* As after podman update, up and down. */
static void test_limit_that_changes(void **state)
{
	struct world *w = *state;

	run_growth(w, 260, grow_anon);
	put_cgroup(w, BOX, POD, "/pod/box", 1024 * MIB, "/pod/box");
	run(w, 10, grow_anon);
	expect_time_to_limit(w, "cgroup", "leak", 1024 - 10 - 270);
	put_cgroup(w, BOX, POD, "/pod/box", 512 * MIB, "/pod/box");
	run(w, 10, grow_anon);
	expect_time_to_limit(w, "cgroup", "leak", 512 - 10 - 280);
}

static void grow_both(struct world *w, int tenth)
{
	grow_anon(w, tenth);
	w->other.anon_bytes += MIB / 5;
}

/* A limit above them both: it is full when both have grown. */
static void test_limit_of_a_parent(void **state)
{
	struct world *w = *state;
	json_t *line = NULL;

	put_cgroup(w, POD, ROOT, "/pod", 2048 * MIB, "/pod");
	put_cgroup(w, BOX, POD, "/pod/box", 2048 * MIB, "/pod");
	put_cgroup(w, OTHER, POD, "/pod/other", 2048 * MIB, "/pod");
	w->has_other = true;
	run_growth(w, 260, grow_both);
	expect_time_to_limit(w, "cgroup", "leak", (2048 - 10 - 780) / 3.0);
	assert_int_equal(find(w, "cgroup", "leak", "raised", &line), 2);
	assert_true(is_text(line, "limit_cgroup", "/pod"));
	json_decref(line);
}

static void test_swap_makes_room(void **state)
{
	struct world *w = *state;
	struct record cgroup = { .type = RECORD_CGROUP,
		.t_ns = w->t_ns,
		.cgroup = { .id = BOX,
			.path = "/pod/box",
			.version = 2,
			.limit_bytes = 512 * MIB,
			.limit_cgroup = "/pod/box",
			.parent = POD,
			.high_bytes = RECORD_UNLIMITED,
			.swap_limit_bytes = 100 * MIB } };

	put(w, &cgroup);
	w->box.swap_bytes = 20 * MIB;
	w->box.swap_free_bytes = 1000 * MIB;
	run_growth(w, 260, grow_anon);
	expect_time_to_limit(w, "cgroup", "leak", 512 + 100 - 20 - 10 - 260);
	/* The host has less than it may use. */
	w->box.swap_free_bytes = 30 * MIB;
	run(w, 10, grow_anon);
	expect_time_to_limit(w, "cgroup", "leak", 512 + 20 + 30 - 20 - 10 - 270);
	/* Without a bound the host's swap is. */
	cgroup.t_ns = w->t_ns;
	cgroup.cgroup.swap_limit_bytes = RECORD_UNLIMITED;
	put(w, &cgroup);
	run(w, 10, grow_anon);
	expect_time_to_limit(w, "cgroup", "leak", 512 + 20 + 30 - 20 - 10 - 280);
}

static void print_size(void **state)
{
	(void)state;
	print_message("a cgroup of the second ledger takes %zu bytes in the session, %zu in the "
		      "ledger\n",
		session_cgroup_bytes(), ledger_state_bytes());
	assert_true(session_cgroup_bytes() + ledger_state_bytes() <= 20 * KIB);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_process_explains_its_cgroup),
		TEST(test_cow),
		TEST(test_cow_after_a_fork),
		TEST(test_cow_that_ends),
		TEST(test_shmem),
		cmocka_unit_test(test_kernel_parts),
		TEST(test_sock),
		TEST(test_sock_of_v1_is_not_charged),
		TEST(test_reclaimable_is_no_growth),
		TEST(test_inodes_come_with_cache),
		TEST(test_file_that_cannot_be_evicted),
		TEST(test_ever_more_processes),
		TEST(test_many_slow_workers),
		TEST(test_lazyfree_is_no_leak),
		TEST(test_end_of_a_cgroup),
		TEST(test_many_empty_cgroups),
		TEST(test_odd_parents),
		TEST(test_time_to_limit),
		TEST(test_limit_that_changes),
		TEST(test_limit_of_a_parent),
		TEST(test_swap_makes_room),
		cmocka_unit_test(print_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
