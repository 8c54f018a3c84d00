// SPDX-License-Identifier: GPL-2.0-or-later
/* Every holder with real memory: what the truth says against what the kernel measures. */
#include "tests/unit/gen_test.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "generators/gen_run.h"

#define HOLDERS_MAX 32

/* What a process does to itself before it becomes a memgen. */
typedef void (*prepare_fn)(void);

struct run {
	pid_t pid;
	FILE *truth;
	FILE *said; /* its stderr */
};

static struct run start(const char *words, prepare_fn prepare)
{
	struct gen_config config = config_of(words);
	struct run run = { .said = tmpfile() };
	int fds[2];

	assert_non_null(run.said);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	run.pid = fork();
	assert_true(run.pid >= 0);
	if (run.pid == 0) {
		close(fds[0]);
		dup2(fileno(run.said), STDERR_FILENO);
		if (prepare)
			prepare();
		_exit(gen_run(&config, fds[1]));
	}
	close(fds[1]);
	run.truth = fdopen(fds[0], "r");
	return run;
}

/* The next record of @type; NULL when there is none any more. */
static json_t *next_record(FILE *in, const char *type)
{
	char line[4096];

	while (fgets(line, sizeof(line), in)) {
		json_t *record = json_loads(line, 0, NULL);

		assert_non_null(record);
		if (strcmp(type_of(record), type) == 0)
			return record;
		json_decref(record);
	}
	return NULL;
}

/* Reads the rest, waits for its end and returns its exit code; what it said is in @ret_said. */
static int finish(struct run *run, char *ret_said, size_t size)
{
	int status;
	size_t n;

	assert_null(next_record(run->truth, "no such record"));
	fclose(run->truth);
	assert_int_equal(waitpid(run->pid, &status, 0), run->pid);
	rewind(run->said);
	n = fread(ret_said, 1, size - 1, run->said);
	ret_said[n] = '\0';
	fclose(run->said);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* A host without huge pages cannot run it, and says so. */
static bool cannot_run(const char *name, int code, const char *said)
{
	return strcmp(name, "thp") == 0 && code == GEN_EXIT_BROKEN &&
	       strstr(said, "transparent_hugepage");
}

static void check_measured(const char *words, const struct gen_holder *holder, json_t *record)
{
	double retained, measured;

	assert_non_null(record);
	retained = (double)integer(record, "retained_bytes");
	measured = (double)integer(record, "smaps_bytes");
	/* Pages and queues are counted, not estimated; a process is what it was at the start. */
	if (retained - measured > 0.02 * retained ||
		(measured - retained > retained * holder->tolerance_percent / 100 &&
			!is_instrumented()))
		fail_msg("%s: held %.0f, measured %.0f", words, retained, measured);
	if (holder->reclaimable)
		assert_true(json_is_null(json_object_get(record, "shortfall_bytes")));
	else
		assert_int_equal(integer(record, "shortfall_bytes"),
			integer(record, "retained_bytes") - integer(record, "smaps_bytes"));
}

/* The run of @words to its end: what it says it is, and what it says that it held. */
static void check_run(
	const char *words, const struct gen_holder *holder, bool leaks, struct run *run)
{
	json_t *start_record = next_record(run->truth, "start");
	json_t *measured = next_record(run->truth, "measured");
	char said[1024];
	int code = finish(run, said, sizeof(said));

	if (!cannot_run(holder->name, code, said)) {
		if (code != 0 || *said)
			fail_msg("%s: exit %d: %s", words, code, said);
		assert_string_equal(
			json_string_value(json_object_get(start_record, "pages")), holder->name);
		assert_string_equal(json_string_value(json_object_get(start_record, "class")),
			leaks && !holder->reclaimable ? "leak" : "benign");
		check_measured(words, holder, measured);
	}
	json_decref(start_record);
	json_decref(measured);
}

static void test_every_pattern_over_every_holder(void **state)
{
	static const char *const patterns[] = {
		"linear --rate=20MiB/s",
		"churn --size=4MiB --rate=10MiB/s",
		"sawtooth --floor=2MiB --size=6MiB --rate=20MiB/s",
		"spike --size=4MiB --every=100ms --hold=40ms",
	};

	(void)state;
	for (size_t k = 0; k < sizeof(patterns) / sizeof(patterns[0]); k++) {
		struct run runs[HOLDERS_MAX];
		char words[HOLDERS_MAX][256];

		/* All holders at once: each waits for its pattern most of the time. */
		for (size_t i = 0; gen_holders[i]; i++) {
			assert_true(i < HOLDERS_MAX);
			snprintf(words[i], sizeof(words[i]),
				"%s --pages=%s%s --start-delay=10ms --duration=260ms", patterns[k],
				gen_holders[i]->name,
				gen_holders[i]->takes & GEN_TAKES_DIR ? " --dir=." : "");
			runs[i] = start(words[i], NULL);
		}
		for (size_t i = 0; gen_holders[i]; i++)
			check_run(words[i], gen_holders[i], k == 0, &runs[i]);
	}
}

static void test_holders_in_many_processes(void **state)
{
	static const char *const names[] = { "cow", "process", "socket" };
	char words[128], said[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct run run;
		json_t *record;
		int code;

		snprintf(words, sizeof(words),
			"linear --rate=10MiB/s --processes=3 --pages=%s --start-delay=10ms "
			"--duration=200ms",
			names[i]);
		run = start(words, NULL);
		for (int k = 0; k < 3; k++) {
			record = next_record(run.truth, "measured");
			check_measured(words, gen_holder_find(names[i]), record);
			json_decref(record);
		}
		code = finish(&run, said, sizeof(said));
		if (code != 0 || *said)
			fail_msg("%s: exit %d: %s", words, code, said);
	}
}

/* What it made -------------------------------------------------------------------------------- */

/* A process whose parent is @parent; 0 when there is none. */
static pid_t find_child(pid_t parent)
{
	char path[64], text[256];
	int pid = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", parent, parent);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (!fgets(text, sizeof(text), file) || sscanf(text, "%d", &pid) != 1)
		pid = 0;
	fclose(file);
	return pid;
}

static const char *const makers[] = { "linear --pages=cow --rate=10MiB/s --start-delay=0",
	"linear --pages=process --rate=10MiB/s --start-delay=0" };

static void test_a_killed_child_ends_the_run(void **state)
{
	char said[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(makers) / sizeof(makers[0]); i++) {
		struct run run = start(makers[i], NULL);
		json_t *record = next_record(run.truth, "step");
		pid_t child = find_child(run.pid);

		assert_non_null(record);
		json_decref(record);
		if (child == 0)
			skip(); /* a kernel without CONFIG_PROC_CHILDREN */
		assert_int_equal(kill(child, SIGKILL), 0);
		record = next_record(run.truth, "end");
		assert_string_equal(json_string_value(json_object_get(record, "reason")), "error");
		json_decref(record);
		assert_int_equal(finish(&run, said, sizeof(said)), 128 + SIGKILL);
		assert_non_null(strstr(said, "killed by signal 9"));
	}
}

static void test_children_die_with_a_killed_run(void **state)
{
	(void)state;
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	for (size_t i = 0; i < sizeof(makers) / sizeof(makers[0]); i++) {
		struct run run = start(makers[i], NULL);
		json_t *record = next_record(run.truth, "step");
		pid_t child = find_child(run.pid);
		int status;

		assert_non_null(record);
		json_decref(record);
		if (child == 0)
			skip(); /* a kernel without CONFIG_PROC_CHILDREN */
		assert_int_equal(kill(run.pid, SIGKILL), 0);
		assert_int_equal(waitpid(run.pid, &status, 0), run.pid);
		/* Orphans come to us. */
		assert_int_equal(waitpid(child, &status, 0), child);
		/* So do its siblings, of which the last may have been about to begin. */
		while (waitpid(-1, &status, 0) > 0)
			;
		fclose(run.truth);
		fclose(run.said);
	}
}

/* Bad surroundings ---------------------------------------------------------------------------- */

static void limit(int resource, rlim_t value)
{
	const struct rlimit both = { value, value };

	if (setrlimit(resource, &both) < 0)
		_exit(99);
}

static void small_files(void)
{
	limit(RLIMIT_FSIZE, 1 << 20);
}

/* Root may have as many processes as it likes. */
static void few_processes(void)
{
	if (geteuid() == 0 && setuid(65534) < 0)
		_exit(99);
	limit(RLIMIT_NPROC, 1);
}

static void no_proc(void)
{
	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("none", "/proc", "tmpfs", 0, NULL) < 0)
		_exit(99);
}

static void check_refused(
	const char *words, prepare_fn prepare, const char *names, const char *mends)
{
	struct run run = start(words, prepare);
	json_t *record = next_record(run.truth, "end");
	char said[1024];
	int code = finish(&run, said, sizeof(said));

	if (code != GEN_EXIT_BROKEN || !record || !strstr(said, names) || !strstr(said, mends))
		fail_msg("%s: exit %d: %s", words, code, said);
	assert_string_equal(json_string_value(json_object_get(record, "reason")), "error");
	json_decref(record);
}

static void test_limits_are_named(void **state)
{
	(void)state;
	/* More files than fs.nr_open lets any process have. */
	check_refused("linear --pages=pipe --rate=20GiB/s", NULL, "open files", "--ulimit");
	check_refused("linear --pages=socket --rate=20GiB/s", NULL, "open files", "--ulimit");
	check_refused("linear --pages=cache --dir=. --rate=1MiB/s", small_files, "File too large",
		"another folder");
	check_refused("linear --pages=dirty --dir=. --rate=1TiB/s", NULL, "No space", "hold less");
	check_refused("linear --pages=cache --dir=/dev/shm", NULL, "/dev/shm", "--pages=tmpfs");
	check_refused(
		"linear --pages=inode --rate=1GiB/s", NULL, "vm.max_map_count", "--processes");
	check_refused("linear --pages=process --rate=100MiB/s", few_processes, "cannot fork",
		"pids-limit");
	check_refused("linear --pages=cow --rate=1MiB/s", few_processes, "cannot fork", "pids.max");
	check_refused("linear --pages=stack --rate=100MiB/s --start-delay=0", few_processes,
		"cannot start thread", "pids-limit");
}

static void test_without_proc(void **state)
{
	char said[1024];
	struct run run;
	json_t *record;

	(void)state;
	if (geteuid() != 0)
		skip(); /* only root may mount */
	check_refused("linear --pages=process", no_proc, "/proc", "mount /proc");
	run = start("linear --pages=cow --start-delay=10ms --duration=100ms", no_proc);
	record = next_record(run.truth, "measured");
	assert_non_null(record);
	assert_true(json_is_null(json_object_get(record, "smaps_bytes")));
	assert_true(json_is_null(json_object_get(record, "shortfall_bytes")));
	json_decref(record);
	assert_int_equal(finish(&run, said, sizeof(said)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_pattern_over_every_holder),
		cmocka_unit_test(test_holders_in_many_processes),
		cmocka_unit_test(test_a_killed_child_ends_the_run),
		cmocka_unit_test(test_children_die_with_a_killed_run),
		cmocka_unit_test(test_limits_are_named),
		cmocka_unit_test(test_without_proc),
	};

	return cmocka_run_group_tests_name("gen_hold", tests, NULL, NULL);
}
