// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Every holder in a memory cgroup of its own: the growth of the truth against the growth of the
 * kernel's charge. One burst, after which both stand still until this test ends the run.
 *
 * The truth goes through a pipe that holds one record: memgen waits at each until the one before
 * has been read. So what was charged before the burst can be looked at for as long as a busy host
 * likes: until "ready" is read, "onset" cannot be written, and the burst does not begin.
 */
#include "tests/unit/gen_test.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <sys/poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "generators/gen_run.h"
#include "lib/clock.h"

#define RUNS_MAX 32
#define PATTERN "burst --size=24MiB --every=1h --start-delay=0 --duration=1h"
/* Charges are taken from the counter in batches, by each CPU. */
#define SLACK_BYTES (1 << 20)
#define REMOVE_TIMEOUT_NS (60 * NS_PER_S)

struct charged {
	const struct gen_holder *holder;
	char cgroup[256];
	int truth;
	pid_t pid;
	bool opened; /* its "process" was read: the next record is "ready", or that it failed */
	bool begun, ended;
	json_int_t unit_bytes;
	uint64_t base_bytes; /* charged when it was ready */
	double off;	     /* truth minus charge */
	uint64_t held_bytes;
};

static bool is_v1;

/* A folder in which memory cgroups can be made; NULL when there is none. */
static const char *find_hierarchy(void)
{
	static const char v1[] = "/sys/fs/cgroup/memory", v2[] = "/sys/fs/cgroup";
	int fd;

	is_v1 = access("/sys/fs/cgroup/memory/memory.usage_in_bytes", F_OK) == 0;
	if (is_v1)
		return v1;
	fd = open("/sys/fs/cgroup/cgroup.subtree_control", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	if (write(fd, "+memory", 7) != 7) {
		close(fd);
		return NULL;
	}
	close(fd);
	return v2;
}

static uint64_t usage_bytes(const struct charged *run)
{
	unsigned long long bytes = 0;
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/memory.%s", run->cgroup,
		is_v1 ? "usage_in_bytes" : "current");
	file = fopen(path, "re");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%llu", &bytes), 1);
	fclose(file);
	return bytes;
}

static void enter(const char *cgroup)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "0", 1) != 1)
		_exit(99);
	close(fd);
}

static void start(struct charged *run, const char *hierarchy, const struct gen_holder *holder)
{
	struct gen_config config;
	char words[256];
	int fds[2];

	snprintf(words, sizeof(words), PATTERN " --pages=%s%s", holder->name,
		holder->takes & GEN_TAKES_DIR ? " --dir=." : "");
	config = config_of(words);
	*run = (struct charged){ .holder = holder };
	snprintf(run->cgroup, sizeof(run->cgroup), "%s/leaklab-charge-%d-%s", hierarchy, getpid(),
		holder->name);
	assert_int_equal(mkdir(run->cgroup, 0755), 0);
	/* Each write is a packet, and there is room for one. */
	assert_int_equal(pipe2(fds, O_CLOEXEC | O_DIRECT), 0);
	assert_int_equal(fcntl(fds[0], F_SETPIPE_SZ, 1), sysconf(_SC_PAGESIZE));
	run->pid = fork();
	assert_true(run->pid >= 0);
	if (run->pid == 0) {
		enter(run->cgroup);
		_exit(gen_run(&config, fds[1]));
	}
	close(fds[1]);
	run->truth = fds[0];
}

/* When all of the burst is held, the charge is compared and the run ended. */
static void take_step(struct charged *run, const json_t *record)
{
	run->held_bytes = (uint64_t)integer(record, "retained_bytes");
	if (integer(record, "asked_bytes") - (json_int_t)run->held_bytes >= run->unit_bytes)
		return;
	run->off = (double)run->held_bytes - ((double)usage_bytes(run) - (double)run->base_bytes);
	assert_int_equal(kill(run->pid, SIGTERM), 0);
}

/* Called when a record is there to be read. */
static void read_record(struct charged *run)
{
	char line[4096];
	json_t *record;
	ssize_t n;

	if (run->opened && !run->begun)
		run->base_bytes = usage_bytes(run);
	n = read(run->truth, line, sizeof(line));
	assert_true(n >= 0);
	if (n == 0) {
		run->ended = true;
		return;
	}
	record = json_loadb(line, (size_t)n, 0, NULL);
	assert_non_null(record);
	if (strcmp(type_of(record), "process") == 0) {
		run->opened = true;
	} else if (strcmp(type_of(record), "ready") == 0) {
		assert_true(run->opened);
		run->begun = true;
	} else if (strcmp(type_of(record), "onset") == 0) {
		run->unit_bytes = integer(record, "unit_bytes");
	} else if (strcmp(type_of(record), "step") == 0) {
		take_step(run, record);
	}
	json_decref(record);
}

static void read_all(struct charged *runs, size_t count)
{
	for (;;) {
		struct pollfd fds[RUNS_MAX];
		size_t open = 0;

		for (size_t i = 0; i < count; i++) {
			fds[i] = (struct pollfd){ .fd = -1, .events = POLLIN };
			if (runs[i].ended)
				continue;
			fds[i].fd = runs[i].truth;
			open++;
		}
		if (open == 0)
			return;
		assert_true(poll(fds, count, -1) > 0);
		for (size_t i = 0; i < count; i++)
			if (fds[i].revents)
				read_record(&runs[i]);
	}
}

/* A cgroup can be removed when all that was charged for its last process is let go. */
static void finish(struct charged *run)
{
	uint64_t deadline_ns = clock_mono_ns() + REMOVE_TIMEOUT_NS;
	int status;

	close(run->truth);
	assert_int_equal(waitpid(run->pid, &status, 0), run->pid);
	while (rmdir(run->cgroup) < 0) {
		assert_int_equal(errno, EBUSY);
		assert_true(clock_mono_ns() < deadline_ns);
		clock_sleep_until_ns(clock_mono_ns() + 10 * NS_PER_MS);
	}
	/* thp: this host has no huge pages, and it was told. */
	if (strcmp(run->holder->name, "thp") == 0 && !run->begun)
		return;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_the_truth_is_the_charge(void **state)
{
	const char *hierarchy = find_hierarchy();
	static struct charged runs[RUNS_MAX];
	size_t count = 0;

	(void)state;
	if (geteuid() != 0)
		skip(); /* only root can make cgroups */
	assert_non_null(hierarchy);
	for (; gen_holders[count]; count++)
		start(&runs[count], hierarchy, gen_holders[count]);
	read_all(runs, count);
	for (size_t i = 0; i < count; i++)
		finish(&runs[i]);
	for (size_t i = 0; i < count; i++) {
		const struct charged *run = &runs[i];
		double share = (double)run->holder->tolerance_percent / 100;
		double allowed = fmax(SLACK_BYTES, share * (double)run->held_bytes);

		if (!run->begun)
			continue;
		print_message("%-9s held %8llu bytes, off by %+8.0f (%+.2f %%)\n",
			run->holder->name, (unsigned long long)run->held_bytes, run->off,
			100 * run->off / (double)run->held_bytes);
		if (fabs(run->off) > allowed && !is_instrumented())
			fail_msg("%s: off by %.0f bytes, %.0f allowed", run->holder->name, run->off,
				allowed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_truth_is_the_charge),
	};

	return cmocka_run_group_tests_name("gen_charge", tests, NULL, NULL);
}
