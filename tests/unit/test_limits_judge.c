// SPDX-License-Identifier: GPL-2.0-or-later
/* Verdicts of rows by how containers ended, and the table as text, XML and JSON. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lab/limits/table.h"
#include "lab/limits/trial.h"
#include "tests/unit/fixtures/cmocka_all.h"

#define MIB (1ULL << 20)

struct trial_case {
	enum probe_outcome under, over;
	uint64_t over_usage, over_swap;
	enum limits_verdict memory;
	const char *reason;
};

static const struct trial_case cases[] = {
	{ PROBE_HELD, PROBE_OOM_KILLED, 0, 0, LIMITS_PASS, "" },
	/* A limit that is too small for anything but the kill. */
	{ PROBE_NOTHING, PROBE_OOM_KILLED, 0, 0, LIMITS_PASS, "" },
	{ PROBE_HELD, PROBE_HELD, 34 * MIB, 0, LIMITS_FAIL, "not enforced" },
	{ PROBE_HELD, PROBE_HELD, 32 * MIB, 2 * MIB, LIMITS_PASS, "swapped out" },
	{ PROBE_HELD, PROBE_HELD, 33 * MIB, 2 * MIB, LIMITS_FAIL, "not enforced" },
	{ PROBE_HELD, PROBE_KILLED, 0, 0, LIMITS_FAIL, "not for want of memory" },
	{ PROBE_HELD, PROBE_ENDED, 0, 0, LIMITS_FAIL, "ended by itself" },
	{ PROBE_HELD, PROBE_STUCK, 0, 0, LIMITS_FAIL, "neither held nor killed" },
	{ PROBE_OOM_KILLED, PROBE_OOM_KILLED, 0, 0, LIMITS_FAIL, "what fits was not held" },
	{ PROBE_REFUSED, PROBE_REFUSED, 0, 0, LIMITS_FAIL, "what fits was not held" },
	{ PROBE_HELD, PROBE_NOTHING, 0, 0, LIMITS_SKIP, "not tried" },
};

static void fill(struct limits_trial *trial, const struct trial_case *c)
{
	*trial = (struct limits_trial)TRIAL_EMPTY;
	trial->under.outcome = c->under;
	trial->under.hold_bytes = 29 * MIB;
	trial->over.outcome = c->over;
	trial->over.hold_bytes = 34 * MIB;
	trial->over.usage.usage_bytes = c->over_usage;
	trial->over.usage.swap_bytes = c->over_swap;
}

static void test_memory(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct limits_row row = { .effective.value = limits_value_of(32 * MIB) };
		struct limits_trial trial;

		fill(&trial, &cases[i]);
		limits_judge_memory(&row, &trial);
		assert_int_equal(row.verdict, cases[i].memory);
		assert_non_null(strstr(row.reason, cases[i].reason));
		assert_true(row.verdict == LIMITS_PASS || *row.reason);
	}
}

static void judge_swap(struct limits_row *row, enum probe_outcome over, uint64_t under_swap,
	bool allowed, const char *no_swap)
{
	struct limits_trial trial = TRIAL_EMPTY;

	*row = (struct limits_row){ 0 };
	trial.under.outcome = PROBE_HELD;
	trial.under.usage.swap_bytes = under_swap;
	trial.over.outcome = over;
	limits_judge_swap(row, &trial, allowed, no_swap);
}

static void test_swap(void **state)
{
	struct limits_row row;

	(void)state;
	judge_swap(&row, PROBE_OOM_KILLED, 16 * MIB, true, "");
	assert_int_equal(row.verdict, LIMITS_PASS);
	judge_swap(&row, PROBE_OOM_KILLED, 0, false, "");
	assert_int_equal(row.verdict, LIMITS_PASS);
	judge_swap(&row, PROBE_OOM_KILLED, 0, true, "");
	assert_int_equal(row.verdict, LIMITS_FAIL);
	judge_swap(&row, PROBE_HELD, 16 * MIB, true, "");
	assert_int_equal(row.verdict, LIMITS_FAIL);
	judge_swap(&row, PROBE_OOM_KILLED, 0, true, "no swap");
	assert_int_equal(row.verdict, LIMITS_SKIP);
	assert_string_equal(row.reason, "no swap");
}

static void test_take(void **state)
{
	const struct cgroup_host host = { .version = 1 };
	struct limits_reading reading = {
		.written = limits_value_of(64 * MIB),
		.effective = { .value = limits_value_of(64 * MIB), .path = "/a" },
	};
	struct limits_row row = { .declared = limits_value_of(64 * MIB) };
	struct probe refused = PROBE_EMPTY;

	(void)state;
	assert_true(limits_row_take(&row, &host, "/a", KNOB_MEMORY, &reading));
	limits_row_bound(&row, "/a");
	assert_int_equal(row.verdict, LIMITS_PASS);
	limits_row_bound(&row, "/a/b");
	assert_int_equal(row.verdict, LIMITS_FAIL);
	assert_non_null(strstr(row.reason, "/a binds instead of /a/b"));

	row = (struct limits_row){ .declared = limits_value_of(32 * MIB) };
	assert_true(limits_row_take(&row, &host, "/a", KNOB_MEMORY, &reading));
	assert_string_equal(row.reason, "declared is 32.0 MiB, but cgroupfs says 64.0 MiB");

	row = (struct limits_row){ 0 };
	reading.err = -ENOENT;
	assert_false(limits_row_take(&row, &host, "/a", KNOB_HIGH, &reading));
	assert_int_equal(row.verdict, LIMITS_SKIP);
	row = (struct limits_row){ 0 };
	assert_false(limits_row_take(&row, &host, "/a", KNOB_MEMORY, &reading));
	assert_int_equal(row.verdict, LIMITS_FAIL);
	row = (struct limits_row){ 0 };
	reading.err = -EBADMSG;
	assert_false(limits_row_take(&row, &host, "/a", KNOB_HIGH, &reading));
	assert_int_equal(row.verdict, LIMITS_FAIL);

	row = (struct limits_row){ 0 };
	strcpy(refused.words, "no such runtime");
	assert_false(limits_row_take_probe(&row, &host, &refused, KNOB_MEMORY));
	assert_non_null(strstr(row.reason, "no such runtime"));
}

/* The first reason of the gravest verdict stays. */
static void test_gravity(void **state)
{
	struct limits_row row = { 0 };

	(void)state;
	limits_row_judge(&row, LIMITS_PASS, "note");
	limits_row_judge(&row, LIMITS_SKIP, "skipped");
	limits_row_judge(&row, LIMITS_FAIL, "first");
	limits_row_judge(&row, LIMITS_FAIL, "second");
	limits_row_judge(&row, LIMITS_SKIP, "third");
	assert_int_equal(row.verdict, LIMITS_FAIL);
	assert_string_equal(row.reason, "first");
}

static void test_sizes(void **state)
{
	(void)state;
	assert_int_equal(probe_under_bytes(0), 0);
	assert_int_equal(probe_under_bytes(2 * MIB), 0);
	assert_true(probe_under_bytes(32 * MIB) >= 27 * MIB);
	assert_true(probe_under_bytes(32 * MIB) < 30 * MIB);
	for (uint64_t limit = MIB; limit < 4096 * MIB; limit += 123457) {
		assert_true(probe_under_bytes(limit) < limit);
		assert_true(probe_over_bytes(limit) > limit);
	}
}

static char *printed(void (*print)(const struct limits_table *, FILE *), const char *path)
{
	struct limits_table table = { 0 };
	struct limits_row *row = limits_table_add(&table, "a<b>&\"|", "memory");
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	strcpy(row->effective.path, path);
	limits_row_judge(row, LIMITS_FAIL, "why\n<&>");
	print(&table, out);
	fclose(out);
	limits_table_done(&table);
	return text;
}

static void print_terminal(const struct limits_table *table, FILE *out)
{
	limits_print_terminal(table, out, false);
}

static void print_json(const struct limits_table *table, FILE *out)
{
	assert_int_equal(limits_print_json(table, out), 0);
}

/* Nothing that a path or a name holds reaches a terminal or breaks a format. */
static void test_hostile(void **state)
{
	static const char path[] = "/a\n\033[31m\xff";
	char *text = printed(print_terminal, path);
	json_t *json;

	(void)state;
	assert_null(strchr(text, '\033'));
	assert_non_null(strstr(text, "/a\\x0a\\x1b[31m\\xff"));
	free(text);
	text = printed(limits_print_junit, path);
	assert_non_null(strstr(text, "name=\"a&lt;b&gt;&amp;&quot;| memory\""));
	assert_non_null(strstr(text, "message=\"why\\x0a&lt;&amp;&gt;\""));
	free(text);
	text = printed(limits_print_markdown, path);
	assert_non_null(strstr(text, "a<b>&\"\\| | memory"));
	free(text);
	text = printed(print_json, path);
	json = json_loads(text, 0, NULL);
	assert_non_null(json);
	assert_int_equal(json_integer_value(json_object_get(json, "fail")), 1);
	json_decref(json);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_swap),
		cmocka_unit_test(test_take),
		cmocka_unit_test(test_gravity),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
