// SPDX-License-Identifier: GPL-2.0-or-later
/* Noise: profiles, streams, measuring; and what is laid over memgen's samples. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lab/simulate/layer.h"
#include "lab/simulate/noise.h"
#include "lab/simulate/pressure.h"
#include "lib/cleanup.h"
#include "tests/unit/fixtures/cmocka_all.h"

#define S 1000000000ULL
#define MIB 1048576ULL
#define PAGE 4096ULL

struct lab {
	char dir[64];
	char file[96];
};

static int setup(void **state)
{
	struct lab *lab = calloc(1, sizeof(*lab));

	if (!lab)
		return -1;
	strcpy(lab->dir, "/tmp/test-noise-XXXXXX");
	if (!mkdtemp(lab->dir))
		return -1;
	snprintf(lab->file, sizeof(lab->file), "%s/one.json", lab->dir);
	*state = lab;
	return 0;
}

static int teardown(void **state)
{
	struct lab *lab = *state;

	unlink(lab->file);
	rmdir(lab->dir);
	free(lab);
	return 0;
}

/* 200 points, up and down by 8 KiB, a second apart; @head stands before them. */
static void write_profile(const struct lab *lab, const char *head)
{
	FILE *out = fopen(lab->file, "w");

	assert_non_null(out);
	fprintf(out, "%s \"deviation_kib\": [8", head);
	for (int i = 1; i < 200; i++)
		fputs(i % 2 ? ", -8" : ", 8", out);
	fputs("]}\n", out);
	fclose(out);
}

#define HEAD                                                                                       \
	"{\"format\": \"leaklab.noise\", \"version\": 1, \"program\": \"p\", "                     \
	"\"interval_s\": 1, \"events_per_s\": 2.5,"

/* Profiles -------------------------------------------------------------------------------- */

static void test_profile(void **state)
{
	struct noise_set set;
	struct run_error error;

	write_profile(*state, HEAD);
	if (noise_set_load(((struct lab *)*state)->dir, &set, &error) < 0)
		fail_msg("%s", error.text);
	assert_int_equal(set.count, 1);
	assert_string_equal(set.profile[0].name, "one");
	assert_int_equal(set.profile[0].count, 200);
	assert_int_equal(set.profile[0].interval_ns, S);
	assert_true(fabs(set.profile[0].sigma_bytes - 8192) < 1e-6);
	noise_set_done(&set);
}

static void assert_refused(struct lab *lab, const char *head, const char *message)
{
	struct noise_set set;
	struct run_error error;

	if (head)
		write_profile(lab, head);
	assert_true(noise_set_load(lab->dir, &set, &error) < 0);
	if (!strstr(error.text, message))
		fail_msg("\"%s\" has no \"%s\"", error.text, message);
}

static void test_bad_profiles(void **state)
{
	assert_refused(*state, NULL, "no noise profile (*.json) in it");
	assert_refused(*state, "{", "one.json: format: must be \"leaklab.noise\"");
	assert_refused(*state, "", "one.json:1: '[' or '{' expected");
	assert_refused(*state,
		"{\"format\": \"leaklab.noise\", \"version\": 1, \"program\": \"p\", "
		"\"interval_s\": 0, \"events_per_s\": 2.5,",
		"an \"interval_s\" from 0.01 to 60");
}

/* The second profile is too short or flat: written by hand. */
static void test_useless_profiles(void **state)
{
	struct lab *lab = *state;
	FILE *out = fopen(lab->file, "w");

	fputs(HEAD " \"deviation_kib\": [1, 2, 3]}", out);
	fclose(out);
	assert_refused(lab, NULL, "3 points: must be an array of at least 120");
	out = fopen(lab->file, "w");
	fputs(HEAD " \"deviation_kib\": [1", out);
	for (int i = 0; i < 200; i++)
		fputs(", 1", out);
	fputs("]}", out);
	fclose(out);
	assert_refused(lab, NULL, "all are the same");
}

/* Streams --------------------------------------------------------------------------------- */

static void test_stream(void **state)
{
	struct random_stream random = random_stream_of(5, "test");
	struct noise_stream a, b, silent;
	struct noise_set set;
	struct run_error error;
	double square = 0;
	size_t repeats = 0;
	double last = 0;

	write_profile(*state, HEAD);
	assert_int_equal(noise_set_load(((struct lab *)*state)->dir, &set, &error), 0);
	noise_stream_init(&a, &set, &random, 100 * S, 50000);
	noise_stream_init(&b, &set, &random, 100 * S, 50000);
	noise_stream_init(&silent, &set, &random, 100 * S, 0);
	for (uint64_t t = 100; t < 1100; t++) {
		double value = noise_stream_at(&a, t * S);

		square += value * value / 1000;
		repeats += value == last;
		last = value;
		/* Asked more often, it is the same. */
		assert_true(noise_stream_at(&b, t * S) == value);
		assert_true(noise_stream_at(&b, t * S + S / 2) == value);
		assert_true(noise_stream_at(&silent, t * S) == 0);
	}
	assert_true(fabs(sqrt(square) - 50000) < 1);
	/* Stretches of 30 to 100 points, half of whose seams repeat a value. */
	assert_true(repeats > 2 && repeats < 33);
	noise_set_done(&set);
}

/* Measuring ------------------------------------------------------------------------------- */

/* 400 s of mm 7, which drifts by 4 KiB/s and is 40 KiB higher at every other second; mm 8 beside.
 */
static char *make_recording(void)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	fputs("{\"type\":\"header\",\"format\":\"leaklab.samples\",\"version\":1}\n", out);
	for (unsigned int t = 1; t <= 400; t++) {
		fprintf(out,
			"{\"type\":\"rss\",\"t_ns\":%u000000000,\"mm\":8,\"anon_bytes\":%u,"
			"\"file_bytes\":0,\"swap_bytes\":0,\"shmem_bytes\":0,\"events\":9}\n",
			t, t * 999);
		fprintf(out,
			"{\"type\":\"rss\",\"t_ns\":%u000000000,\"mm\":7,\"anon_bytes\":%u,"
			"\"file_bytes\":4096,\"swap_bytes\":0,\"shmem_bytes\":0,\"events\":3}\n",
			t, 1048576 + t * 4096 + (t % 2) * 40960);
	}
	fclose(out);
	return text;
}

static int measure(uint64_t mm, uint64_t skip_ns, FILE *out, struct run_error *error)
{
	_cleanup_free_ char *text = make_recording();
	FILE *in = fmemopen(text, strlen(text), "r");

	return noise_measure(in, "rec", mm, "a \"program\"", skip_ns, S, out, error);
}

static void test_measure(void **state)
{
	struct lab *lab = *state;
	FILE *out = fopen(lab->file, "w");
	struct run_error error = { 0 };
	struct noise_set set;

	if (measure(7, 10 * S, out, &error) < 0)
		fail_msg("%s", error.text);
	fclose(out);
	if (noise_set_load(lab->dir, &set, &error) < 0)
		fail_msg("%s", error.text);
	assert_string_equal(set.profile[0].program, "a \"program\"");
	assert_int_equal(set.profile[0].count, 389);
	assert_true(fabs(set.profile[0].sigma_bytes - 20480) < 300);
	assert_true(fabs(set.profile[0].events_per_s - 3) < 0.02);
	noise_set_done(&set);
}

static void test_measure_nothing(void **state)
{
	_cleanup_free_ char *text = NULL;
	struct run_error error = { 0 };
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_int_equal(measure(9, 10 * S, out, &error), -ENODATA);
	assert_non_null(strstr(error.text, "mm 9: 0 points of steady state"));
	assert_int_equal(measure(7, 390 * S, out, &error), -ENODATA);
	fclose(out);
}

/* Pressure -------------------------------------------------------------------------------- */

static void test_pressure(void **state)
{
	struct random_stream random = random_stream_of(5, "test");
	struct pressure none, some;
	double most = 0, last = 0;
	size_t falls = 0;

	(void)state;
	pressure_init(&none, false, &random, S);
	pressure_init(&some, true, &random, S);
	for (uint64_t t = 1; t < 7200; t++) {
		double swapped;

		pressure_move(&none, t * S);
		pressure_move(&some, t * S);
		assert_true(pressure_swapped(&none, t * S) == 0);
		assert_true(pressure_dropped(&none, t * S) == 0);
		swapped = pressure_swapped(&some, t * S);
		assert_true(swapped >= 0 && swapped <= 0.5);
		assert_true(pressure_dropped(&some, t * S) <= 0.9);
		assert_true(fabs(swapped - last) < 0.3);
		falls += swapped < last;
		most = fmax(most, swapped);
		last = swapped;
	}
	assert_true(most >= 0.1);
	assert_true(falls > 5);
}

/* Layers ---------------------------------------------------------------------------------- */

/* memgen's samples of a leak of 1 MiB/s, of @seconds. */
static char *make_exact(unsigned int seconds, const char *cgroup_line)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	fputs("{\"type\":\"header\",\"format\":\"leaklab.samples\",\"version\":1}\n", out);
	fputs(cgroup_line, out);
	fputs("{\"type\":\"process\",\"t_ns\":1000000000,\"mm\":1,\"pid\":1}\n", out);
	for (unsigned int t = 1; t <= seconds; t++)
		fprintf(out,
			"{\"type\":\"rss\",\"t_ns\":%u000000000,\"mm\":1,\"anon_bytes\":%u,"
			"\"file_bytes\":0,\"swap_bytes\":0,\"shmem_bytes\":0,\"events\":256}\n",
			t, t * 1048576);
	fprintf(out, "{\"type\":\"exit\",\"t_ns\":%u000000000,\"mm\":1}\n", seconds);
	fclose(out);
	return text;
}

#define CGROUP_LINE "{\"type\":\"cgroup\",\"t_ns\":1000000000,\"cgroup\":1}\n"

static struct plan_class class = { .name = (char[]){ "c" } };

static struct plan_run make_run(uint64_t memory_bytes)
{
	return (struct plan_run){
		.class = &class,
		.seed = 3,
		.interval_ns = S,
		.charge_interval_ns = 5 * S,
		.memory_bytes = memory_bytes,
		.base_bytes = 8 * MIB,
	};
}

static int lay(const struct plan_run *run, const char *exact, const struct noise_set *noise,
	char **ret, struct layer_result *result, struct run_error *error)
{
	size_t size;
	FILE *in = fmemopen((void *)(uintptr_t)exact, strlen(exact), "r");
	FILE *out = open_memstream(ret, &size);
	int err = layer_samples(in, run, noise, out, result, error);

	fclose(out);
	return err;
}

/* The member @key of each rss record in @text, in order; returns their number. */
static size_t read_member(const char *text, const char *type, const char *key, uint64_t values[512])
{
	size_t count = 0;

	for (const char *line = text; *line; line = strchr(line, '\n') + 1) {
		struct run_flat flat;
		size_t len = (size_t)(strchr(line, '\n') - line) + 1;

		if (run_flat_scan(line, len, &flat) && run_flat_is(&flat, type) && count < 512)
			assert_true(run_flat_u64(&flat, key, &values[count++]));
	}
	return count;
}

static void test_layer_silent(void **state)
{
	_cleanup_free_ char *exact = make_exact(60, CGROUP_LINE), *text = NULL;
	struct plan_run run = make_run(1024 * MIB);
	struct layer_result result = { 0 };
	struct run_error error = { 0 };
	uint64_t anon[512], charge[512];

	(void)state;
	if (lay(&run, exact, NULL, &text, &result, &error) < 0)
		fail_msg("%s", error.text);
	assert_int_equal(read_member(text, "rss", "anon_bytes", anon), 60);
	for (size_t i = 0; i < 60; i++)
		assert_int_equal(anon[i], (8 + i + 1) * MIB);
	assert_int_equal(read_member(text, "memcg", "anon_bytes", charge), 12);
	assert_int_equal(charge[0], anon[0]);
	assert_int_equal(charge[11], anon[55]);
	assert_int_equal(result.oom_ns, 0);
	assert_int_equal(result.processes, 1);
	assert_int_equal(result.start_ns, S);
	assert_int_equal(result.end_ns, 60 * S);
	assert_non_null(strstr(text, "\"limit_bytes\":1073741824"));
	assert_non_null(strstr(text, "\"pid\":1001"));
}

static void test_layer_noise(void **state)
{
	_cleanup_free_ char *exact = make_exact(200, CGROUP_LINE), *text = NULL, *again = NULL;
	struct plan_run run = make_run(1024 * MIB);
	struct layer_result result = { 0 };
	struct run_error error = { 0 };
	struct noise_set set;
	uint64_t anon[512];
	double square = 0;

	write_profile(*state, HEAD);
	assert_int_equal(noise_set_load(((struct lab *)*state)->dir, &set, &error), 0);
	run.sigma_bytes = 65536;
	assert_int_equal(lay(&run, exact, &set, &text, &result, &error), 0);
	assert_int_equal(lay(&run, exact, &set, &again, &result, &error), 0);
	assert_string_equal(text, again);
	assert_int_equal(read_member(text, "rss", "anon_bytes", anon), 200);
	for (size_t i = 0; i < 200; i++) {
		double off = (double)anon[i] - (double)((8 + i + 1) * MIB);

		assert_int_equal(anon[i] % PAGE, 0);
		square += off * off / 200;
	}
	assert_true(fabs(sqrt(square) - 65536) < PAGE);
	noise_set_done(&set);
}

/* The limit is full at the second when base and leak with their page tables reach it. */
static void test_layer_limit(void **state)
{
	_cleanup_free_ char *exact = make_exact(200, CGROUP_LINE), *text = NULL;
	struct plan_run run = make_run(64 * MIB);
	struct layer_result result = { 0 };
	struct run_error error = { 0 };
	uint64_t anon[512];

	(void)state;
	assert_int_equal(lay(&run, exact, NULL, &text, &result, &error), 0);
	assert_int_equal(result.oom_ns, 55 * S);
	assert_int_equal(result.end_ns, 55 * S + S / 10);
	assert_int_equal(read_member(text, "rss", "anon_bytes", anon), 55);
	assert_non_null(strstr(text, "{\"type\":\"oom\",\"t_ns\":55000000000,\"pid\":1001"));
	/* Near the limit, file pages make room for what cannot be taken back. */
	assert_int_equal(read_member(text, "rss", "file_bytes", anon), 55);
	assert_int_equal(anon[0], MIB);
	assert_true(anon[54] < MIB);
}

static void test_layer_pressure(void **state)
{
	_cleanup_free_ char *exact = make_exact(500, CGROUP_LINE), *text = NULL;
	struct plan_run run = make_run(1024 * MIB);
	struct plan_class pressed = class;
	struct layer_result result = { 0 };
	struct run_error error = { 0 };
	uint64_t anon[512], swap[512];
	bool swapped = false;
	size_t count;

	(void)state;
	pressed.pressure = true;
	run.class = &pressed;
	/* A seed whose pressure begins within the run. */
	run.seed = 4;
	assert_int_equal(lay(&run, exact, NULL, &text, &result, &error), 0);
	count = read_member(text, "rss", "anon_bytes", anon);
	assert_int_equal(read_member(text, "rss", "swap_bytes", swap), count);
	for (size_t i = 0; i < count; i++) {
		swapped = swapped || swap[i];
		assert_int_equal(anon[i] + swap[i], (8 + i + 1) * MIB);
	}
	assert_true(swapped);
}

static void assert_not_layered(const char *exact, const char *message)
{
	struct plan_run run = make_run(64 * MIB);
	struct layer_result result = { 0 };
	struct run_error error = { 0 };
	_cleanup_free_ char *text = NULL;

	assert_int_equal(lay(&run, exact, NULL, &text, &result, &error), -EPROTO);
	if (!strstr(error.text, message))
		fail_msg("\"%s\" has no \"%s\"", error.text, message);
}

#define EXACT_HEAD "{\"type\":\"header\",\"format\":\"leaklab.samples\",\"version\":1}\n"

static void test_layer_bad(void **state)
{
	(void)state;
	assert_not_layered("{}\n", "must be an object with a \"type\"");
	assert_not_layered(EXACT_HEAD, "memgen's samples have no end");
	assert_not_layered(EXACT_HEAD "{\"type\":\"tick\"}\n", ":2: a record of memgen needs");
	assert_not_layered(EXACT_HEAD CGROUP_LINE
		"{\"type\":\"rss\",\"t_ns\":1000000000,\"mm\":1,\"anon_bytes\":1}\n",
		":3: not an rss record of memgen");
	assert_not_layered(EXACT_HEAD CGROUP_LINE
		"{\"type\":\"process\",\"t_ns\":1000000000,\"mm\":2,\"pid\":1}\n",
		":3: not a process record of memgen");
	assert_not_layered(EXACT_HEAD CGROUP_LINE
		"{\"type\":\"memcg\",\"t_ns\":1000000000,\"cgroup\":1}\n",
		"this kind of pages is in no process");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_profile, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_profiles, setup, teardown),
		cmocka_unit_test_setup_teardown(test_useless_profiles, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stream, setup, teardown),
		cmocka_unit_test_setup_teardown(test_measure, setup, teardown),
		cmocka_unit_test(test_measure_nothing),
		cmocka_unit_test(test_pressure),
		cmocka_unit_test(test_layer_silent),
		cmocka_unit_test_setup_teardown(test_layer_noise, setup, teardown),
		cmocka_unit_test(test_layer_limit),
		cmocka_unit_test(test_layer_pressure),
		cmocka_unit_test(test_layer_bad),
	};

	return cmocka_run_group_tests_name("simulate_layer", tests, NULL, NULL);
}
