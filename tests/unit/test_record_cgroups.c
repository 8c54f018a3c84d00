// SPDX-License-Identifier: GPL-2.0-or-later
/* Records of cgroups: who they belong to, what binds them, their ends and their victims. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/output/record.h"
#include "tests/unit/fixtures/cmocka_all.h"

#define HEADER                                                                                     \
	"{\"type\":\"header\",\"format\":\"leaklab.samples\",\"version\":1,\"t_ns\":1,"            \
	"\"source\":\"sim\",\"wall_ns\":2,\"page_bytes\":4096,\"cpus\":1,\"kernel\":\"k\","        \
	"\"interval_ns\":3,\"threshold_bytes\":4,\"scope\":null}\n"
#define CGROUP                                                                                     \
	"{\"type\":\"cgroup\",\"t_ns\":5,\"cgroup\":6,\"path\":\"/a\",\"version\":2,"              \
	"\"limit_bytes\":null,\"limit_cgroup\":null,\"ram_bytes\":7"

/* Reads the record of @line. The caller frees the reader, which owns the strings. */
static int read_line(const char *line, struct record_reader **ret_reader, struct record *ret)
{
	char *text;
	FILE *file;
	int read;

	assert_true(asprintf(&text, HEADER "%s", line) > 0);
	file = fmemopen(text, strlen(text), "r");
	*ret_reader = record_reader_new(file, "test");
	assert_int_equal(record_read(*ret_reader, ret), 1);
	read = record_read(*ret_reader, ret);
	fclose(file);
	free(text);
	return read;
}

static struct record_reader *round_trip(const struct record *record, struct record *ret)
{
	struct record_reader *reader;
	char *line = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&line, &size);

	assert_int_equal(record_write(file, record), 0);
	fclose(file);
	assert_int_equal(read_line(line, &reader, ret), 1);
	assert_int_equal(ret->type, record->type);
	assert_int_equal(ret->t_ns, record->t_ns);
	free(line);
	return reader;
}

static void test_all_that_binds(void **state)
{
	struct record back, record = {
		.type = RECORD_CGROUP,
		.t_ns = 1,
		.cgroup = { .id = 2,
			.path = "/a/b",
			.version = 2,
			.limit_bytes = 3,
			.limit_cgroup = "/a",
			.ram_bytes = 4,
			.parent = 5,
			.high_bytes = 6,
			.high_cgroup = "/",
			.swap_limit_bytes = 0,
			.swap_limit_cgroup = "/a/b",
			.container = { "podman", "1234", "web", "shop" },
			.limit_unknown = true },
	};
	struct record_reader *reader = round_trip(&record, &back);

	(void)state;
	assert_int_equal(back.cgroup.parent, 5);
	assert_int_equal(back.cgroup.high_bytes, 6);
	assert_string_equal(back.cgroup.high_cgroup, "/");
	assert_int_equal(back.cgroup.swap_limit_bytes, 0);
	assert_string_equal(back.cgroup.swap_limit_cgroup, "/a/b");
	assert_string_equal(back.cgroup.container.runtime, "podman");
	assert_string_equal(back.cgroup.container.id, "1234");
	assert_string_equal(back.cgroup.container.name, "web");
	assert_string_equal(back.cgroup.container.pod, "shop");
	assert_true(back.cgroup.limit_unknown);
	record_reader_free(reader);

	record.cgroup.limit_unknown = false;
	record.cgroup.container = (struct record_container){ .runtime = "docker", .id = "1" };
	record.cgroup.parent = 0;
	record.cgroup.high_bytes = record.cgroup.swap_limit_bytes = RECORD_UNLIMITED;
	reader = round_trip(&record, &back);
	assert_false(back.cgroup.limit_unknown);
	assert_null(back.cgroup.container.name);
	assert_null(back.cgroup.container.pod);
	assert_int_equal(back.cgroup.parent, 0);
	assert_true(back.cgroup.high_bytes == RECORD_UNLIMITED);
	assert_true(back.cgroup.swap_limit_bytes == RECORD_UNLIMITED);
	record_reader_free(reader);
}

/* A recording from before these keys: none of it is known, or binds. */
static void test_older_recordings(void **state)
{
	struct record_reader *reader;
	struct record back;

	(void)state;
	assert_int_equal(read_line(CGROUP "}\n", &reader, &back), 1);
	assert_int_equal(back.cgroup.parent, 0);
	assert_true(back.cgroup.high_bytes == RECORD_UNLIMITED);
	assert_true(back.cgroup.swap_limit_bytes == RECORD_UNLIMITED);
	assert_null(back.cgroup.container.runtime);
	assert_false(back.cgroup.limit_unknown);
	record_reader_free(reader);
}

static void test_ends_and_victims(void **state)
{
	struct record_reader *reader;
	struct record back;

	(void)state;
	reader = round_trip(
		&(struct record){ .type = RECORD_CGROUP_END, .t_ns = 1, .cgroup_end = 2 }, &back);
	assert_int_equal(back.cgroup_end, 2);
	record_reader_free(reader);
	reader = round_trip(&(struct record){ .type = RECORD_OOM,
				    .t_ns = 1,
				    .oom = { .pid = 2, .comm = "hog\xff", .cgroup = 3 } },
		&back);
	assert_int_equal(back.oom.pid, 2);
	assert_string_equal(back.oom.comm, "hog\\xff");
	assert_int_equal(back.oom.cgroup, 3);
	record_reader_free(reader);
	reader = round_trip(
		&(struct record){ .type = RECORD_OOM, .t_ns = 1, .oom = { .pid = 2 } }, &back);
	assert_null(back.oom.comm);
	assert_int_equal(back.oom.cgroup, 0);
	record_reader_free(reader);
}

/* Each byte is escaped to six, in five paths. */
static void test_longest_of_all(void **state)
{
	struct record_reader *reader;
	struct record back;
	char path[4096], name[256];

	(void)state;
	memset(path, 1, sizeof(path));
	path[sizeof(path) - 1] = '\0';
	memset(name, 1, sizeof(name));
	name[sizeof(name) - 1] = '\0';
	reader = round_trip(&(struct record){ .type = RECORD_CGROUP,
				    .cgroup = { .id = 1,
					    .path = path,
					    .limit_cgroup = path,
					    .high_cgroup = path,
					    .swap_limit_cgroup = path,
					    .container = { name, name, name, name } } },
		&back);
	assert_string_equal(back.cgroup.swap_limit_cgroup, path);
	assert_string_equal(back.cgroup.container.pod, name);
	record_reader_free(reader);
}

static void test_malformed(void **state)
{
	static const char *const lines[] = {
		CGROUP ",\"container\":7}\n",
		CGROUP ",\"container\":{}}\n",
		CGROUP ",\"container\":{\"runtime\":7}}\n",
		CGROUP ",\"limit_unknown\":1}\n",
		CGROUP ",\"parent\":-1}\n",
		CGROUP ",\"high_bytes\":\"x\"}\n",
		"{\"type\":\"oom\",\"t_ns\":1}\n",
		"{\"type\":\"oom\",\"t_ns\":1,\"pid\":4294967296,\"cgroup\":1,\"comm\":\"x\"}\n",
		"{\"type\":\"oom\",\"t_ns\":1,\"pid\":1,\"cgroup\":1,\"comm\":7}\n",
		"{\"type\":\"cgroup_end\",\"t_ns\":1}\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct record_reader *reader;
		struct record back;

		assert_int_equal(read_line(lines[i], &reader, &back), -EBADMSG);
		assert_non_null(strstr(record_reader_error(reader), "test:2: \""));
		record_reader_free(reader);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_that_binds),
		cmocka_unit_test(test_older_recordings),
		cmocka_unit_test(test_ends_and_victims),
		cmocka_unit_test(test_longest_of_all),
		cmocka_unit_test(test_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
