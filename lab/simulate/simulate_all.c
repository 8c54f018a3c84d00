// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Many runs in several processes. Each worker takes the next number that nobody has taken and sends
 * back what simulate_run() wrote; here it is put in order. Processes, not threads: a run starts
 * programs and reads files, and one that is killed leaves the others alone.
 */
#include "lab/simulate/simulate.h"
#include "lab/simulate/scratch.h"
#include "lib/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#define JOBS_MAX 1024

/* Before what a worker sends of one run: its lines, or the message. */
struct frame {
	uint64_t number;
	uint32_t bytes;
	int32_t err;
	bool usage;
};

struct worker {
	pid_t pid; /* and its process group; 0: it is gone */
	int from;
};

/* Lines of a run that is done before one of a lower number. */
struct done {
	char *text;
	size_t len;
};

struct pool {
	const struct simulation *sim;
	struct worker *workers;
	unsigned int count;
	atomic_size_t *next; /* shared by all */
	struct done *done;
	size_t done_count; /* all of them */
	size_t written;	   /* those before this number */
	FILE *out;
	void (*progress)(size_t done, size_t all);
	struct run_error *error;
};

/* In a worker ----------------------------------------------------------------------------- */

static int write_all(int fd, const void *data, size_t len)
{
	const char *at = data;

	while (len) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			at += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

/* Returns 0, or an error after which there is nothing more to do. */
static int work_one(const struct simulation *sim, size_t number, int to)
{
	_cleanup_free_ char *text = NULL;
	struct frame frame = { .number = number };
	struct run_error error = { 0 };
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	int err;

	if (!out)
		return -ENOMEM;
	frame.err = simulate_run(sim, number, out, &error);
	frame.usage = error.usage;
	if (fclose(out) != 0)
		return -ENOMEM;
	frame.bytes = (uint32_t)(frame.err ? strlen(error.text) : len);
	err = write_all(to, &frame, sizeof(frame));
	if (!err)
		err = write_all(to, frame.err ? error.text : text, frame.bytes);
	return err ? err : frame.err;
}

/* Whoever ends the worker, be it by the end of its parent, ends all that it started. */
static void end_group(int sig)
{
	(void)sig;
	kill(0, SIGKILL);
}

static void work(const struct simulation *sim, atomic_size_t *next, pid_t parent, int to)
{
	struct sigaction end = { .sa_handler = end_group };
	size_t all = simulation_count(sim);
	sigset_t none;

	setpgid(0, 0);
	sigaction(SIGTERM, &end, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		return;
	for (;;) {
		size_t number = atomic_fetch_add(next, 1);

		if (number >= all || work_one(sim, number, to) < 0)
			return;
	}
}

/* Before them ----------------------------------------------------------------------------- */

static int start_worker(struct pool *pool, struct worker *ret)
{
	pid_t parent = getpid(), pid;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		work(pool->sim, pool->next, parent, ends[1]);
		_exit(0);
	}
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return -EAGAIN;
	}
	/* Also here: it may be ended before it came to do so itself. */
	setpgid(pid, pid);
	*ret = (struct worker){ pid, ends[0] };
	return 0;
}

static int reap(struct worker *worker)
{
	int status = 0;

	close(worker->from);
	while (waitpid(worker->pid, &status, 0) < 0 && errno == EINTR)
		;
	worker->pid = 0;
	return status;
}

static void end_workers(struct pool *pool)
{
	for (unsigned int i = 0; i < pool->count; i++)
		if (pool->workers[i].pid)
			kill(-pool->workers[i].pid, SIGKILL);
	for (unsigned int i = 0; i < pool->count; i++)
		if (pool->workers[i].pid)
			reap(&pool->workers[i]);
}

/* Returns 1, 0 at the end of the file, or a negative errno. */
static int read_all(int fd, void *data, size_t len)
{
	char *at = data;

	while (len) {
		ssize_t n = read(fd, at, len);

		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			at += n;
			len -= (size_t)n;
		}
	}
	return 1;
}

static int write_in_order(struct pool *pool)
{
	for (; pool->written < simulation_count(pool->sim); pool->written++) {
		struct done *done = &pool->done[pool->written];

		if (!done->text)
			break;
		if (fwrite(done->text, 1, done->len, pool->out) != done->len)
			return run_fail(
				pool->error, -EIO, "the judged units cannot be written: %m");
		free(done->text);
		done->text = NULL;
	}
	return 0;
}

static int take_frame(struct pool *pool, const struct frame *frame, char *text)
{
	if (frame->err) {
		text[frame->bytes] = '\0';
		run_fail(pool->error, frame->err, "%s", text);
		pool->error->usage = frame->usage;
		free(text);
		return frame->err;
	}
	pool->done[frame->number] = (struct done){ text, frame->bytes };
	pool->done_count++;
	if (pool->progress)
		pool->progress(pool->done_count, simulation_count(pool->sim));
	return write_in_order(pool);
}

/* A worker has something to say, or is gone. */
static int hear(struct pool *pool, struct worker *worker)
{
	struct frame frame;
	char *text;
	int got = read_all(worker->from, &frame, sizeof(frame)), status;

	if (got > 0) {
		text = malloc((size_t)frame.bytes + 1);
		if (!text)
			return run_fail(pool->error, -ENOMEM, "out of memory");
		got = read_all(worker->from, text, frame.bytes);
		if (got > 0)
			return take_frame(pool, &frame, text);
		free(text);
	}
	status = reap(worker);
	if (WIFSIGNALED(status))
		return run_fail(pool->error, -EPROTO,
			"a process of the simulation was killed by signal %d", WTERMSIG(status));
	return 0;
}

/* Takes the signal, which would be delivered otherwise once it is no longer blocked. */
static int take_signal(struct pool *pool, int signals)
{
	struct signalfd_siginfo info;

	while (read(signals, &info, sizeof(info)) < 0 && errno == EINTR)
		;
	return run_fail(pool->error, -EINTR, "interrupted: no judged units were written");
}

static int serve(struct pool *pool, int signals)
{
	struct pollfd *fds = calloc(pool->count + 1, sizeof(*fds));
	int err = fds ? 0 : run_fail(pool->error, -ENOMEM, "out of memory");

	while (!err) {
		unsigned int alive = 0;

		for (unsigned int i = 0; i < pool->count; i++) {
			fds[i] = (struct pollfd){
				.fd = pool->workers[i].pid ? pool->workers[i].from : -1,
				.events = POLLIN,
			};
			alive += pool->workers[i].pid != 0;
		}
		if (alive == 0)
			break;
		fds[pool->count] = (struct pollfd){ .fd = signals, .events = POLLIN };
		if (poll(fds, pool->count + 1, -1) < 0 && errno != EINTR)
			err = run_fail(pool->error, -errno, "poll: %m");
		if (!err && fds[pool->count].revents)
			err = take_signal(pool, signals);
		for (unsigned int i = 0; !err && i < pool->count; i++)
			if (fds[i].revents)
				err = hear(pool, &pool->workers[i]);
	}
	free(fds);
	if (!err && pool->written < simulation_count(pool->sim))
		err = run_fail(pool->error, -EPROTO, "a process of the simulation ended early");
	return err;
}

static void block_stop_signals(sigset_t *ret_stop, sigset_t *ret_before)
{
	sigemptyset(ret_stop);
	sigaddset(ret_stop, SIGINT);
	sigaddset(ret_stop, SIGTERM);
	sigaddset(ret_stop, SIGHUP);
	sigprocmask(SIG_BLOCK, ret_stop, ret_before);
}

/* The signals @stop are blocked. */
static int run_pool(struct pool *pool, unsigned int jobs, const sigset_t *stop)
{
	int signals = signalfd(-1, stop, SFD_CLOEXEC), err = 0;

	if (signals < 0)
		err = run_fail(pool->error, -errno, "signalfd: %m");
	while (!err && pool->count < jobs) {
		err = start_worker(pool, &pool->workers[pool->count]);
		if (err)
			run_fail(pool->error, err, "a process for the simulation: %s",
				strerror(-err));
		else
			pool->count++;
	}
	if (!err)
		err = serve(pool, signals);
	end_workers(pool);
	if (signals >= 0)
		close(signals);
	return err;
}

int simulate_all(const struct simulation *given, FILE *out,
	void (*progress)(size_t done, size_t all), struct run_error *error)
{
	struct simulation sim = *given;
	size_t all = simulation_count(&sim);
	unsigned int jobs = sim.jobs < JOBS_MAX ? sim.jobs : JOBS_MAX;
	struct pool pool = { .sim = &sim, .out = out, .progress = progress, .error = error };
	struct scratch scratch;
	sigset_t stop, before;
	int err;

	block_stop_signals(&stop, &before);
	err = scratch_make(&scratch, error);
	if (err) {
		sigprocmask(SIG_SETMASK, &before, NULL);
		return err;
	}
	sim.scratch = scratch.dir;
	if (jobs > all)
		jobs = (unsigned int)all;
	pool.workers = calloc(jobs + 1, sizeof(*pool.workers));
	pool.done = calloc(all + 1, sizeof(*pool.done));
	pool.next = mmap(NULL, sizeof(*pool.next), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!pool.workers || !pool.done || pool.next == MAP_FAILED)
		err = run_fail(error, -ENOMEM, "out of memory");
	if (!err)
		err = run_pool(&pool, jobs, &stop);
	scratch_remove(&scratch);
	/* Whoever stops it twice, as timeout(1) and impatient people do, still gets all removed. */
	if (err != -EINTR)
		sigprocmask(SIG_SETMASK, &before, NULL);
	for (size_t i = 0; pool.done && i < all; i++)
		free(pool.done[i].text);
	if (pool.next != MAP_FAILED)
		munmap(pool.next, sizeof(*pool.next));
	free(pool.done);
	free(pool.workers);
	return err;
}
