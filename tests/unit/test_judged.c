// SPDX-License-Identifier: GPL-2.0-or-later
/* judged.jsonl: from a score, out, and in again; and what its reader refuses. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lab/judged/judged.h"
#include "lib/cleanup.h"
#include "tests/unit/fixtures/cmocka_all.h"

#define S 1000000000ULL
#define MIB 1048576ULL

static FILE *memory(const char *text)
{
	FILE *in = fmemopen((void *)text, strlen(text), "r");

	assert_non_null(in);
	return in;
}

/* A leak of 1 MiB/s from 110 s on, killed at 150 s, and one that is flat. */
static void fill_units(struct score_unit units[2], struct score_step steps[41])
{
	for (size_t s = 0; s <= 40; s++)
		steps[s] = (struct score_step){
			.t_ns = (110 + s) * S,
			.retained_bytes = s * MIB,
		};
	units[0] = (struct score_unit){
		.run = "r1",
		.instance = "w-1",
		.procs = 1,
		.pattern = "linear",
		.leak = true,
		.process_ns = 100 * S,
		.ready_ns = 101 * S,
		.onset_ns = 110 * S,
		.end_ns = 150 * S,
		.oom_ns = 150 * S,
		.steps = steps,
		.steps_count = 41,
		.pid = 7,
		.limit_bytes = 50 * MIB,
	};
	units[1] = units[0];
	units[1].instance = "w-2";
	units[1].pattern = "steady";
	units[1].leak = false;
	units[1].oom_ns = 0;
	units[1].steps_count = 1;
}

static struct score_detection say(size_t unit, uint64_t t_s, enum score_state state)
{
	return (struct score_detection){
		.t_ns = t_s * S,
		.tier = SCORE_LEAK,
		.state = state,
		.subject = unit + 1,
		.unit = unit,
		.pid = 7,
		.limit_bytes = 50 * MIB,
		.pattern = "linear",
		.rate_bytes_per_s = 1.1 * MIB,
		.rate_lo = 0.9 * MIB,
		.rate_hi = 1.3 * MIB,
		.confidence = 0.75,
		.score = 12.5,
		.time_to_limit_s = 20,
		.time_to_limit_lo_s = NAN,
		.time_to_limit_hi_s = NAN,
	};
}

static void assert_same(double value, double wanted)
{
	if (!(isnan(value) && isnan(wanted)) && !(fabs(value - wanted) < 1e-6))
		fail_msg("%.12g, wanted %.12g", value, wanted);
}

static void assert_same_tier(const struct judged_tier *a, const struct judged_tier *b)
{
	assert_same(a->found_s, b->found_s);
	assert_int_equal(a->early, b->early);
	assert_int_equal(a->alarms, b->alarms);
	assert_int_equal(a->false_alarms, b->false_alarms);
	assert_int_equal(a->withdrawn, b->withdrawn);
	assert_int_equal(a->first.right, b->first.right);
	assert_same(a->first.confidence, b->first.confidence);
	assert_same(a->first.score, b->first.score);
	assert_int_equal(a->attributed, b->attributed);
	for (int m = 0; m < SCORE_MOMENTS; m++) {
		assert_same(a->rate[m].error, b->rate[m].error);
		assert_int_equal(a->rate[m].covered, b->rate[m].covered);
	}
	assert_same(a->leaked_bytes, b->leaked_bytes);
	assert_same(a->headroom, b->headroom);
	assert_same(a->confidence_30s, b->confidence_30s);
	assert_int_equal(a->limit.stated, b->limit.stated);
	assert_same(a->limit.error, b->limit.error);
	assert_int_equal(a->limit.within, b->limit.within);
	assert_int_equal(a->limit.covered, b->limit.covered);
}

/* Both units, judged, as judged_from_result() fills them. */
static void judge(struct judged_unit judged[2])
{
	static struct score_step steps[41];
	static struct score_unit units[2];
	struct score_detection detections[] = {
		say(0, 120, SCORE_RAISED),
		say(1, 120, SCORE_RAISED),
		say(1, 125, SCORE_WITHDRAWN),
		say(0, 130, SCORE_UPDATED),
	};
	struct score_result result;

	fill_units(units, steps);
	assert_int_equal(score_judge(units, 2, detections, 4, &result), 0);
	for (size_t i = 0; i < 2; i++) {
		judged_from_result(&result, i, &judged[i]);
		judged[i].class = "c\"1";
		judged[i].seed = 100001 + i;
		judged[i].detector = "memgrowth";
	}
	score_done(&result);
}

static void test_filled_from_score(void **state)
{
	struct judged_unit judged[2];
	const struct judged_tier *leak = &judged[0].tier[SCORE_LEAK];

	(void)state;
	judge(judged);
	assert_true(judged[0].killed);
	assert_same(judged[0].rate_bytes_per_s, (double)MIB);
	assert_same(judged[0].onset_rate_bytes_per_s, (double)MIB);
	assert_same(judged[0].watched_s, 40);
	assert_same(judged[0].confidence_30s, 0.75);
	assert_same(leak->found_s, 10);
	assert_same(leak->leaked_bytes, 10.0 * (double)MIB);
	assert_same(leak->headroom, 0.2);
	assert_true(leak->first.right);
	assert_same(leak->first.score, 12.5);
	assert_same(leak->rate[SCORE_AT_ALARM].error, 0.1);
	assert_int_equal(leak->rate[SCORE_AT_END].covered, JUDGED_YES);
	assert_int_equal(leak->attributed, JUDGED_YES);
	assert_true(leak->limit.stated);
	assert_true(leak->limit.within);
	assert_int_equal(leak->limit.covered, JUDGED_UNSAID);
	assert_same(judged[0].tier[SCORE_GROWING].found_s, NAN);

	leak = &judged[1].tier[SCORE_LEAK];
	assert_same(judged[1].rate_bytes_per_s, NAN);
	assert_same(judged[1].onset_rate_bytes_per_s, NAN);
	assert_same(judged[1].watched_s, 50);
	assert_int_equal(leak->alarms, 1);
	assert_int_equal(leak->false_alarms, 1);
	assert_int_equal(leak->withdrawn, 1);
	assert_false(leak->first.right);
	assert_false(leak->limit.stated);
}

static void test_round_trip(void **state)
{
	const struct judged_header header = {
		.revision = "abc",
		.plan = "accuracy",
		.seeds = JUDGED_SEEDS_CALIBRATE,
	};
	_cleanup_free_ char *text = NULL;
	struct judged_file file = { 0 };
	struct judged_unit judged[2];
	struct run_error error = { 0 };
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	judge(judged);
	assert_int_equal(judged_write_header(out, &header), 0);
	assert_int_equal(judged_write_unit(out, &judged[0]), 0);
	assert_int_equal(judged_write_unit(out, &judged[1]), 0);
	fclose(out);
	if (judged_read(memory(text), "j", &file, &error) < 0)
		fail_msg("%s", error.text);
	assert_string_equal(file.header.plan, "accuracy");
	assert_int_equal(file.header.seeds, JUDGED_SEEDS_CALIBRATE);
	assert_int_equal(file.units_count, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_string_equal(file.units[i].class, "c\"1");
		assert_string_equal(file.units[i].pattern, judged[i].pattern);
		assert_string_equal(file.units[i].pattern_stated, "linear");
		assert_null(file.units[i].broken);
		assert_int_equal(file.units[i].seed, 100001 + i);
		assert_int_equal(file.units[i].leak, i == 0);
		assert_int_equal(file.units[i].killed, i == 0);
		assert_int_equal(file.units[i].t0_ns, 110 * S);
		assert_same(file.units[i].rate_bytes_per_s, judged[i].rate_bytes_per_s);
		assert_same(file.units[i].onset_rate_bytes_per_s, judged[i].onset_rate_bytes_per_s);
		for (int t = 0; t < SCORE_TIERS; t++)
			assert_same_tier(&file.units[i].tier[t], &judged[i].tier[t]);
	}
	/* A second file adds to the first; of its header only what both say stays. */
	*strstr(text, "accuracy") = 'A';
	assert_int_equal(judged_read(memory(text), "j2", &file, &error), 0);
	assert_int_equal(file.units_count, 4);
	assert_null(file.header.plan);
	assert_int_equal(file.header.seeds, JUDGED_SEEDS_CALIBRATE);
	judged_file_done(&file);
}

/* A good file of one unit, in which @from is replaced by @to; the caller frees it. */
static char *altered(const char *from, const char *to)
{
	const struct judged_header header = { .revision = "abc" };
	_cleanup_free_ char *text = NULL;
	struct judged_unit judged[2];
	size_t size;
	FILE *out = open_memstream(&text, &size);
	char *at, *other = NULL;

	judge(judged);
	judged_write_header(out, &header);
	judged_write_unit(out, &judged[0]);
	fclose(out);
	at = strstr(text, from);
	assert_non_null(at);
	if (asprintf(&other, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from)) < 0)
		fail();
	return other;
}

/* Files that were written before there was an onset rate are read all the same. */
static void test_before_onset_rate(void **state)
{
	_cleanup_free_ char *old = altered("\"onset_rate_bytes_per_s\":1048576.000,", "");
	struct judged_file file = { 0 };
	struct run_error error = { 0 };

	(void)state;
	if (judged_read(memory(old), "j", &file, &error) < 0)
		fail_msg("%s", error.text);
	assert_int_equal(file.units_count, 1);
	assert_same(file.units[0].rate_bytes_per_s, (double)MIB);
	assert_same(file.units[0].onset_rate_bytes_per_s, NAN);
	judged_file_done(&file);
}

/* One good file, in which @from is replaced by @to, must be refused with @message. */
static void assert_refused(const char *from, const char *to, const char *message)
{
	_cleanup_free_ char *bad = altered(from, to);
	struct judged_file file = { 0 };
	struct run_error error = { 0 };

	assert_int_equal(judged_read(memory(bad), "j", &file, &error), -EPROTO);
	if (!strstr(error.text, message))
		fail_msg("\"%s\" has no \"%s\"", error.text, message);
	judged_file_done(&file);
}

static void test_refused(void **state)
{
	(void)state;
	assert_refused("leaklab.judged", "leaklab.truth", "j:1: format \"leaklab.truth\"");
	assert_refused("\"seeds\":null", "\"seeds\":\"all\"", "j:1: \"seeds\": \"all\": must be");
	assert_refused("\"leak\",\"pattern\"", "\"good\",\"pattern\"",
		"j:2: \"truth\": \"good\": must be \"leak\" or \"benign\"");
	assert_refused("\"class\"", "\"klass\"", "j:2: \"class\": missing: must be a text");
	assert_refused("\"seed\":100001", "\"seed\":-1", "j:2: \"seed\": -1: must be a whole");
	assert_refused("\"growing\":", "\"growings\":", "j:2: \"growing\": missing");
	assert_refused("\"found_s\":10.000", "\"found_s\":\"x\"",
		"j:2: leak: \"found_s\": \"x\": must be a number or null");
	assert_refused("\"onset_rate_bytes_per_s\":1048576.000", "\"onset_rate_bytes_per_s\":true",
		"j:2: \"onset_rate_bytes_per_s\": true: must be a number or null");
	assert_refused("\"confidence\":0.75", "\"confidence\":1.75", "must be from 0 to 1");
	assert_refused("\"alarms\":1,\"false_alarms\":0", "\"alarms\":1,\"false_alarms\":2",
		"must be at most \"alarms\"");
	assert_refused("\"alarms\":0", "\"alarms\":3", "must be an object when there are alarms");
	assert_refused("\"rate_covered\":{\"at\":null", "\"rate_covered\":{\"at\":1",
		"rate_covered: \"at\": 1: must be true, false or null");
	assert_refused("}\n", "}", "not a JSON object");
	assert_refused("}}\n", "}}", "cut short");
}

static void test_seeds(void **state)
{
	enum judged_seeds seeds;

	(void)state;
	assert_int_equal(judged_seeds_of(0), JUDGED_SEEDS_NONE);
	assert_int_equal(judged_seeds_of(1), JUDGED_SEEDS_TUNE);
	assert_int_equal(judged_seeds_of(99999), JUDGED_SEEDS_TUNE);
	assert_int_equal(judged_seeds_of(100000), JUDGED_SEEDS_CALIBRATE);
	assert_int_equal(judged_seeds_of(200000), JUDGED_SEEDS_NONE);
	assert_int_equal(judged_seeds_of(1000000), JUDGED_SEEDS_SEALED);
	assert_int_equal(judged_seeds_find("calibrate", &seeds), 0);
	assert_int_equal(seeds, JUDGED_SEEDS_CALIBRATE);
	assert_int_equal(judged_seeds_find("none", &seeds), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_filled_from_score),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_before_onset_rate),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_seeds),
	};

	return cmocka_run_group_tests_name("judged", tests, NULL, NULL);
}
