// SPDX-License-Identifier: GPL-2.0-or-later
/* What record_write() writes, record_read() reads: every type, every field, hostile strings. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/output/record.h"
#include "tests/unit/fixtures/cmocka_all.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct record header = {
	.type = RECORD_HEADER,
	.t_ns = 1,
	.header =
		{
			.source = "sim",
			.kernel = "6.18",
			.scope = "/scope",
			.wall_ns = 2,
			.page_bytes = 4096,
			.cpus = 3,
			.interval_ns = 4,
			.threshold_bytes = 5,
		},
};

/* Writes a header and @record, reads both back; the caller frees the reader, which owns strings. */
static struct record_reader *round_trip(const struct record *record, struct record *ret)
{
	struct record_reader *reader;
	size_t size = 0;
	char *text = NULL;
	FILE *file = open_memstream(&text, &size);

	assert_non_null(file);
	assert_int_equal(record_write(file, &header), 0);
	if (record->type != RECORD_HEADER)
		assert_int_equal(record_write(file, record), 0);
	fclose(file);
	assert_true(text[size - 1] == '\n');
	file = fmemopen(text, size, "r");
	reader = record_reader_new(file, "test");
	assert_int_equal(record_read(reader, ret), 1);
	assert_int_equal(ret->type, RECORD_HEADER);
	if (record->type != RECORD_HEADER)
		assert_int_equal(record_read(reader, ret), 1);
	assert_int_equal(ret->type, record->type);
	assert_int_equal(ret->t_ns, record->t_ns);
	assert_false(record_reader_truncated(reader));
	fclose(file);
	free(text);
	return reader;
}

static void expect_text(const char *is, const char *should)
{
	if (should)
		assert_string_equal(is, should);
	else
		assert_null(is);
}

static void test_header(void **state)
{
	struct record back;
	struct record_reader *reader = round_trip(&header, &back);

	(void)state;
	assert_string_equal(back.header.source, "sim");
	assert_string_equal(back.header.kernel, "6.18");
	assert_string_equal(back.header.scope, "/scope");
	assert_int_equal(back.header.wall_ns, 2);
	assert_int_equal(back.header.page_bytes, 4096);
	assert_int_equal(back.header.cpus, 3);
	assert_int_equal(back.header.interval_ns, 4);
	assert_int_equal(back.header.threshold_bytes, 5);
	record_reader_free(reader);
}

static void test_cgroup(void **state)
{
	struct record back, record = {
		.type = RECORD_CGROUP,
		.t_ns = 10,
		.cgroup = { .id = 11,
			.path = "/a/b",
			.version = 2,
			.limit_bytes = 12,
			.limit_cgroup = "/a",
			.ram_bytes = 13 },
	};
	struct record_reader *reader = round_trip(&record, &back);

	(void)state;
	assert_int_equal(back.cgroup.id, 11);
	assert_string_equal(back.cgroup.path, "/a/b");
	assert_int_equal(back.cgroup.version, 2);
	assert_int_equal(back.cgroup.limit_bytes, 12);
	assert_string_equal(back.cgroup.limit_cgroup, "/a");
	assert_int_equal(back.cgroup.ram_bytes, 13);
	record_reader_free(reader);

	record.cgroup.path = NULL;
	record.cgroup.limit_bytes = RECORD_UNLIMITED;
	record.cgroup.limit_cgroup = NULL;
	reader = round_trip(&record, &back);
	assert_null(back.cgroup.path);
	assert_true(back.cgroup.limit_bytes == RECORD_UNLIMITED);
	assert_null(back.cgroup.limit_cgroup);
	record_reader_free(reader);
}

static void test_cgroup_of_the_second_ledger(void **state)
{
	struct record back, record = {
		.type = RECORD_CGROUP,
		.t_ns = 10,
		.cgroup = { .id = 11,
			.path = "/a/b",
			.version = 2,
			.limit_bytes = 12,
			.limit_cgroup = "/a",
			.ram_bytes = 13,
			.parent = 14,
			.high_bytes = 15,
			.high_cgroup = "/high",
			.swap_limit_bytes = 0,
			.swap_limit_cgroup = "/swap",
			.container = { "podman", "id\xff", "name\n", NULL } },
	};
	struct record_reader *reader = round_trip(&record, &back);

	(void)state;
	assert_int_equal(back.cgroup.parent, 14);
	assert_int_equal(back.cgroup.high_bytes, 15);
	assert_string_equal(back.cgroup.high_cgroup, "/high");
	assert_int_equal(back.cgroup.swap_limit_bytes, 0);
	assert_string_equal(back.cgroup.swap_limit_cgroup, "/swap");
	assert_string_equal(back.cgroup.container.runtime, "podman");
	assert_string_equal(back.cgroup.container.id, "id\\xff");
	assert_string_equal(back.cgroup.container.name, "name\n");
	assert_null(back.cgroup.container.pod);
	record_reader_free(reader);

	record.cgroup.parent = 0;
	record.cgroup.high_bytes = record.cgroup.swap_limit_bytes = RECORD_UNLIMITED;
	record.cgroup.container.runtime = NULL;
	reader = round_trip(&record, &back);
	assert_int_equal(back.cgroup.parent, 0);
	assert_true(back.cgroup.high_bytes == RECORD_UNLIMITED);
	assert_true(back.cgroup.swap_limit_bytes == RECORD_UNLIMITED);
	assert_null(back.cgroup.container.runtime);
	assert_null(back.cgroup.container.id);
	record_reader_free(reader);
}

/* Each of its figures has its own value, then each is unknown. */
static void test_memcg(void **state)
{
	struct record back, record = { .type = RECORD_MEMCG, .t_ns = 5, .memcg.cgroup = 6 };
	uint64_t *values = (uint64_t *)&record.memcg.usage;
	size_t n = sizeof(record.memcg.usage) / sizeof(*values);
	struct record_reader *reader;

	(void)state;
	for (size_t i = 0; i < n; i++)
		values[i] = 100 + i;
	reader = round_trip(&record, &back);
	assert_int_equal(back.memcg.cgroup, 6);
	assert_memory_equal(&back.memcg.usage, &record.memcg.usage, sizeof(record.memcg.usage));
	record_reader_free(reader);
	for (size_t i = 0; i < n; i++)
		values[i] = MEMCG_UNKNOWN;
	reader = round_trip(&record, &back);
	assert_memory_equal(&back.memcg.usage, &record.memcg.usage, sizeof(record.memcg.usage));
	record_reader_free(reader);
}

static void test_cgroup_end(void **state)
{
	struct record back, record = { .type = RECORD_CGROUP_END, .t_ns = 5, .cgroup_end = 77 };
	struct record_reader *reader = round_trip(&record, &back);

	(void)state;
	assert_int_equal(back.cgroup_end, 77);
	record_reader_free(reader);
}

static void test_process(void **state)
{
	struct record back, record = {
		.type = RECORD_PROCESS,
		.t_ns = 20,
		.process = { .mm = 21,
			.pid = UINT32_MAX,
			.start_ns = 23,
			.comm = "c",
			.cgroup = 24,
			.origin = "exec" },
	};
	struct record_reader *reader = round_trip(&record, &back);

	(void)state;
	assert_int_equal(back.process.mm, 21);
	assert_int_equal(back.process.pid, UINT32_MAX);
	assert_int_equal(back.process.start_ns, 23);
	assert_string_equal(back.process.comm, "c");
	assert_int_equal(back.process.cgroup, 24);
	assert_string_equal(back.process.origin, "exec");
	record_reader_free(reader);
}

static void test_rss(void **state)
{
	struct record back, record = {
		.type = RECORD_RSS,
		.t_ns = INT64_MAX,
		.rss = { .mm = 31,
			.anon_bytes = 32,
			.file_bytes = INT64_MAX,
			.swap_bytes = 34,
			.shmem_bytes = 0,
			.events = 36,
			.error_bytes = 37 },
	};
	struct record_reader *reader = round_trip(&record, &back);

	(void)state;
	assert_memory_equal(&back.rss, &record.rss, sizeof(back.rss));
	record_reader_free(reader);
}

static void test_exit_tick_loss(void **state)
{
	struct record back;
	struct record_reader *reader = round_trip(
		&(struct record){
			.type = RECORD_EXIT, .t_ns = 40, .exit = { .mm = 41, .reason = "exec" } },
		&back);

	(void)state;
	assert_int_equal(back.exit.mm, 41);
	assert_string_equal(back.exit.reason, "exec");
	record_reader_free(reader);
	reader = round_trip(&(struct record){ .type = RECORD_TICK, .t_ns = 50 }, &back);
	record_reader_free(reader);
	reader = round_trip(&(struct record){ .type = RECORD_LOSS, .t_ns = 60, .lost = 61 }, &back);
	assert_int_equal(back.lost, 61);
	record_reader_free(reader);
}

static void test_end(void **state)
{
	struct record back, record = {
		.type = RECORD_END,
		.t_ns = 70,
		.end = { .reason = "duration",
			.records = 71,
			.events = 72,
			.lost = 73,
			.overflow = 74,
			.lag_p50_ns = 75,
			.lag_p99_ns = 76,
			.lag_max_ns = 77,
			.looks = 78,
			.ring_bytes = 4096,
			.ring_peak_bytes = 312 },
	};
	struct record_reader *reader = round_trip(&record, &back);

	(void)state;
	assert_string_equal(back.end.reason, "duration");
	assert_int_equal(back.end.records, 71);
	assert_int_equal(back.end.events, 72);
	assert_int_equal(back.end.lost, 73);
	assert_int_equal(back.end.overflow, 74);
	assert_int_equal(back.end.lag_p50_ns, 75);
	assert_int_equal(back.end.lag_p99_ns, 76);
	assert_int_equal(back.end.lag_max_ns, 77);
	assert_int_equal(back.end.looks, 78);
	assert_int_equal(back.end.ring_bytes, 4096);
	assert_int_equal(back.end.ring_peak_bytes, 312);
	record_reader_free(reader);
}

/* Names come back as they were; bytes that are not UTF-8 come back as the text \xHH. */
static void test_hostile_strings(void **state)
{
	static const char *const names[][2] = {
		{ "", "" },
		{ "with blank", "with blank" },
		{ "\"quotes\" and \\ backslashes \\", "\"quotes\" and \\ backslashes \\" },
		{ "\n\r\t\b\f\x01\x1f\x7f", "\n\r\t\b\f\x01\x1f\x7f" },
		{ "%s%n%d", "%s%n%d" },
		{ "\",\"mm\":1}\n{\"type\":\"end\"}", "\",\"mm\":1}\n{\"type\":\"end\"}" },
		{ "\xe2\x82\xac \xf0\x9f\x98\x80", "\xe2\x82\xac \xf0\x9f\x98\x80" },
		{ "\xff\xfe", "\\xff\\xfe" },
		{ "cut \xe2\x82", "cut \\xe2\\x82" },
		{ "\xc0\xaf", "\\xc0\\xaf" },
		{ "\xed\xa0\x80", "\\xed\\xa0\\x80" },
		{ "\\xff", "\\xff" },
		{ "\x1b[31mred", "\x1b[31mred" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		struct record back;
		struct record_reader *reader = round_trip(&(struct record){ .type = RECORD_PROCESS,
								  .process = { .mm = 1,
									  .comm = names[i][0],
									  .origin = names[i][0] } },
			&back);

		expect_text(back.process.comm, names[i][1]);
		expect_text(back.process.origin, names[i][1]);
		record_reader_free(reader);
	}
}

static void test_longest_paths(void **state)
{
	struct record_reader *reader;
	struct record back;
	char path[4096];

	(void)state;
	memset(path, 1, sizeof(path));
	path[sizeof(path) - 1] = '\0';
	reader = round_trip(&(struct record){ .type = RECORD_CGROUP,
				    .cgroup = { .id = 1, .path = path, .limit_cgroup = path } },
		&back);
	assert_string_equal(back.cgroup.path, path);
	assert_string_equal(back.cgroup.limit_cgroup, path);
	record_reader_free(reader);
}

/* JSON readers take signed 64 bits: what is larger must not get into a file that none can read. */
static void test_too_large_to_read_back(void **state)
{
	char buf[4096];
	FILE *out = fmemopen(buf, sizeof(buf), "w");

	(void)state;
	assert_int_equal(record_write(out, &(struct record){ .type = RECORD_RSS,
						   .rss.anon_bytes = 1ULL << 63 }),
		-ERANGE);
	assert_int_equal(record_write(out, &(struct record){ .type = RECORD_CGROUP,
						   .cgroup.limit_bytes = UINT64_MAX - 1 }),
		-ERANGE);
	assert_int_equal(ftell(out), 0);
	fclose(out);
}

static void test_write_errors(void **state)
{
	FILE *full = fopen("/dev/full", "we");
	struct record record = { .type = RECORD_TICK };

	(void)state;
	if (!full)
		skip();
	setvbuf(full, NULL, _IONBF, 0);
	assert_int_equal(record_write(full, &record), -ENOSPC);
	fclose(full);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_cgroup),
		cmocka_unit_test(test_cgroup_of_the_second_ledger),
		cmocka_unit_test(test_memcg),
		cmocka_unit_test(test_cgroup_end),
		cmocka_unit_test(test_process),
		cmocka_unit_test(test_rss),
		cmocka_unit_test(test_exit_tick_loss),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_hostile_strings),
		cmocka_unit_test(test_longest_paths),
		cmocka_unit_test(test_too_large_to_read_back),
		cmocka_unit_test(test_write_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
