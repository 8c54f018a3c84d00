// SPDX-License-Identifier: GPL-2.0-or-later
/* Plans of simulated runs: formulas, what is drawn, and what is refused with its line. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lab/problems.h"
#include "lab/simulate/formula.h"
#include "lab/simulate/plan.h"
#include "lab/simulate/random.h"
#include "lib/cleanup.h"
#include "tests/unit/fixtures/cmocka_all.h"

#define S 1000000000ULL

/* Formulas -------------------------------------------------------------------------------- */

static void assert_expands(const char *text, const char *wanted)
{
	static const struct formula_name names[] = { { "size", 2097152 }, { "period", 8 } };
	struct formula_error error = { "" };
	_cleanup_free_ char *expanded = NULL;

	if (formula_expand(text, names, 2, &expanded, &error) < 0)
		fail_msg("%s: %s", text, error.text);
	assert_string_equal(expanded, wanted);
}

static void assert_no_formula(const char *text, const char *message)
{
	struct formula_error error = { "" };
	char *expanded = NULL;

	assert_int_equal(formula_expand(text, NULL, 0, &expanded, &error), -EINVAL);
	assert_null(expanded);
	if (!strstr(error.text, message))
		fail_msg("%s: \"%s\" has no \"%s\"", text, error.text, message);
}

static void test_formulas(void **state)
{
	(void)state;
	assert_expands("--size=5MiB", "--size=5MiB");
	assert_expands("--rate={size/period}/s", "--rate=262144/s");
	assert_expands("{period}s", "8.000000s");
	assert_expands("{1MiB + 2*(size-1MiB)}", "3145728");
	assert_expands("{10min/period/5s}", "15.000000");
	assert_expands("{2+3*4-6/2}{0.5}", "11.0000000.500000");
	assert_no_formula("{size}", "size: nothing of this name is drawn");
	assert_no_formula("{1+}", "must have a number");
	assert_no_formula("{(1+2}", "\")\" is missing");
	assert_no_formula("{1", "\"}\" is missing");
	assert_no_formula("{1/0}", "must be a number from 0 on");
	assert_no_formula("{1-2}", "must be a number from 0 on");
	assert_no_formula("{5parsec}", "5parsec: not a number");
	assert_no_formula("{((((((((((((((((((((((((((((((((((1))))))))))))))))))))))))))))))))))}",
		"more than 32 parentheses");
}

/* Random numbers -------------------------------------------------------------------------- */

static void test_random(void **state)
{
	struct random_stream a = random_stream_of(7, "linear"), b = random_stream_of(7, "linear");
	struct random_stream other = random_stream_of(8, "linear"), part;
	double sum = 0;

	(void)state;
	/* Fixed for ever: published figures name their seeds. */
	assert_true(random_next(&a) == 0x1bd001473d951c33ULL);
	assert_true(random_next(&b) == 0x1bd001473d951c33ULL);
	assert_false(random_next(&other) == 0x1bd001473d951c33ULL);
	part = random_stream_split(&a, "x");
	assert_true(random_next(&a) == random_next(&b));
	assert_false(random_next(&part) == random_next(&a));
	for (int i = 0; i < 10000; i++) {
		double value = random_log(&a, 10, 1000);

		assert_true(value >= 10 && value <= 1000);
		sum += value < 100;
		value = random_linear(&a, -1, 1);
		assert_true(value >= -1 && value <= 1);
		assert_true(random_below(&a, 3) < 3);
	}
	/* On a log scale, half of them are below the geometric mean. */
	assert_true(sum > 4800 && sum < 5200);
}

/* Plans ----------------------------------------------------------------------------------- */

static const char good[] = "name: mine\n"
			   "noise: noise\n"
			   "draw:\n"
			   "  - {name: size, from: 5MB, to: 500MB}\n"
			   "duration: 1h\n"
			   "memory: \"{2*size}\"\n"
			   "classes:\n"
			   "  - name: linear-10K\n"
			   "    pattern: linear\n"
			   "    draw:\n"
			   "      - {name: rate, from: 7KB/s, to: 15KB/s}\n"
			   "      - {name: steps, choice: [3, 5]}\n"
			   "    args: [\"--rate={rate}/s\"]\n"
			   "    health: \"{steps}min\"\n"
			   "  - name: steady\n"
			   "    pattern: steady\n"
			   "    args: [\"--size={size}\"]\n"
			   "    interval: 1s\n"
			   "    pressure: true\n";

static int load_text(const char *text, struct problems *problems, struct plan **ret)
{
	char path[] = "/tmp/test-plan-XXXXXX";
	int fd = mkstemp(path), err;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	err = plan_load(path, problems, ret);
	unlink(path);
	return err;
}

static void test_good_plan(void **state)
{
	_cleanup_problems_ struct problems problems = { 0 };
	_cleanup_(plan_freep) struct plan *plan = NULL;
	struct plan_run run, again;
	double rate;

	(void)state;
	if (load_text(good, &problems, &plan) < 0)
		fail_msg("%s", problems.texts[0]);
	assert_string_equal(plan->noise_dir, "/tmp/noise");
	assert_int_equal(plan->classes_count, 2);
	assert_true(plan->classes[1].pressure);
	for (uint64_t seed = 1; seed < 50; seed++) {
		assert_int_equal(plan_draw(plan, &plan->classes[0], seed, &problems, &run), 0);
		assert_int_equal(plan_draw(plan, &plan->classes[0], seed, &problems, &again), 0);
		assert_string_equal(run.args[0], again.args[0]);
		assert_int_equal(sscanf(run.args[0], "--rate=%lf/s", &rate), 1);
		assert_true(rate >= 7000 && rate <= 15000);
		assert_true(run.health_ns == 180 * S || run.health_ns == 300 * S);
		assert_true(run.memory_bytes >= 10000000 && run.memory_bytes <= 1000000000);
		assert_int_equal(run.duration_ns, 3600 * S);
		assert_int_equal(run.interval_ns, S / 2);
		assert_int_equal(run.memgen_seed, again.memgen_seed);
		plan_run_done(&run);
		plan_run_done(&again);
	}
	assert_int_equal(plan_draw(plan, &plan->classes[1], 1, &problems, &run), 0);
	assert_int_equal(run.interval_ns, S);
	plan_run_done(&run);
}

/* Seeds draw apart, and so do classes. */
static void test_draws_differ(void **state)
{
	_cleanup_problems_ struct problems problems = { 0 };
	_cleanup_(plan_freep) struct plan *plan = NULL;
	struct plan_run a, b, c;

	(void)state;
	assert_int_equal(load_text(good, &problems, &plan), 0);
	assert_int_equal(plan_draw(plan, &plan->classes[0], 1, &problems, &a), 0);
	assert_int_equal(plan_draw(plan, &plan->classes[0], 2, &problems, &b), 0);
	assert_int_equal(plan_draw(plan, &plan->classes[1], 1, &problems, &c), 0);
	assert_string_not_equal(a.args[0], b.args[0]);
	assert_true(a.memory_bytes != b.memory_bytes && a.memory_bytes != c.memory_bytes);
	assert_true(a.memgen_seed != b.memgen_seed && a.memgen_seed != c.memgen_seed);
	plan_run_done(&a);
	plan_run_done(&b);
	plan_run_done(&c);
}

/* The good plan with @from replaced by @to must be refused with @message. */
static void assert_refused(const char *from, const char *to, const char *message)
{
	_cleanup_problems_ struct problems problems = { 0 };
	_cleanup_free_ char *bad = NULL;
	struct plan *plan = NULL;
	const char *at = strstr(good, from);

	assert_non_null(at);
	if (asprintf(&bad, "%.*s%s%s", (int)(at - good), good, to, at + strlen(from)) < 0)
		fail();
	if (load_text(bad, &problems, &plan) == 0) {
		plan_free(plan);
		fail_msg("%s: taken for good", to);
	}
	for (size_t i = 0; i < problems.count; i++)
		if (strstr(problems.texts[i], message))
			return;
	fail_msg("\"%s\" has no \"%s\"", problems.count ? problems.texts[0] : "", message);
}

static void test_bad_plans(void **state)
{
	(void)state;
	assert_refused("name: mine", "name: Mine", ":1: name: must be of a-z");
	assert_refused("noise: noise\n", "", "noise: missing");
	assert_refused("duration: 1h\n", "", "duration: missing; give it to the class");
	assert_refused("duration: 1h", "duration: 1lh", ":5: duration: \"1lh\": not a number");
	assert_refused("duration: 1h", "duration: 1min", "must be longer than health");
	assert_refused("duration: 1h", "duration: 1000d", "more than 1000000 samples");
	assert_refused("\"{2*size}\"", "\"{2*sice}\"", ":6: memory: \"{2*sice}\": sice: nothing");
	assert_refused("\"{2*size}\"", "4KiB", "must be a size of at least 1MiB");
	assert_refused("from: 7KB/s, ", "", "rate: give either from and to, or choice");
	assert_refused("from: 7KB/s", "from: 70KB/s", "rate: from 70KB/s is above to 15KB/s");
	assert_refused("from: 7KB/s", "from: 0", "must be above 0 on a log scale");
	assert_refused("7KB/s", "7KB/s, scale: root", "log or linear");
	assert_refused("name: steps", "name: rate", "rate: drawn twice");
	assert_refused("name: steady", "name: linear-10K", "another class has this name");
	assert_refused("name: steady", "name: st/eady", "must be of letters, digits and -");
	assert_refused("[\"--size={size}\"]", "[size]", "must be an option of memgen");
	assert_refused("interval: 1s", "interval: 1ms", "interval: must be at least 10ms");
	assert_refused("interval: 1s", "interval: 10s", "charge_interval: must be at least");
	assert_refused("interval: 1s", "intervall: 1s", ":18: intervall: unknown key (keys here: "
							"name, pattern, draw");
	assert_refused("{name: size, from", "{nane: size, from", "nane: unknown key (keys here: "
								  "name, from, to");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_formulas),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_good_plan),
		cmocka_unit_test(test_draws_differ),
		cmocka_unit_test(test_bad_plans),
	};

	return cmocka_run_group_tests_name("simulate_plan", tests, NULL, NULL);
}
