// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Records that contradict others, or that cannot be: each is counted for its reason, and what is
 * detected in the rest is what would have been detected without them.
 */
#include <stdlib.h>
#include <string.h>

#include "collector/session.h"
#include "tests/unit/fixtures/cmocka_all.h"

#define SECOND_NS 1000000000ULL
#define HOUR_NS (3600 * SECOND_NS)
#define START_NS (1000 * SECOND_NS)
#define MIB (1ULL << 20)
#define TIB (1ULL << 40)
#define CGROUP 5
#define MM 1

struct fixture {
	struct session *session;
	FILE *out;
	char *text;
	size_t size;
};

static void put(struct fixture *f, struct record record)
{
	assert_int_equal(session_put(f->session, &record), 0);
}

static struct record process(uint64_t mm, uint64_t t_ns)
{
	return (struct record){ .type = RECORD_PROCESS,
		.t_ns = t_ns,
		.process = { .mm = mm,
			.pid = 7,
			.start_ns = 1,
			.comm = "a",
			.cgroup = CGROUP,
			.origin = "exec" } };
}

static struct record rss(uint64_t mm, uint64_t t_ns, uint64_t bytes)
{
	return (struct record){ .type = RECORD_RSS,
		.t_ns = t_ns,
		.rss = { .mm = mm, .anon_bytes = bytes, .events = 1 } };
}

static struct record memcg(uint64_t cgroup, uint64_t t_ns, uint64_t bytes)
{
	return (struct record){ .type = RECORD_MEMCG,
		.t_ns = t_ns,
		.memcg = { .cgroup = cgroup,
			.usage = { .usage_bytes = bytes, .anon_bytes = bytes } } };
}

static struct record tick(uint64_t t_ns)
{
	return (struct record){ .type = RECORD_TICK, .t_ns = t_ns };
}

static struct record loss(uint64_t t_ns, uint64_t lost)
{
	return (struct record){ .type = RECORD_LOSS, .t_ns = t_ns, .lost = lost };
}

static struct record end_of(uint64_t mm, uint64_t t_ns)
{
	return (struct record){
		.type = RECORD_EXIT, .t_ns = t_ns, .exit = { .mm = mm, .reason = "exit" }
	};
}

static void open_session(struct fixture *f)
{
	f->out = open_memstream(&f->text, &f->size);
	assert_non_null(f->out);
	f->session = session_new(&(struct session_options){ .out = f->out });
	assert_non_null(f->session);
	put(f, (struct record){ .type = RECORD_HEADER, .t_ns = START_NS, .header.source = "sim" });
	put(f, (struct record){ .type = RECORD_CGROUP,
		       .t_ns = START_NS,
		       .cgroup = { .id = CGROUP,
			       .path = "/a",
			       .version = 2,
			       .limit_bytes = RECORD_UNLIMITED,
			       .high_bytes = RECORD_UNLIMITED,
			       .swap_limit_bytes = RECORD_UNLIMITED } });
	put(f, process(MM, START_NS));
}

static void close_session(struct fixture *f)
{
	session_free(f->session);
	fclose(f->out);
	free(f->text);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	open_session(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	close_session(*state);
	free(*state);
	return 0;
}

/* @count records were left out for @why, and none for another reason. */
static void expect_skipped(const struct fixture *f, enum session_skip why, uint64_t count)
{
	struct session_counts counts = session_counts(f->session);

	for (int i = 0; i < SESSION_SKIPS; i++)
		if (counts.skipped[i] != (i == (int)why ? count : 0))
			fail_msg("%s: %llu", session_skip_name((enum session_skip)i),
				(unsigned long long)counts.skipped[i]);
	assert_int_equal(session_skipped(f->session), count);
}

static uint64_t samples(const struct fixture *f)
{
	return session_counts(f->session).samples;
}

static void test_unknown(void **state)
{
	struct fixture *f = *state;

	put(f, rss(9, START_NS, MIB));
	put(f, end_of(9, START_NS));
	put(f, end_of(MM, START_NS));
	put(f, end_of(MM, START_NS));
	put(f, rss(MM, START_NS, MIB));
	expect_skipped(f, SKIP_UNKNOWN_MM, 4);
	assert_int_equal(samples(f), 0);
}

static void test_unknown_cgroup(void **state)
{
	struct fixture *f = *state;

	put(f, memcg(9, START_NS, MIB));
	put(f, (struct record){ .type = RECORD_CGROUP_END, .t_ns = START_NS, .cgroup_end = 9 });
	expect_skipped(f, SKIP_UNKNOWN_CGROUP, 2);
	assert_int_equal(session_counts(f->session).charges, 0);
}

/* A serial number that is used again is another process. */
static void test_again_after_exit(void **state)
{
	struct fixture *f = *state;

	put(f, rss(MM, START_NS + 5, MIB));
	put(f, end_of(MM, START_NS + 6));
	put(f, process(MM, START_NS + 7));
	/* Earlier than the last of the one before: nothing to it. */
	put(f, rss(MM, START_NS + 4, MIB));
	expect_skipped(f, SKIP_UNKNOWN_MM, 0);
	assert_int_equal(samples(f), 2);
	assert_int_equal(session_counts(f->session).processes, 2);
}

static void test_process_twice(void **state)
{
	struct fixture *f = *state;

	put(f, process(MM, START_NS));
	put(f, process(MM, START_NS + 1));
	expect_skipped(f, SKIP_DUPLICATE, 0);
	assert_int_equal(session_counts(f->session).processes, 1);
}

static void test_out_of_order(void **state)
{
	struct fixture *f = *state;

	put(f, process(2, START_NS));
	put(f, rss(MM, START_NS + SECOND_NS, MIB));
	put(f, rss(MM, START_NS + SECOND_NS - 1, 2 * MIB));
	put(f, memcg(CGROUP, START_NS + SECOND_NS, MIB));
	put(f, memcg(CGROUP, START_NS + SECOND_NS - 1, 2 * MIB));
	expect_skipped(f, SKIP_OUT_OF_ORDER, 2);
	/* Of another process it may be a little earlier. */
	put(f, rss(2, START_NS + SECOND_NS - 1, MIB));
	expect_skipped(f, SKIP_OUT_OF_ORDER, 2);
	assert_int_equal(samples(f), 2);
}

static void test_duplicates(void **state)
{
	struct fixture *f = *state;

	put(f, rss(MM, START_NS, MIB));
	put(f, rss(MM, START_NS, MIB));
	put(f, memcg(CGROUP, START_NS, MIB));
	put(f, memcg(CGROUP, START_NS, MIB));
	put(f, loss(START_NS, 3));
	put(f, loss(START_NS, 3));
	expect_skipped(f, SKIP_DUPLICATE, 3);
	assert_int_equal(session_counts(f->session).lost, 3);
	/* Not the same: other values, or another time. */
	put(f, rss(MM, START_NS, 2 * MIB));
	put(f, rss(MM, START_NS + 1, 2 * MIB));
	put(f, memcg(CGROUP, START_NS, 2 * MIB));
	put(f, loss(START_NS, 4));
	put(f, loss(START_NS + 1, 4));
	put(f, tick(START_NS + 1));
	put(f, tick(START_NS + 1));
	expect_skipped(f, SKIP_DUPLICATE, 3);
	assert_int_equal(samples(f), 3);
	assert_int_equal(session_counts(f->session).lost, 11);
}

static void test_stale(void **state)
{
	struct fixture *f = *state;

	put(f, tick(START_NS + 61 * SECOND_NS));
	put(f, tick(START_NS + SECOND_NS));
	expect_skipped(f, SKIP_STALE, 0);
	put(f, tick(START_NS));
	put(f, tick(START_NS + SECOND_NS - 1));
	put(f, rss(MM, START_NS, MIB));
	put(f, memcg(CGROUP, START_NS, MIB));
	expect_skipped(f, SKIP_STALE, 4);
	/* That there is a process, or no more, is true whenever it was said. */
	put(f, process(2, START_NS));
	put(f, rss(2, START_NS + SECOND_NS, MIB));
	put(f, end_of(2, START_NS));
	expect_skipped(f, SKIP_STALE, 4);
	assert_int_equal(samples(f), 1);
}

/* One time far ahead is no reason to take all that follows for the past. */
static void test_ahead_once(void **state)
{
	struct fixture *f = *state;

	put(f, rss(MM, START_NS + 6 * HOUR_NS + 1, MIB));
	put(f, rss(MM, START_NS + SECOND_NS, MIB));
	put(f, tick(INT64_MAX));
	put(f, tick(START_NS + 2 * SECOND_NS));
	put(f, memcg(CGROUP, INT64_MAX, MIB));
	put(f, memcg(CGROUP, START_NS + 3 * SECOND_NS, MIB));
	put(f, process(2, INT64_MAX));
	put(f, rss(2, START_NS + 4 * SECOND_NS, MIB));
	put(f, end_of(2, INT64_MAX));
	put(f, rss(MM, START_NS + 5 * SECOND_NS, MIB));
	expect_skipped(f, SKIP_AHEAD, 3);
	assert_int_equal(samples(f), 3);
}

/* A host that was suspended: the second record confirms it. */
static void test_ahead_for_good(void **state)
{
	struct fixture *f = *state;
	uint64_t later_ns = START_NS + 30 * HOUR_NS;

	put(f, tick(START_NS + 5 * HOUR_NS));
	expect_skipped(f, SKIP_AHEAD, 0);
	put(f, tick(later_ns));
	put(f, rss(MM, later_ns + SECOND_NS, MIB));
	put(f, rss(MM, later_ns + 2 * SECOND_NS, MIB));
	expect_skipped(f, SKIP_AHEAD, 1);
	assert_int_equal(samples(f), 2);
	/* And then what is older is stale. */
	put(f, tick(START_NS));
	assert_int_equal(session_counts(f->session).skipped[SKIP_STALE], 1);
}

static void test_absurd(void **state)
{
	struct fixture *f = *state;
	struct record record = rss(MM, START_NS, 128 * TIB);

	put(f, record);
	expect_skipped(f, SKIP_ABSURD, 0);
	put(f, rss(MM, START_NS + 1, 128 * TIB + 1));
	put(f, rss(MM, START_NS + 1, INT64_MAX - 4095)); /* a counter below zero, cut to 63 bits */
	record = rss(MM, START_NS + 1, 0);
	record.rss.shmem_bytes = 129 * TIB;
	put(f, record);
	record = rss(MM, START_NS + 1, 0);
	record.rss.events = 2 * TIB;
	put(f, record);
	record = rss(MM, START_NS + 1, 0);
	record.rss.error_bytes = 129 * TIB;
	put(f, record);
	put(f, memcg(CGROUP, START_NS, 129 * TIB));
	put(f, loss(START_NS, 2 * TIB));
	put(f, process(0, START_NS));
	put(f, rss(0, START_NS, 1));
	put(f, end_of(0, START_NS));
	expect_skipped(f, SKIP_ABSURD, 10);
	assert_int_equal(samples(f), 1);
	assert_int_equal(session_counts(f->session).lost, 0);
	/* What is unknown is not absurd. */
	record = memcg(CGROUP, START_NS, 1);
	record.memcg.usage.sock_bytes = MEMCG_UNKNOWN;
	put(f, record);
	expect_skipped(f, SKIP_ABSURD, 10);
}

/* Ten minutes of 1 MiB/s, and, with @odd, what must change nothing between its records. */
static void grow(struct fixture *f, bool odd)
{
	for (uint64_t s = 1; s <= 600; s++) {
		uint64_t t_ns = START_NS + s * SECOND_NS, bytes = (10 + s) * MIB;

		put(f, rss(MM, t_ns, bytes));
		put(f, memcg(CGROUP, t_ns, bytes));
		if (odd) {
			put(f, rss(MM, t_ns, bytes));
			put(f, rss(MM, t_ns - 1, 1));
			put(f, rss(MM, INT64_MAX, bytes));
			put(f, rss(MM, t_ns, INT64_MAX));
			put(f, rss(MM, t_ns + 1, 1000 * TIB));
			put(f, rss(MM + 1, t_ns, s * s * MIB));
			put(f, memcg(CGROUP, t_ns, bytes));
			put(f, memcg(CGROUP, t_ns - 1, 1));
			put(f, memcg(CGROUP, t_ns, INT64_MAX));
			put(f, memcg(CGROUP + 1, t_ns, s * s * MIB));
			put(f, end_of(MM + 1, t_ns));
			put(f, process(MM, t_ns));
			put(f, loss(t_ns, INT64_MAX));
			if (t_ns > START_NS + 61 * SECOND_NS)
				put(f, tick(START_NS));
		}
		put(f, tick(t_ns + SECOND_NS / 2));
	}
}

/* The detections, without their end, which tells what was left out. */
static char *detections_of(bool odd)
{
	struct fixture f;
	char *text, *end;

	open_session(&f);
	grow(&f, odd);
	assert_int_equal(session_finish(f.session), 0);
	assert_int_equal(session_skipped(f.session) > 600 * 10, odd);
	text = strdup(f.text);
	assert_non_null(text);
	end = strstr(text, "{\"type\":\"end\"");
	assert_non_null(end);
	assert_int_equal(strstr(end, "\"skipped\":{}") == NULL, odd);
	*end = '\0';
	close_session(&f);
	return text;
}

static void test_same_detections(void **state)
{
	char *plain = detections_of(false), *odd = detections_of(true);

	(void)state;
	assert_non_null(strstr(plain, "\"tier\":\"growing\",\"state\":\"raised\""));
	assert_string_equal(plain, odd);
	free(plain);
	free(odd);
}

/* Hours without a record: what was seen last is what there was. */
static void test_hours_of_silence(void **state)
{
	struct fixture *f = *state;

	for (uint64_t s = 1; s <= 30; s++) {
		put(f, rss(MM, START_NS + s * SECOND_NS, 50 * MIB));
		put(f, tick(START_NS + s * SECOND_NS + SECOND_NS / 2));
	}
	put(f, tick(START_NS + 5 * HOUR_NS));
	for (uint64_t s = 1; s <= 30; s++)
		put(f, tick(START_NS + 5 * HOUR_NS + s * SECOND_NS));
	assert_int_equal(session_finish(f->session), 0);
	assert_null(strstr(f->text, "\"type\":\"detection\""));
	assert_int_equal(session_skipped(f->session), 0);
}

static void test_names(void **state)
{
	(void)state;
	for (int i = 0; i < SESSION_SKIPS; i++) {
		assert_true(*session_skip_name((enum session_skip)i));
		assert_true(*session_skip_meaning((enum session_skip)i));
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_unknown),
		TEST(test_unknown_cgroup),
		TEST(test_again_after_exit),
		TEST(test_process_twice),
		TEST(test_out_of_order),
		TEST(test_duplicates),
		TEST(test_stale),
		TEST(test_ahead_once),
		TEST(test_ahead_for_good),
		TEST(test_absurd),
		cmocka_unit_test(test_same_detections),
		TEST(test_hours_of_silence),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
