// SPDX-License-Identifier: GPL-2.0-or-later
/* Taking flat lines apart: what is taken must be what jansson finds, the rest is left to it. */
#include <stdbool.h>
#include <string.h>

#include <jansson.h>

#include "lab/rundir/run_flat.h"
#include "tests/unit/fixtures/cmocka_all.h"

static bool scan(const char *line, struct run_flat *flat)
{
	return run_flat_scan(line, strlen(line), flat);
}

static void test_flat(void **state)
{
	struct run_flat flat;
	uint64_t value = 7;

	(void)state;
	assert_true(scan("{\"type\":\"rss\",\"t_ns\":123456789012345678,\"a\":0,\"b\":null,"
			 "\"c\":true,\"d\":\"x y\"}\n",
		&flat));
	assert_int_equal(flat.count, 6);
	assert_true(run_flat_is(&flat, "rss"));
	assert_false(run_flat_is(&flat, "rs"));
	assert_false(run_flat_is(&flat, "rsss"));
	assert_true(run_flat_u64(&flat, "t_ns", &value));
	assert_int_equal(value, 123456789012345678);
	assert_true(run_flat_u64(&flat, "a", &value));
	assert_int_equal(value, 0);
	value = 7;
	assert_false(run_flat_u64(&flat, "b", &value));
	assert_false(run_flat_u64(&flat, "d", &value));
	assert_false(run_flat_u64(&flat, "none", &value));
	assert_int_equal(value, 7);
	assert_true(run_flat_has(&flat, "b"));
	assert_false(run_flat_has(&flat, "none"));
}

static void test_left(void **state)
{
	static const char *const lines[] = {
		"",
		"\n",
		"{}\n",
		"{\"type\":\"x\"}",
		"{\"type\":\"x\"} \n",
		"{\"type\":1}\n",
		"{\"a\":\"x\"}\n",
		"{\"type\":\"x\",}\n",
		"{\"type\":\"x\",\"a\":-1}\n",
		"{\"type\":\"x\",\"a\":1.5}\n",
		"{\"type\":\"x\",\"a\":01}\n",
		"{\"type\":\"x\",\"a\":1e3}\n",
		"{\"type\":\"x\",\"a\":1234567890123456789}\n",
		"{\"type\":\"x\",\"a\":[1]}\n",
		"{\"type\":\"x\",\"a\":{}}\n",
		"{\"type\":\"x\",\"a\":nul}\n",
		"{\"type\":\"x\",\"a\":\"\\n\"}\n",
		"{\"type\":\"x\",\"a\":\"\xc3\xa4\"}\n",
		"{\"type\":\"x\",\"a\":1,\"a\":2}\n",
		"{\"type\":\"x\",\"a\":1",
		"{\"type\":\"x\",\"a\"",
	};
	struct run_flat flat;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (scan(lines[i], &flat))
			fail_msg("taken for flat: %s", lines[i]);
}

/* Random damage to a good line: whatever is still taken, jansson reads the same. */
static void test_as_jansson(void **state)
{
	static const char good[] =
		"{\"type\":\"step\",\"t_ns\":6500000000,\"proc\":0,\"late\":null}\n";
	uint64_t random = 1;
	size_t taken = 0;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		static const char bytes[] = "{}[]\":,0129-.en tu\\\n";
		char line[sizeof(good)];
		struct run_flat flat;
		uint64_t t_ns;
		json_t *json;

		memcpy(line, good, sizeof(good));
		random = random * 6364136223846793005ULL + 1442695040888963407ULL;
		line[(random >> 33) % (sizeof(good) - 1)] =
			bytes[(random >> 20) % (sizeof(bytes) - 1)];
		if (!scan(line, &flat))
			continue;
		taken++;
		json = json_loads(line, 0, NULL);
		assert_non_null(json);
		assert_int_equal(json_object_size(json), flat.count);
		if (run_flat_u64(&flat, "t_ns", &t_ns))
			assert_true((uint64_t)json_integer_value(json_object_get(json, "t_ns")) ==
				    t_ns);
		json_decref(json);
	}
	assert_true(taken > 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flat),
		cmocka_unit_test(test_left),
		cmocka_unit_test(test_as_jansson),
	};

	return cmocka_run_group_tests_name("run_flat", tests, NULL, NULL);
}
