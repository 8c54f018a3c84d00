// SPDX-License-Identifier: GPL-2.0-or-later
/* Real pages, in a forked process: the truth is read back and must agree with itself and smaps. */
#include "tests/unit/gen_test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "generators/gen_run.h"
#include "lib/clock.h"

/* @unwanted_fd is closed in the new process, as a reader's end of a pipe must be; or -1. */
static pid_t start(const struct gen_config *config, int fd, int unwanted_fd, bool quiet)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (quiet) {
			int null = open("/dev/null", O_WRONLY);

			dup2(null, STDERR_FILENO);
		}
		if (unwanted_fd >= 0)
			close(unwanted_fd);
		_exit(gen_run(config, fd));
	}
	return pid;
}

static int finish(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static json_t *run(const char *words, int expected_exit)
{
	struct gen_config config = config_of(words);
	FILE *file = tmpfile();
	json_t *records;

	assert_non_null(file);
	assert_int_equal(
		finish(start(&config, fileno(file), -1, expected_exit != 0)), expected_exit);
	records = read_records(file);
	fclose(file);
	return records;
}

static const char *end_reason(const json_t *records)
{
	const json_t *last = json_array_get(records, json_array_size(records) - 1);

	assert_string_equal(type_of(last), "end");
	assert_true(integer(last, "cpu_ns") > 0);
	return json_string_value(json_object_get(last, "reason"));
}

static void check_measured(const char *words, const json_t *records, size_t processes)
{
	assert_int_equal(count_records(records, "measured"), processes);
	for (size_t i = 0; i < processes; i++) {
		const json_t *measured = find_record(records, "measured", i);

		/* What is reclaimable has no shortfall; nothing takes it back in so short a time.
		 */
		if (integer(measured, "retained_bytes") != integer(measured, "smaps_bytes"))
			fail_msg("%s: held %lld, resident %lld", words,
				(long long)integer(measured, "retained_bytes"),
				(long long)integer(measured, "smaps_bytes"));
	}
}

/* Steps lie after their deadlines, add up, and end with what the pattern asks for at the end. */
static void check_steps(const char *words, const json_t *records)
{
	struct gen_config config = config_of(words);
	size_t steps = count_records(records, "step");
	uint64_t asked =
		(uint64_t)gen_held_bytes(config.pattern, &config.params, gen_span_ns(&config));

	assert_true(steps > 0);
	for (size_t i = 0; i < steps; i++) {
		const json_t *step = find_record(records, "step", i);

		assert_true(integer(step, "late_ns") >= 0);
		assert_int_equal(integer(step, "retained_bytes"),
			integer(step, "touched_bytes") - integer(step, "released_bytes"));
		if (i + 1 == steps)
			assert_int_equal(integer(step, "retained_bytes"),
				asked / config.unit_bytes * config.unit_bytes);
	}
}

static void test_pages_of_all_kinds(void **state)
{
	static const char *const patterns[] = {
		"linear --rate=20MiB/s",
		"churn --size=2MiB --rate=10MiB/s",
		"sawtooth --floor=1MiB --size=3MiB --rate=10MiB/s",
		"spike --size=2MiB --every=100ms --hold=40ms",
	};
	static const char *const kinds[] = { "anon", "shmem", "file --dir=." };

	(void)state;
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
			char words[256];
			json_t *records;

			snprintf(words, sizeof(words),
				"%s --pages=%s --start-delay=10ms --duration=260ms", patterns[i],
				kinds[k]);
			records = run(words, 0);
			assert_string_equal(end_reason(records), "duration");
			check_steps(words, records);
			check_measured(words, records, 1);
			json_decref(records);
		}
	}
}

static void test_threads_touch_everything(void **state)
{
	const char *words = "linear --rate=8MiB/s --threads=5 --start-delay=10ms --duration=250ms";
	json_t *records = run(words, 0);

	(void)state;
	check_steps(words, records);
	check_measured(words, records, 1);
	json_decref(records);
}

static void test_many_processes(void **state)
{
	json_t *records =
		run("burst --size=2MiB --processes=4 --start-delay=50ms --duration=200ms", 0);
	json_int_t ready_ns = integer(find_record(records, "ready", 0), "t_ns");

	(void)state;
	assert_int_equal(count_records(records, "process"), 4);
	assert_int_equal(count_records(records, "onset"), 4);
	assert_int_equal(count_records(records, "exited"), 4);
	for (size_t i = 0; i < 4; i++) {
		const json_t *exited = find_record(records, "exited", i);

		assert_int_equal(integer(exited, "exit_code"), 0);
		assert_int_equal(integer(find_record(records, "process", i), "proc"), i);
		assert_int_equal(integer(find_record(records, "onset", i), "t_ns"),
			ready_ns + (json_int_t)SECONDS(0.05));
	}
	check_measured("burst", records, 4);
	assert_string_equal(end_reason(records), "duration");
	json_decref(records);
}

/* Reads the truth up to the first record of @type, which says that the run has come that far. */
static json_t *read_until(FILE *in, const char *type)
{
	char line[4096];

	while (fgets(line, sizeof(line), in)) {
		json_t *record = json_loads(line, 0, NULL);

		assert_non_null(record);
		if (strcmp(type_of(record), type) == 0)
			return record;
		json_decref(record);
	}
	fail_msg("no record of type %s", type);
	return NULL;
}

static FILE *start_on_pipe(const char *words, pid_t *ret_pid)
{
	struct gen_config config = config_of(words);
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	*ret_pid = start(&config, fds[1], fds[0], true);
	close(fds[1]);
	return fdopen(fds[0], "r");
}

static void check_stopped_by(const char *words, int signal)
{
	pid_t pid;
	FILE *in = start_on_pipe(words, &pid);
	json_t *record;

	json_decref(read_until(in, "step"));
	assert_int_equal(kill(pid, signal), 0);
	record = read_until(in, "measured");
	assert_int_equal(integer(record, "shortfall_bytes"), 0);
	json_decref(record);
	record = read_until(in, "end");
	assert_string_equal(json_string_value(json_object_get(record, "reason")), "signal");
	json_decref(record);
	assert_int_equal(finish(pid), 0);
	fclose(in);
}

static void test_signals_end_the_run(void **state)
{
	(void)state;
	check_stopped_by("linear --start-delay=0 --duration=1h", SIGTERM);
	check_stopped_by("linear --start-delay=0 --duration=1h --processes=3", SIGINT);
	check_stopped_by("steady --size=1MiB --start-delay=0 --duration=1h --threads=2", SIGHUP);
}

static void test_signal_before_onset(void **state)
{
	pid_t pid;
	FILE *in = start_on_pipe("linear --start-delay=1h --duration=2h", &pid);
	json_t *end;

	(void)state;
	json_decref(read_until(in, "ready"));
	assert_int_equal(kill(pid, SIGTERM), 0);
	end = read_until(in, "end");
	assert_string_equal(json_string_value(json_object_get(end, "reason")), "signal");
	json_decref(end);
	assert_int_equal(finish(pid), 0);
	fclose(in);
}

static void test_killed_child_is_told(void **state)
{
	pid_t pid;
	FILE *in = start_on_pipe(
		"linear --rate=10MiB/s --processes=2 --start-delay=0 --duration=300ms", &pid);
	json_t *process = read_until(in, "process"), *exited, *end;
	json_int_t victim = integer(process, "pid");

	(void)state;
	json_decref(process);
	json_decref(read_until(in, "step"));
	assert_int_equal(kill((pid_t)victim, SIGKILL), 0);
	exited = read_until(in, "exited");
	assert_int_equal(integer(exited, "pid"), victim);
	assert_int_equal(integer(exited, "signal"), SIGKILL);
	json_decref(exited);
	end = read_until(in, "end");
	assert_string_equal(json_string_value(json_object_get(end, "reason")), "error");
	json_decref(end);
	assert_int_equal(finish(pid), 128 + SIGKILL);
	fclose(in);
}

static void test_broken_output(void **state)
{
	struct gen_config config = config_of("linear --start-delay=0");
	struct gen_config many = config_of("linear --start-delay=0 --processes=2");
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	pid_t pid;
	FILE *in;

	(void)state;
	assert_true(full >= 0);
	assert_int_equal(finish(start(&config, full, -1, true)), GEN_EXIT_BROKEN);
	assert_int_equal(finish(start(&many, full, -1, true)), GEN_EXIT_BROKEN);
	close(full);
	in = start_on_pipe("linear --start-delay=0 --rate=100MiB/s --duration=10s", &pid);
	json_decref(read_until(in, "step"));
	fclose(in);
	assert_int_equal(finish(pid), GEN_EXIT_BROKEN);
}

static void test_bad_folders(void **state)
{
	static const char *const words[] = {
		"linear --pages=file --dir=/nonexistent/folder",
		"linear --pages=file --dir=/dev/shm",
		"linear --pages=file --dir=/nonexistent/folder --processes=3",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		json_t *records = run(words[i], GEN_EXIT_BROKEN);

		assert_string_equal(end_reason(records), "error");
		assert_null(find_record(records, "ready", 0));
		json_decref(records);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pages_of_all_kinds),
		cmocka_unit_test(test_threads_touch_everything),
		cmocka_unit_test(test_many_processes),
		cmocka_unit_test(test_signals_end_the_run),
		cmocka_unit_test(test_signal_before_onset),
		cmocka_unit_test(test_killed_child_is_told),
		cmocka_unit_test(test_broken_output),
		cmocka_unit_test(test_bad_folders),
	};

	return cmocka_run_group_tests_name("gen_run", tests, NULL, NULL);
}
