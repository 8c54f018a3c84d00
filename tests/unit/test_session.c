// SPDX-License-Identifier: GPL-2.0-or-later
/* Records in, detections.jsonl out: what stands in each line, and what is refused. */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/session.h"
#include "tests/unit/fixtures/cmocka_all.h"

#define SECOND_NS 1000000000ULL
#define MIB (1ULL << 20)

struct fixture {
	struct session *session;
	FILE *out;
	char *text;
	size_t size;
};

static void open_session(struct fixture *f, bool for_people, uint32_t max)
{
	f->out = open_memstream(&f->text, &f->size);
	assert_non_null(f->out);
	f->session = session_new(&(struct session_options){
		.out = f->out, .for_people = for_people, .max_processes = max });
	assert_non_null(f->session);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	open_session(f, false, 0);
	*state = f;
	return 0;
}

static void close_session(struct fixture *f)
{
	session_free(f->session);
	fclose(f->out);
	free(f->text);
}

static int tear_down(void **state)
{
	close_session(*state);
	free(*state);
	return 0;
}

static int put(struct fixture *f, const struct record *record)
{
	return session_put(f->session, record);
}

static void put_header(struct fixture *f)
{
	assert_int_equal(put(f, &(struct record){ .type = RECORD_HEADER,
					.t_ns = 1,
					.header.source = "sim" }),
		0);
}

static void put_cgroup(
	struct fixture *f, uint64_t id, const char *path, uint64_t limit, const char *limit_path)
{
	assert_int_equal(put(f, &(struct record){ .type = RECORD_CGROUP,
					.t_ns = 1,
					.cgroup = { .id = id,
						.path = path,
						.version = 2,
						.limit_bytes = limit,
						.limit_cgroup = limit_path,
						.ram_bytes = 1 << 30 } }),
		0);
}

static void put_process(
	struct fixture *f, uint64_t mm, uint32_t pid, const char *comm, uint64_t cgroup)
{
	assert_int_equal(put(f, &(struct record){ .type = RECORD_PROCESS,
					.t_ns = 1,
					.process = { .mm = mm,
						.pid = pid,
						.comm = comm,
						.cgroup = cgroup,
						.origin = "exec" } }),
		0);
}

static int put_rss(struct fixture *f, uint64_t mm, uint64_t t_ns, uint64_t anon_bytes)
{
	return put(f, &(struct record){ .type = RECORD_RSS,
			      .t_ns = t_ns,
			      .rss = { .mm = mm, .anon_bytes = anon_bytes } });
}

static void put_exit(struct fixture *f, uint64_t mm, uint64_t t_ns)
{
	assert_int_equal(put(f, &(struct record){ .type = RECORD_EXIT,
					.t_ns = t_ns,
					.exit = { .mm = mm, .reason = "exit" } }),
		0);
}

/* mm grows by 1 MiB/s from 10 MiB, from @from to @until seconds. */
static void grow(struct fixture *f, uint64_t mm, int from, int until)
{
	for (int i = from * 10; i < until * 10; i++)
		assert_int_equal(put_rss(f, mm, SECOND_NS + (uint64_t)i * SECOND_NS / 10,
					 10 * MIB + (uint64_t)i * MIB / 10),
			0);
}

/* The newest detection line of @state, parsed; the caller releases it. */
static json_t *find_detection(struct fixture *f, uint64_t mm, const char *tier, const char *state)
{
	json_t *found = NULL;

	fflush(f->out);
	for (char *at = f->text; at && *at; at = strchr(at, '\n') + 1) {
		json_t *line = json_loadb(at, (size_t)(strchr(at, '\n') - at), 0, NULL);

		assert_non_null(line);
		if (json_string_value(json_object_get(line, "tier")) &&
			strcmp(json_string_value(json_object_get(line, "tier")), tier) == 0 &&
			strcmp(json_string_value(json_object_get(line, "state")), state) == 0 &&
			json_integer_value(json_object_get(line, "mm")) == (json_int_t)mm) {
			json_decref(found);
			found = json_incref(line);
		}
		json_decref(line);
	}
	return found;
}

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static double number_of(const json_t *object, const char *key)
{
	assert_true(json_is_number(json_object_get(object, key)));
	return json_number_value(json_object_get(object, key));
}

static void test_empty(void **state)
{
	struct fixture *f = *state;

	put_header(f);
	assert_int_equal(put(f, &(struct record){ .type = RECORD_END, .t_ns = 77 }), 0);
	assert_int_equal(session_finish(f->session), 0);
	assert_non_null(strstr(f->text, "\"type\":\"header\",\"format\":\"leaklab.detections\""));
	assert_non_null(strstr(f->text,
		"{\"type\":\"end\",\"t_ns\":77,\"samples\":0,\"processes\":0,\"lost\":0,"
		"\"complete\":true,\"skipped\":{}}\n"));
}

static void test_detection_line(void **state)
{
	struct fixture *f = *state;
	json_t *line;

	put_header(f);
	put_cgroup(f, 5, "/a/b", 100 * MIB, "/a");
	put_process(f, 1, 4711, "prog", 5);
	assert_int_equal(put(f, &(struct record){ .type = RECORD_LOSS, .t_ns = 1, .lost = 3 }), 0);
	grow(f, 1, 0, 10);
	line = find_detection(f, 1, "growing", "raised");
	assert_non_null(line);
	assert_string_equal(text_of(line, "type"), "detection");
	assert_int_equal(number_of(line, "pid"), 4711);
	assert_string_equal(text_of(line, "comm"), "prog");
	assert_string_equal(text_of(line, "cgroup"), "/a/b");
	assert_string_equal(text_of(line, "limit_cgroup"), "/a");
	assert_int_equal(number_of(line, "limit_bytes"), 100 * MIB);
	assert_true(number_of(line, "time_to_limit_s") > 50);
	assert_true(number_of(line, "time_to_limit_s") < 150);
	assert_string_equal(text_of(json_object_get(line, "evidence"), "source"), "sim");
	assert_int_equal(number_of(json_object_get(line, "evidence"), "lost"), 3);
	json_decref(line);
	put_exit(f, 1, 100 * SECOND_NS);
	line = find_detection(f, 1, "growing", "ended");
	assert_non_null(line);
	/* Of the process that it was, although that is gone. */
	assert_int_equal(number_of(line, "pid"), 4711);
	json_decref(line);
	assert_int_equal(session_counts(f->session).tracked, 0);
	assert_int_equal(session_counts(f->session).lost, 3);
	assert_int_equal(session_counts(f->session).samples, 100);
	assert_int_equal(session_counts(f->session).processes, 1);
}

static void test_unlimited_has_no_time_to_limit(void **state)
{
	struct fixture *f = *state;
	json_t *line;

	put_header(f);
	put_cgroup(f, 5, NULL, RECORD_UNLIMITED, NULL);
	/* A path that binds without a limit contradicts itself: it is none. */
	put_cgroup(f, 6, "/x", RECORD_UNLIMITED, "/x");
	put_process(f, 1, 1, "a", 5);
	put_process(f, 2, 2, "b", 6);
	put_process(f, 3, 3, "c", 7);
	for (uint64_t mm = 1; mm <= 3; mm++) {
		grow(f, mm, 20 * (int)mm, 20 * (int)mm + 10);
		line = find_detection(f, mm, "growing", "raised");
		assert_non_null(line);
		assert_true(json_is_null(json_object_get(line, "limit_bytes")));
		assert_true(json_is_null(json_object_get(line, "time_to_limit_s")));
		json_decref(line);
	}
}

static double time_to_limit(struct fixture *f)
{
	json_t *line = find_detection(f, 1, "growing", "updated");
	double seconds;

	assert_non_null(line);
	seconds = number_of(line, "time_to_limit_s") * number_of(line, "rate_bytes_per_s") / MIB;
	json_decref(line);
	return seconds;
}

/* All that lives below the cgroup that binds fills its limit, whatever limits it has itself. */
static void test_headroom_counts_all_below_the_limit(void **state)
{
	struct fixture *f = *state;

	put_header(f);
	put_cgroup(f, 1, "/pod/a", 200 * MIB, "/pod");
	put_cgroup(f, 2, "/pod/b", 200 * MIB, "/pod");
	put_cgroup(f, 3, "/pod/c", 60 * MIB, "/pod/c");
	put_cgroup(f, 4, "/pod/c/d", 60 * MIB, "/pod/c");
	put_cgroup(f, 5, "/podium", 200 * MIB, "/podium");
	put_cgroup(f, 6, NULL, RECORD_UNLIMITED, NULL);
	put_process(f, 1, 1, "grower", 1);
	for (uint64_t mm = 2; mm <= 6; mm++) {
		put_process(f, mm, (uint32_t)mm, "other", mm);
		assert_int_equal(put_rss(f, mm, SECOND_NS, 20 * MIB), 0);
	}
	grow(f, 1, 0, 10);
	/* 200, of which 60 are others', and about 17 its own at the update. */
	assert_true(fabs(time_to_limit(f) - 123) < 5);
	/* One leaves, one moves away. */
	put_exit(f, 2, 11 * SECOND_NS);
	put_process(f, 3, 3, "other", 5);
	grow(f, 1, 10, 16);
	assert_true(fabs(time_to_limit(f) - 157) < 6);
}

static void test_limit_at_the_root(void **state)
{
	struct fixture *f = *state;

	put_header(f);
	put_cgroup(f, 1, "/a", 100 * MIB, "/");
	put_cgroup(f, 2, "/b", 100 * MIB, "/");
	put_process(f, 1, 1, "grower", 1);
	put_process(f, 2, 2, "other", 2);
	assert_int_equal(put_rss(f, 2, SECOND_NS, 50 * MIB), 0);
	grow(f, 1, 0, 10);
	assert_true(fabs(time_to_limit(f) - 33) < 5);
}

static void test_full_limit(void **state)
{
	struct fixture *f = *state;

	put_header(f);
	put_cgroup(f, 1, "/a", 1 * MIB, "/a");
	put_process(f, 1, 1, "grower", 1);
	grow(f, 1, 0, 10);
	assert_true(time_to_limit(f) == 0);
}

static void test_swap_fills_no_limit(void **state)
{
	struct fixture *f = *state;

	put_header(f);
	put_cgroup(f, 1, "/a", 100 * MIB, "/a");
	put_process(f, 1, 1, "grower", 1);
	put_process(f, 2, 2, "other", 1);
	assert_int_equal(put(f, &(struct record){ .type = RECORD_RSS,
					.t_ns = SECOND_NS,
					.rss = { .mm = 2,
						.swap_bytes = 90 * MIB,
						.file_bytes = MIB,
						.shmem_bytes = MIB } }),
		0);
	grow(f, 1, 0, 10);
	assert_true(fabs(time_to_limit(f) - 81) < 5);
}

static void test_changed_limit(void **state)
{
	struct fixture *f = *state;
	json_t *line;

	put_header(f);
	put_cgroup(f, 1, "/a", 100 * MIB, "/a");
	put_process(f, 1, 1, "old name", 1);
	grow(f, 1, 0, 5);
	put_cgroup(f, 1, "/a", 50 * MIB, "/");
	put_process(f, 1, 1, "new name", 1);
	grow(f, 1, 5, 10);
	line = find_detection(f, 1, "growing", "updated");
	assert_int_equal(number_of(line, "limit_bytes"), 50 * MIB);
	assert_string_equal(text_of(line, "limit_cgroup"), "/");
	assert_string_equal(text_of(line, "comm"), "new name");
	json_decref(line);
}

static void test_sample_without_a_process(void **state)
{
	struct fixture *f = *state;

	put_header(f);
	assert_int_equal(put_rss(f, 99, SECOND_NS, 1), 0);
	assert_int_equal(session_counts(f->session).skipped[SKIP_UNKNOWN_MM], 1);
	put_process(f, 1, 1, "a", 5);
	put_exit(f, 1, SECOND_NS);
	assert_int_equal(put_rss(f, 1, SECOND_NS, 1), 0);
	put_exit(f, 1, SECOND_NS);
	put_exit(f, 77, SECOND_NS);
	assert_int_equal(session_counts(f->session).skipped[SKIP_UNKNOWN_MM], 4);
	assert_int_equal(session_counts(f->session).samples, 0);
}

static void test_more_processes_than_the_detector_takes(void **state)
{
	struct fixture f = {};

	(void)state;
	open_session(&f, false, 2);
	put_header(&f);
	for (uint64_t mm = 1; mm <= 5; mm++) {
		put_process(&f, mm, (uint32_t)mm, "a", 5);
		assert_int_equal(put_rss(&f, mm, SECOND_NS, 1), 0);
	}
	assert_int_equal(session_counts(f.session).tracked, 2);
	assert_int_equal(session_counts(f.session).skipped[SKIP_NO_ROOM], 3);
	assert_int_equal(session_counts(f.session).processes, 5);
	assert_int_equal(session_counts(f.session).samples, 5);
	close_session(&f);
}

static void test_hostile_names(void **state)
{
	char comm[200], path[4096];
	struct fixture *f = *state;
	json_t *line;

	memset(comm, '\xff', sizeof(comm));
	comm[sizeof(comm) - 1] = '\0';
	memset(path, 1, sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	put_header(f);
	put_cgroup(f, 1, path, 100 * MIB, path);
	put_process(f, 1, 1, comm, 1);
	grow(f, 1, 0, 10);
	line = find_detection(f, 1, "growing", "raised");
	assert_string_equal(text_of(line, "cgroup"), path);
	json_decref(line);
}

static void test_for_people(void **state)
{
	struct fixture f = {};

	(void)state;
	open_session(&f, true, 0);
	put_header(&f);
	put_cgroup(&f, 1, "/a\x1b[31m\n", 100 * MIB, "/a");
	put_process(&f, 1, 4711, "na\x1b]0;me\x07", 1);
	grow(&f, 1, 0, 10);
	assert_int_equal(session_finish(f.session), 0);
	assert_non_null(strstr(f.text, "pid 4711"));
	assert_non_null(strstr(f.text, "na?]0;me?"));
	assert_non_null(strstr(f.text, "limit in"));
	assert_null(strchr(f.text, '\x1b'));
	assert_null(strchr(f.text, '\x07'));
	assert_null(strchr(f.text, '{'));
	close_session(&f);
}

static void test_write_errors_are_reported(void **state)
{
	struct session *session;
	FILE *full = fopen("/dev/full", "we");
	struct fixture f = {};
	int err = 0;

	(void)state;
	if (!full)
		skip();
	setvbuf(full, NULL, _IONBF, 0);
	for (int people = 0; people < 2; people++) {
		session = session_new(
			&(struct session_options){ .out = full, .for_people = people == 1 });
		f.session = session;
		err = put(&f, &(struct record){
				      .type = RECORD_HEADER, .t_ns = 1, .header.source = "sim" });
		assert_int_equal(err, people ? 0 : -ENOSPC);
		put(&f, &(struct record){
				.type = RECORD_PROCESS, .process = { .mm = 1, .comm = "a" } });
		err = 0;
		for (uint64_t i = 0; i < 100 && !err; i++)
			err = put_rss(&f, 1, SECOND_NS + i * SECOND_NS / 10, i * MIB);
		assert_int_equal(err, -ENOSPC);
		if (!people)
			assert_int_equal(session_finish(session), -ENOSPC);
		session_free(session);
	}
	fclose(full);
	session_free(NULL);
}

/* Whoever reads detections knows how long they waited. */
static void test_patience_is_stated(void **state)
{
	const struct {
		uint64_t patience_ns;
		const char *stated;
	} cases[] = {
		{ 0, "\"patience_s\":224.000}\n" },
		{ 600 * SECOND_NS, "\"patience_s\":600.000}\n" },
		{ 128500 * (SECOND_NS / 1000), "\"patience_s\":128.500}\n" },
	};
	struct fixture f;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		f = (struct fixture){};
		f.out = open_memstream(&f.text, &f.size);
		f.session = session_new(&(struct session_options){
			.out = f.out, .patience_ns = cases[i].patience_ns });
		assert_non_null(f.session);
		put_header(&f);
		assert_int_equal(session_finish(f.session), 0);
		assert_non_null(strstr(f.text, cases[i].stated));
		close_session(&f);
	}
	assert_null(session_new(&(struct session_options){ .patience_ns = 1 }));
}

static void test_without_output(void **state)
{
	struct fixture f = { .session = session_new(&(struct session_options){}) };

	(void)state;
	put_header(&f);
	put_process(&f, 1, 1, "a", 1);
	grow(&f, 1, 0, 10);
	assert_true(session_counts(f.session).detections > 0);
	assert_int_equal(session_finish(f.session), 0);
	session_free(f.session);
}

/* Thousands of each, coming and going. */
static void test_many(void **state)
{
	struct fixture *f = *state;
	char path[64];

	put_header(f);
	for (int round = 0; round < 2; round++) {
		for (uint64_t i = 1; i <= 5000; i++) {
			snprintf(path, sizeof(path), "/c%d", (int)i);
			put_cgroup(f, i, path, 100 * MIB, path);
			put_process(f, i, (uint32_t)i, "a", i);
			assert_int_equal(put_rss(f, i, SECOND_NS, MIB), 0);
		}
		assert_int_equal(session_counts(f->session).tracked, 5000);
		for (uint64_t i = 1; i <= 5000; i++)
			put_exit(f, i, SECOND_NS);
		assert_int_equal(session_counts(f->session).tracked, 0);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_empty, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_detection_line, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_unlimited_has_no_time_to_limit, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_headroom_counts_all_below_the_limit, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_limit_at_the_root, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_full_limit, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_swap_fills_no_limit, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_changed_limit, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_sample_without_a_process, set_up, tear_down),
		cmocka_unit_test(test_more_processes_than_the_detector_takes),
		cmocka_unit_test_setup_teardown(test_hostile_names, set_up, tear_down),
		cmocka_unit_test(test_for_people),
		cmocka_unit_test(test_write_errors_are_reported),
		cmocka_unit_test(test_patience_is_stated),
		cmocka_unit_test(test_without_output),
		cmocka_unit_test_setup_teardown(test_many, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
