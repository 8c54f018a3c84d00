// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a session holds back, and for how long: growth that shows below or in RSS is told there
 * first, a container's start is not judged, and both ledgers tell in one order of time.
 */
#include <math.h>

#include "tests/unit/fixtures/session_world.h"

/* How many detections there are of the cgroup @id, of any tier and state. */
static unsigned int count_of(struct world *w, unsigned int id)
{
	unsigned int count = 0;
	char key[64];

	snprintf(key, sizeof(key), "\"ledger\":\"cgroup\",\"mm\":null,\"cgroup_id\":%u,", id);
	fflush(w->out);
	for (const char *at = w->text; at && (at = strstr(at, key)); at++)
		count++;
	return count;
}

static void expect_time_order(struct world *w)
{
	json_int_t before = 0;

	fflush(w->out);
	for (char *at = w->text; *at; at = strchr(at, '\n') + 1) {
		json_t *line = json_loadb(at, (size_t)(strchr(at, '\n') - at), 0, NULL);
		json_int_t t_ns = json_integer_value(json_object_get(line, "t_ns"));

		assert_true(t_ns >= before || is_text(line, "type", "header"));
		before = t_ns;
		json_decref(line);
	}
}

static void grow_both_ledgers(struct world *w, int tenth)
{
	grow_shmem(w, tenth);
	grow_process(w, tenth);
}

/* The ring buffer is drained after the cgroups were read: its records are a little older. */
static void test_time_never_goes_back(void **state)
{
	struct world *w = *state;

	run_growth(w, 300, grow_both_ledgers);
	w->t_ns += 4 * SECOND_NS / 10;
	put_cgroup_end(w, BOX);
	assert_int_equal(count(w, "cgroup", "leak", "ended"), 1);
	w->t_ns -= 3 * SECOND_NS / 10;
	put_exit(w, 1);
	assert_int_equal(count(w, "process", "leak", "ended"), 1);
	expect_time_order(w);
}

/* Some seconds of a container's set-up, and then nothing more. */
static void set_up_container(struct world *w, int tenth)
{
	if (tenth < 45)
		w->box.shmem_bytes += MIB;
}

static void test_start_is_not_judged(void **state)
{
	struct world *w = *state;

	run(w, 60, set_up_container);
	expect_nothing(w);
}

/* ... but what grows on is. */
static void test_growth_after_the_start_is_judged(void **state)
{
	struct world *w = *state;

	run(w, 300, grow_shmem);
	expect_kind(w, "shmem");
}

/* Each is found later than both together are above them. */
static void grow_two(struct world *w, int tenth)
{
	(void)tenth;
	w->box.anon_bytes += 5 * KIB;
	w->other.anon_bytes += 5 * KIB;
}

static void test_cgroup_above_waits_for_those_below(void **state)
{
	struct world *w = *state;

	put_cgroup(w, OTHER, POD, "/pod/other", RECORD_UNLIMITED, NULL);
	w->has_other = true;
	run_growth(w, 300, grow_two);
	assert_int_equal(count(w, "cgroup", "growing", "raised"), 2);
	assert_int_equal(count(w, "cgroup", "leak", "raised"), 2);
	assert_int_equal(count_of(w, POD), 0);
}

enum { CHILDREN = 60, FIRST_CHILD = 100 };

/* So many that grow so slowly that none is found for itself. */
static void grow_children(struct world *w, int tenth)
{
	if (tenth % 10)
		return;
	for (uint64_t id = FIRST_CHILD; id < FIRST_CHILD + CHILDREN; id++)
		put_memcg(w, id,
			&(struct memcg_usage){
				.anon_bytes = MIB + KIB * (uint64_t)tenth / 10,
			});
	w->has_other = true;
	w->other.anon_bytes = CHILDREN * (MIB + KIB * (uint64_t)tenth / 10);
}

static void test_cgroup_above_tells_what_nothing_below_does(void **state)
{
	struct world *w = *state;

	put_cgroup(w, OTHER, POD, "/pod/other", RECORD_UNLIMITED, NULL);
	for (uint64_t id = FIRST_CHILD; id < FIRST_CHILD + CHILDREN; id++)
		put_cgroup(w, id, OTHER, "/pod/other/child", RECORD_UNLIMITED, NULL);
	run(w, 500, grow_children);
	assert_int_equal(count_of(w, FIRST_CHILD), 0);
	assert_int_equal(count(w, "cgroup", "growing", "raised"), 1);
	assert_int_equal(count(w, "cgroup", "leak", "raised"), 1);
	assert_true(count_of(w, OTHER) > 5);
	assert_int_equal(count_of(w, POD), 0);
}

/* One cgroup in another leaks, and more of the pod's charge is of none of them any more. */
static void grow_inner_and_left_behind(struct world *w, int tenth)
{
	struct memcg_usage pod = { .anon_bytes = 10 * MIB };

	w->box.shmem_bytes += MIB / 10;
	if (tenth % 10)
		return;
	put_memcg(w, OTHER, &w->box);
	put_memcg(w, BOX, &w->box);
	pod.shmem_bytes = w->box.shmem_bytes * 14 / 5;
	put_memcg(w, POD, &pod);
	put(w, &(struct record){ .type = RECORD_TICK, .t_ns = w->t_ns });
}

static void test_growth_below_explains_once(void **state)
{
	struct world *w = *state;

	put_cgroup(w, OTHER, BOX, "/pod/box/inner", RECORD_UNLIMITED, NULL);
	for (int tenth = 0; tenth < 3000; tenth++) {
		w->t_ns += SECOND_NS / 10;
		grow_inner_and_left_behind(w, tenth);
	}
	assert_true(count_of(w, OTHER) > 5);
	assert_int_equal(count_of(w, BOX), 0);
	assert_true(count_of(w, POD) > 5);
}

/* Page tables and stacks come along with what a process takes. */
static void grow_process_and_tables(struct world *w, int tenth)
{
	w->box.anon_bytes += 2 * MIB / 10;
	w->box.kernel_bytes += 2 * MIB / 10 / 9;
	w->box.pagetables_bytes += 2 * MIB / 10 / 9;
	/* The first ledger learns of it in steps. */
	if (tenth % 80 == 79)
		put_rss(w, 1, w->box.anon_bytes);
}

static void test_page_tables_wait_for_their_process(void **state)
{
	struct world *w = *state;

	run_growth(w, 300, grow_process_and_tables);
	assert_int_equal(count(w, "process", "leak", "raised"), 1);
	fflush(w->out);
	assert_null(strstr(w->text, "\"kind\":\"pagetables\""));
}

/* A new one every three seconds that grows, is told of, and ends; beside files on a tmpfs. */
static void churn_beside_shmem(struct world *w, int tenth)
{
	w->box.shmem_bytes += MIB / 10;
	if (tenth % 30 == 0) {
		if (w->next_mm > 100)
			put_exit(w, w->next_mm - 1);
		put_process(w, w->next_mm++, "fork");
	}
	put_rss(w, w->next_mm - 1, MIB * (1 + (uint64_t)tenth % 30));
	w->box.anon_bytes = MIB * (11 + (uint64_t)tenth % 30);
}

static void test_ends_of_others_hold_nothing_back(void **state)
{
	struct world *w = *state;

	run(w, 300, churn_beside_shmem);
	assert_true(count(w, "process", "growing", "ended") > 20);
	assert_int_equal(count(w, "cgroup", "leak", "raised"), 1);
	assert_non_null(strstr(w->text, "\"kind\":\"shmem\""));
}

/* One process frees with MADV_FREE what it takes, and one beside it leaks a quarter as fast. */
static void grow_beside_lazyfree(struct world *w, int tenth)
{
	uint64_t freed_bytes = MIB * (uint64_t)tenth * 4 / 10;
	uint64_t leaked_bytes = MIB * (uint64_t)tenth / 10;

	if (tenth == 0)
		put_process(w, 2, "scan");
	put_rss(w, 1, 10 * MIB + freed_bytes);
	put_rss(w, 2, 10 * MIB + leaked_bytes);
	w->box.anon_bytes = 20 * MIB + freed_bytes + leaked_bytes;
	w->box.reclaimable_bytes = freed_bytes;
}

static void test_lazyfree_of_another_hides_no_leak(void **state)
{
	struct world *w = *state;
	json_t *line = NULL;

	run(w, 300, grow_beside_lazyfree);
	assert_int_equal(find(w, "process", "leak", "raised", &line), 1);
	assert_int_equal(json_integer_value(json_object_get(line, "pid")), 2);
	assert_int_equal(count(w, "cgroup", "leak", "raised"), 0);
	json_decref(line);
}

/* Of what it takes it keeps two fifths: its leak is told of its cgroup, without what is freed. */
static void grow_mixed(struct world *w, int tenth)
{
	grow_process(w, tenth);
	w->box.reclaimable_bytes += MIB * 6 / 100;
}

static void test_leak_beside_lazyfree_is_told_of_the_cgroup(void **state)
{
	struct world *w = *state;
	json_t *line = NULL;

	run_growth(w, 400, grow_mixed);
	assert_int_equal(count(w, "process", "leak", "raised"), 0);
	assert_int_equal(find(w, "cgroup", "leak", "raised", &line), 1);
	assert_true(
		fabs(json_number_value(json_object_get(line, "rate_bytes_per_s")) / (0.4 * MIB) -
			1) < 0.05);
	json_decref(line);
}

/* Eight at a time, each for four seconds. */
static void replace_workers(struct world *w, int tenth)
{
	if (tenth % 5)
		return;
	put_process(w, w->next_mm, "fork");
	put_rss(w, w->next_mm, 20 * MIB);
	if (w->next_mm >= 108)
		put_exit(w, w->next_mm - 8);
	w->next_mm++;
}

/* ... beside copies that nobody frees. */
static void replace_workers_and_copy(struct world *w, int tenth)
{
	w->box.anon_bytes += MIB / 10;
	replace_workers(w, tenth);
}

static void test_workers_that_are_replaced_are_not_more(void **state)
{
	struct world *w = *state;

	/* For longer than a row of the history is: with the first eight there were more, once. */
	run(w, 30, replace_workers);
	run(w, 300, replace_workers_and_copy);
	assert_int_equal(count(w, "cgroup", "leak", "raised"), 1);
	assert_null(strstr(w->text, "\"kind\":\"processes\""));
	assert_non_null(strstr(w->text, "\"kind\":\"cow\""));
}

static void test_rate_of_processes_is_all_they_cost(void **state)
{
	struct world *w = *state;
	json_t *line = NULL;
	double rate;

	run_growth(w, 300, add_process);
	assert_true(find(w, "cgroup", "leak", "updated", &line) > 0);
	assert_true(is_text(line, "kind", "processes"));
	rate = json_number_value(json_object_get(line, "rate_bytes_per_s"));
	assert_true(fabs(rate / (2.0 * 420 * KIB) - 1) < 0.05);
	json_decref(line);
}

static void add_process_and_shmem(struct world *w, int tenth)
{
	add_process(w, tenth);
	w->box.shmem_bytes += 2 * MIB / 10;
}

/* What grows beside them is not theirs, and as they end their rate is as it was. */
static void test_rate_of_processes_is_not_more_than_they_cost(void **state)
{
	struct world *w = *state;
	json_t *line = NULL;
	double rate;

	run_growth(w, 300, add_process_and_shmem);
	w->box.anon_bytes = 12 * MIB;
	for (uint64_t mm = 100; mm < w->next_mm; mm++)
		put_exit(w, mm);
	run(w, 30, NULL);
	for (int withdrawn = 0; withdrawn < 2; withdrawn++) {
		assert_true(
			find(w, "cgroup", "leak", withdrawn ? "withdrawn" : "raised", &line) > 0);
		rate = json_number_value(json_object_get(line, "rate_bytes_per_s"));
		assert_true(rate < 1.3 * 2.0 * 420 * KIB || is_text(line, "kind", "shmem"));
	}
	assert_non_null(strstr(w->text, "\"kind\":\"processes\""));
	json_decref(line);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_time_never_goes_back),
		TEST(test_start_is_not_judged),
		TEST(test_growth_after_the_start_is_judged),
		TEST(test_cgroup_above_waits_for_those_below),
		TEST(test_cgroup_above_tells_what_nothing_below_does),
		TEST(test_growth_below_explains_once),
		TEST(test_workers_that_are_replaced_are_not_more),
		TEST(test_ends_of_others_hold_nothing_back),
		TEST(test_lazyfree_of_another_hides_no_leak),
		TEST(test_leak_beside_lazyfree_is_told_of_the_cgroup),
		TEST(test_page_tables_wait_for_their_process),
		TEST(test_rate_of_processes_is_all_they_cost),
		TEST(test_rate_of_processes_is_not_more_than_they_cost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
