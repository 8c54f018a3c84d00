// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How long until a new process is tracked, a page that it touches is in a sample, and its end is
 * known: the recorder's own loop, with all it does besides, from before fork(), the touch or kill()
 * until the record of it is written. Each process touches at a time of its own, and a bystander all
 * the while, so that sweeps come as on a busy host. Alone, and with 5,000 processes in 500 cgroups
 * watched too.
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collector/recorder.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/jsonl.h"
#include "lib/stats.h"
#include "tests/bench/scale_load.h"

#define PROCESSES 10
#define ROUNDS 30
#define PAGE_BYTES 4096
/* Twice the default threshold. */
#define MANY_PAGES 128
#define BESIDE 5000
#define MAX_PIDS 65536
#define PATIENCE_NS (20 * NS_PER_S)
/* So that what was sent of its start does not pass for the touch... */
#define REST_US 700000
/* ...and each has a time of its own after it: up to two sweeps of a recorder with little to do. */
#define SPREAD_NS (400 * NS_PER_MS)
#define SEED 1
/* What the bystander touches, a page at a time, again and again. */
#define BYSTANDER_PAGES 64
#define BYSTANDER_US 5000

/* Of one process, shared between it, who starts it, and the recorder. */
struct subject {
	atomic_int pid;
	atomic_uint touch;	   /* pages */
	atomic_ullong touch_at_ns; /* once it is told to */
	atomic_ullong mm;	   /* once it is tracked */
	atomic_ullong started_ns, touched_ns, killed_ns;
	atomic_ullong tracked_ns, sampled_ns, forgotten_ns; /* 0: not yet */
	atomic_ullong rest_bytes;			    /* of anonymous memory, untouched */
};

/* What was told of a process; its record may come before fork() has returned its pid. */
struct told {
	atomic_ullong t_ns, mm;
};

enum delay { START, ONE_PAGE, MANY, END, DELAYS };

static const char *const delay_names[] = { "start to tracked", "touch of a page to sample",
	"touch of 128 pages to sample", "SIGKILL to forgotten" };

struct shared {
	struct subject subjects[PROCESSES];
	struct told told[MAX_PIDS];	    /* by pid */
	atomic_ullong anon_bytes[MAX_PIDS]; /* by mm, its last bits */
	uint64_t random;
	double ms[DELAYS][ROUNDS * PROCESSES];
	size_t n[DELAYS]; /* PROCESSES in each round */
	atomic_int failed;
};

static struct shared *shared;

/* What the recorder writes ----------------------------------------------------------------- */

static uint64_t number_after(const char *line, const char *key)
{
	const char *at = strstr(line, key);

	return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}

static void take_process(const char *line, uint64_t mm, uint64_t now_ns)
{
	struct told *told = &shared->told[number_after(line, "\"pid\":") % MAX_PIDS];

	/* The first record of it counts; another is of its new name. */
	if (told->mm == mm)
		return;
	told->mm = mm;
	told->t_ns = now_ns;
}

/*
 * Whether a sample shows the touch. One that was read before it and is written after it does not,
 * if it tells of the start what had not been sent; clocks and counters are not read at once.
 */
static bool is_of_touch(const struct subject *s, uint64_t t_ns, uint64_t anon_bytes)
{
	return s->touched_ns && t_ns + NS_PER_MS >= s->touched_ns &&
	       anon_bytes >= s->rest_bytes + s->touch * PAGE_BYTES;
}

static void take_record(const char *line)
{
	uint64_t now_ns = clock_mono_ns(), mm = number_after(line, "\"mm\":");
	uint64_t t_ns = number_after(line, "\"t_ns\":");
	uint64_t anon_bytes = number_after(line, "\"anon_bytes\":");
	bool is_exit = strstr(line, "\"type\":\"exit\"");

	if (strstr(line, "\"type\":\"process\""))
		take_process(line, mm, now_ns);
	if (!is_exit && !strstr(line, "\"type\":\"rss\""))
		return;
	for (struct subject *s = shared->subjects; s < shared->subjects + PROCESSES; s++) {
		if (s->mm != mm)
			continue;
		if (is_exit)
			s->forgotten_ns = now_ns;
		else if (!s->sampled_ns && is_of_touch(s, t_ns, anon_bytes))
			s->sampled_ns = now_ns;
	}
	shared->anon_bytes[mm % MAX_PIDS] = anon_bytes;
}

/* The stream is not buffered, so that it gets each line by itself. */
static ssize_t take_line(void *cookie, const char *buf, size_t size)
{
	char line[1024];

	(void)cookie;
	snprintf(line, sizeof(line), "%.*s", (int)size, buf);
	take_record(line);
	return (ssize_t)size;
}

/* What is recorded ------------------------------------------------------------------------- */

/* Like fork(), but the child dies with its parent. */
static pid_t fork_bound(void)
{
	pid_t parent = getpid(), pid = fork();

	if (pid == 0 && (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent))
		_exit(1);
	return pid;
}

static char *map_room(size_t pages)
{
	char *room = mmap(NULL, pages * PAGE_BYTES, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (room == MAP_FAILED)
		_exit(1);
	madvise(room, pages * PAGE_BYTES, MADV_NOHUGEPAGE);
	return room;
}

/* Always gives the sweep something to do, so that it never comes at once for lack of that. */
static void be_bystander(void)
{
	char *room = map_room(BYSTANDER_PAGES);

	for (size_t page = 0;; page = (page + 1) % BYSTANDER_PAGES) {
		if (page == 0)
			madvise(room, BYSTANDER_PAGES * PAGE_BYTES, MADV_DONTNEED);
		room[page * PAGE_BYTES] = 1;
		usleep(BYSTANDER_US);
	}
}

static void be_subject(struct subject *s)
{
	char *room = map_room(MANY_PAGES);

	while (!s->touch_at_ns || clock_mono_ns() < s->touch_at_ns)
		usleep(1000);
	s->touched_ns = clock_mono_ns();
	for (unsigned int page = 0; page < s->touch; page++)
		room[page * PAGE_BYTES] = 1;
	for (;;)
		pause();
}

/* Waits until all are tracked, and notes since when and as what. */
static bool wait_until_tracked(void)
{
	uint64_t deadline_ns = clock_mono_ns() + PATIENCE_NS;

	for (struct subject *s = shared->subjects; s < shared->subjects + PROCESSES; s++) {
		const struct told *told = &shared->told[s->pid % MAX_PIDS];

		while (told->t_ns < s->started_ns) {
			if (clock_mono_ns() > deadline_ns)
				return false;
			usleep(1000);
		}
		s->tracked_ns = told->t_ns;
		s->mm = told->mm;
	}
	return true;
}

/* Waits until all have the time that lies at @offset. */
static bool wait_for(size_t offset)
{
	uint64_t deadline_ns = clock_mono_ns() + PATIENCE_NS;

	for (int i = 0; i < PROCESSES; i++) {
		char *at = (char *)&shared->subjects[i] + offset;

		while (!*(atomic_ullong *)at) {
			if (clock_mono_ns() > deadline_ns)
				return false;
			usleep(1000);
		}
	}
	return true;
}

static void note(enum delay delay, uint64_t from_ns, uint64_t to_ns)
{
	shared->ms[delay][shared->n[delay]++] = ((double)to_ns - (double)from_ns) * 1e-6;
}

/* All at once, but each for a time of its own: one sweep is not to see them all. */
static void order_touches(unsigned int pages)
{
	uint64_t now_ns = clock_mono_ns();

	for (struct subject *s = shared->subjects; s < shared->subjects + PROCESSES; s++) {
		s->rest_bytes = shared->anon_bytes[s->mm % MAX_PIDS];
		s->touch = pages;
		s->touch_at_ns =
			now_ns + (uint64_t)(stats_random_unit(&shared->random) * (double)SPREAD_NS);
	}
}

static bool run_round(unsigned int pages)
{
	bool seen;

	memset(shared->subjects, 0, sizeof(shared->subjects));
	for (struct subject *s = shared->subjects; s < shared->subjects + PROCESSES; s++) {
		pid_t pid;

		s->started_ns = clock_mono_ns();
		pid = fork_bound();
		if (pid == 0)
			be_subject(s);
		/* Those that were started end with this process, which gives up. */
		if (pid < 0)
			return false;
		s->pid = pid;
	}
	seen = wait_until_tracked();
	usleep(REST_US);
	order_touches(pages);
	seen = seen && wait_for(offsetof(struct subject, sampled_ns));
	for (struct subject *s = shared->subjects; s < shared->subjects + PROCESSES; s++) {
		s->killed_ns = clock_mono_ns();
		kill(s->pid, SIGKILL);
	}
	seen = seen && wait_for(offsetof(struct subject, forgotten_ns));
	for (struct subject *s = shared->subjects; s < shared->subjects + PROCESSES; s++) {
		waitpid(s->pid, NULL, 0);
		if (!seen)
			continue;
		note(START, s->started_ns, s->tracked_ns);
		note(pages == 1 ? ONE_PAGE : MANY, s->touched_ns, s->sampled_ns);
		note(END, s->killed_ns, s->forgotten_ns);
	}
	return seen;
}

static void run_subjects(uint64_t processes)
{
	pid_t bystander;

	(void)processes;
	if (fork_bound())
		return;
	bystander = fork_bound();
	if (bystander == 0)
		be_bystander();
	shared->failed = bystander < 0;
	for (int round = 0; round < ROUNDS && !shared->failed; round++)
		shared->failed |= !run_round(round % 2 ? MANY_PAGES : 1);
	if (bystander > 0 && kill(bystander, SIGKILL) == 0)
		waitpid(bystander, NULL, 0);
	kill(getppid(), SIGTERM);
	_exit(0);
}

/*
 * For people, and one line for programs, where that goes to a file. No p99: of 150 delays it would
 * be the largest but one, of 15 rounds.
 */
static void tell_delays(FILE *json, uint64_t beside)
{
	char buf[JSONL_LINE_SIZE];
	struct jsonl line;

	jsonl_begin(&line, buf, sizeof(buf));
	jsonl_str(&line, "bench", "tracking");
	jsonl_u64(&line, "beside_processes", beside);
	printf("  %-30s %8s %8s %8s\n", "", "p50", "p90", "max");
	for (int delay = 0; delay < DELAYS; delay++) {
		static const double shares[] = { 0.5, 0.9, 1 };
		static const char *const keys[] = { "p50_ms", "p90_ms", "max_ms" };

		printf("  %-30s", delay_names[delay]);
		jsonl_object_begin(&line, delay_names[delay]);
		for (int i = 0; i < 3; i++) {
			double ms = 0;

			stats_quantile(shared->ms[delay], shared->n[delay], shares[i], &ms);
			printf(" %8.2f", ms);
			jsonl_f64(&line, keys[i], ms, 3);
		}
		printf(" ms  (%zu in %zu rounds)\n", shared->n[delay],
			shared->n[delay] / PROCESSES);
		jsonl_u64(&line, "n", shared->n[delay]);
		jsonl_u64(&line, "rounds", shared->n[delay] / PROCESSES);
		jsonl_object_end(&line);
	}
	if (json)
		jsonl_write_file(&line, json);
}

/* The recorder leaves the signal that ended it to whoever comes next. */
static void take_signal(void)
{
	struct timespec no_time = {};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	while (sigtimedwait(&set, NULL, &no_time) > 0)
		continue;
}

static int run(const struct cgroup_host *host, FILE *json, uint64_t beside)
{
	struct recorder_options options = {
		.ready_fd = -1,
		.on_ready = run_subjects,
		.capture = {
			.interval_ns = 100 * NS_PER_MS,
			.threshold_bytes = 256 * 1024,
			.ring_bytes = 4 << 20,
			.host = host,
		},
	};
	cookie_io_functions_t functions = { .write = take_line };
	struct recorder_result result;
	char error[512];
	int err;

	memset(shared, 0, sizeof(*shared));
	shared->random = SEED;
	options.samples = fopencookie(NULL, "w", functions);
	if (!options.samples)
		return -ENOMEM;
	setvbuf(options.samples, NULL, _IONBF, 0);
	err = recorder_run(&options, &result, error, sizeof(error));
	fclose(options.samples);
	take_signal();
	if (err)
		fprintf(stderr, "bench_tracking: %s\n", error);
	else if (shared->failed)
		fprintf(stderr, "bench_tracking: not all was seen within %llu s\n",
			PATIENCE_NS / NS_PER_S);
	else
		tell_delays(json, beside);
	return err ? err : -(shared->failed != 0);
}

/* With an argument the figures go to that file, too. */
int main(int argc, char **argv)
{
	_cleanup_fclose_ FILE *json = NULL;
	struct cgroup_host host;
	struct load *load = NULL;
	int err;

	if (argc > 2 || (argc == 2 && argv[1][0] == '-')) {
		fprintf(stderr,
			"usage: bench_tracking [FILE]: delays, in about two minutes, also beside "
			"5,000 processes; as root. FILE gets the figures as JSON Lines.\n");
		return 2;
	}
	if (argc > 1)
		json = fopen(argv[1], "we");
	if (argc > 1 && !json) {
		fprintf(stderr, "bench_tracking: %s: cannot be written: %m\n", argv[1]);
		return 2;
	}
	shared = mmap(
		NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || cgroup_host_open("/proc", &host))
		return 3;
	printf("%d processes at once, %d rounds, the recorder alone with them and one that touches "
	       "memory\nall the while; those of a round share sweeps, so rounds count, not "
	       "delays\n",
		PROCESSES, ROUNDS);
	err = run(&host, json, 0);
	if (!err)
		err = load_open(&load);
	if (!err)
		err = load_start(load, BESIDE, BESIDE / 10);
	if (!err) {
		printf("the same beside 5,000 processes in 500 cgroups that are watched too\n");
		err = run(&host, json, BESIDE);
	}
	if (load)
		load_close(load);
	if (err)
		fprintf(stderr, "bench_tracking: %s\n", strerror(-err));
	cgroup_host_close(&host);
	return err ? 1 : 0;
}
