// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Real processes. All signals of interest are blocked and taken with sigtimedwait(), so that none
 * can be missed between a check and a sleep, and so that they reach process 1 of a container too,
 * which the kernel would otherwise shield from them. Parent and children tell each other "ready"
 * and "go" by SIGUSR1 and a shared page.
 */
#include "generators/gen_run.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "generators/gen_holder.h"
#include "generators/gen_worker.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/units.h"

#define STACK_RESIDENT_BYTES (128 * 1024)

/* Shared between parent and children. */
struct rendezvous {
	atomic_uint ready;
	uint64_t ready_ns; /* written before "go" */
};

struct process {
	struct gen_config config; /* with what the holder found that a unit costs */
	struct gen_worker worker;
	struct gen_hold hold;
	struct gen_error error;
	struct gen_truth truth;
	bool stop; /* a signal asked for the end */
	uint64_t progress_ns;
};

struct supervisor {
	const struct gen_config *config;
	struct gen_truth truth;
	struct rendezvous *rendezvous;
	pid_t *pids; /* 0 once reaped */
	unsigned alive;
	bool started;
	bool stop;
	int exit_code;
};

/* Signals ------------------------------------------------------------------------------------ */

static void wanted_signals(sigset_t *ret, bool family)
{
	sigemptyset(ret);
	sigaddset(ret, SIGTERM);
	sigaddset(ret, SIGINT);
	sigaddset(ret, SIGHUP);
	if (family) {
		sigaddset(ret, SIGUSR1);
		sigaddset(ret, SIGCHLD);
	}
}

static bool is_stop(int signal)
{
	return signal == SIGTERM || signal == SIGINT || signal == SIGHUP;
}

static void on_bus_error(int signal)
{
	static const char text[] = "memgen: error: a page could not be written: the disk under "
				   "--dir is full or broken; free space there\n";

	(void)signal;
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(GEN_EXIT_BROKEN);
	_exit(GEN_EXIT_BROKEN);
}

static void setup_signals(void)
{
	sigset_t set;

	wanted_signals(&set, true);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a file past its limit is an error that is told */
	signal(SIGBUS, on_bus_error);
}

/* True when a signal asked for the end before @deadline_ns. */
static bool wait_until(uint64_t deadline_ns)
{
	sigset_t set;

	wanted_signals(&set, false);
	for (;;) {
		uint64_t now_ns = clock_mono_ns();
		uint64_t left_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
		struct timespec left = {
			.tv_sec = (time_t)(left_ns / NS_PER_S),
			.tv_nsec = (long)(left_ns % NS_PER_S),
		};

		if (sigtimedwait(&set, NULL, &left) > 0)
			return true;
		if (left_ns == 0)
			return false;
	}
}

/* One process -------------------------------------------------------------------------------- */

static int backend_touch(void *context, uint64_t first, uint64_t count)
{
	struct process *process = context;

	return process->hold.holder->touch(&process->hold, first, count);
}

static int backend_drop(void *context, uint64_t first, uint64_t count)
{
	struct process *process = context;

	return process->hold.holder->drop(&process->hold, first, count);
}

static uint64_t backend_now_ns(void *context)
{
	(void)context;
	return clock_mono_ns();
}

static bool backend_stopped(void *context)
{
	struct process *process = context;

	if (!process->stop)
		process->stop = wait_until(0);
	return process->stop;
}

/* A page of the stack that is first used in mid-run would be growth that no truth tells of. */
static void make_stack_resident(void)
{
	volatile char stack[STACK_RESIDENT_BYTES];

	for (size_t i = 0; i < sizeof(stack); i += 512)
		stack[i] = 1;
}

static int open_process(
	struct process *process, const struct gen_config *config, unsigned proc, int fd)
{
	const struct gen_backend backend = {
		.touch = backend_touch,
		.drop = backend_drop,
		.now_ns = backend_now_ns,
		.stopped = backend_stopped,
		.context = process,
	};
	uint64_t held;
	int err;

	make_stack_resident();
	process->config = gen_process_config(config, proc);
	gen_truth_init(&process->truth, fd, NULL);
	err = gen_hold_open(&process->hold, &process->config, proc,
		(uint64_t)gen_peak_bytes(
			process->config.pattern, &process->config.params, gen_span_ns(config)),
		&process->error);
	if (err)
		return err;
	process->config.unit_bytes = process->hold.unit_bytes;
	gen_worker_init(&process->worker, &process->config, proc, &backend, &process->truth);
	/* A rehearsal, so that measuring at the end needs no page of its own. */
	if (process->hold.holder->measure(&process->hold, &held))
		log_debug("no /proc: what is held will not be measured");
	return 0;
}

static void show_progress(struct process *process)
{
	const struct gen_worker *worker = &process->worker;
	uint64_t now_ns = clock_mono_ns();
	char text[UNITS_TEXT_SIZE];

	if (worker->proc != 0 || now_ns < process->progress_ns + NS_PER_S)
		return;
	process->progress_ns = now_ns;
	log_progress("%s: %s held after %.0f s", worker->config->pattern->name,
		units_format_size((double)gen_worker_retained_bytes(worker), text, sizeof(text)),
		gen_seconds(now_ns - worker->onset_ns));
}

/* Whether all that the holder made is still there. */
static int check(struct process *process)
{
	struct gen_hold *hold = &process->hold;

	return hold->holder->check ? hold->holder->check(hold) : 0;
}

/* From ready to the end. Returns 0, also when a signal ended it, or a negative errno. */
static int run_pattern(struct process *process, uint64_t ready_ns)
{
	const struct gen_config *config = process->worker.config;
	uint64_t onset_ns = ready_ns + config->start_delay_ns;
	uint64_t end_ns = gen_span_ns(config);
	/* On a terminal that shows the truth, progress would only be in its way. */
	bool progress = !isatty(STDOUT_FILENO);
	uint64_t deadline_ns = 0, next_ns = 0;
	int err;

	if (!process->stop)
		process->stop = wait_until(onset_ns);
	if (process->stop)
		return 0;
	err = gen_worker_begin(&process->worker, onset_ns);
	while (!err && !process->stop) {
		deadline_ns = next_ns;
		err = gen_worker_step(&process->worker, deadline_ns, &next_ns);
		if (!err)
			err = check(process);
		if (progress)
			show_progress(process);
		if (deadline_ns >= end_ns || err)
			break;
		process->stop = wait_until(onset_ns + next_ns);
	}
	if (progress)
		log_progress(NULL);
	return err == -ECANCELED ? 0 : err;
}

static int measure(struct process *process)
{
	uint64_t held_bytes;
	int64_t measured = -1;

	if (process->hold.holder->measure(&process->hold, &held_bytes) == 0)
		measured = (int64_t)held_bytes;
	return gen_truth_measured(&process->truth, clock_mono_ns(), process->worker.proc,
		gen_worker_retained_bytes(&process->worker), measured,
		process->hold.holder->reclaimable);
}

/*
 * Says what went wrong while it ran; @err is negative, @process NULL in the supervisor. Returns the
 * exit code.
 */
static int broken(const struct gen_truth *truth, const struct process *process, int err)
{
	if (truth->err == -EPIPE)
		log_error("stdout: the reader of the truth has gone; keep it until the end");
	else if (truth->err)
		log_error("stdout: cannot write the truth: %s; check where it goes",
			strerror(-truth->err));
	else if (process && *process->error.text)
		log_error("%s", process->error.text);
	else
		log_error("cannot touch or release memory: %s", strerror(-err));
	if (process && process->hold.killed_by)
		return 128 + (int)process->hold.killed_by;
	return GEN_EXIT_BROKEN;
}

static uint64_t timeval_ns(struct timeval time)
{
	return (uint64_t)time.tv_sec * NS_PER_S + (uint64_t)time.tv_usec * NS_PER_US;
}

static uint64_t cpu_ns(void)
{
	uint64_t sum_ns = 0;

	for (int i = 0; i < 2; i++) {
		struct rusage usage;

		if (getrusage(i == 0 ? RUSAGE_SELF : RUSAGE_CHILDREN, &usage) < 0)
			continue;
		sum_ns += timeval_ns(usage.ru_utime) + timeval_ns(usage.ru_stime);
	}
	return sum_ns;
}

static int run_single(const struct gen_config *config, int fd)
{
	static struct process process;
	uint64_t ready_ns;
	int err;

	process = (struct process){ 0 };
	gen_truth_init(&process.truth, fd, NULL);
	err = gen_truth_start(&process.truth, config, clock_mono_ns());
	if (!err)
		err = gen_truth_process(&process.truth, config, clock_mono_ns(), 0, getpid());
	if (err)
		return broken(&process.truth, &process, err);
	if (open_process(&process, config, 0, fd)) {
		log_error("%s", process.error.text);
		gen_truth_end(&process.truth, clock_mono_ns(), "error", cpu_ns());
		return GEN_EXIT_BROKEN;
	}
	err = gen_worker_settle(&process.worker);
	ready_ns = clock_mono_ns();
	/* A signal that came first is remembered: run_pattern() ends at once. */
	if (!err || err == -ECANCELED)
		err = gen_truth_ready(&process.truth, ready_ns);
	if (!err)
		err = run_pattern(&process, ready_ns);
	if (!err)
		err = measure(&process);
	if (!err)
		err = gen_truth_end(&process.truth, clock_mono_ns(),
			process.stop ? "signal" : "duration", cpu_ns());
	else
		gen_truth_end(&process.truth, clock_mono_ns(), "error", cpu_ns());
	gen_hold_close(&process.hold);
	return err ? broken(&process.truth, &process, err) : 0;
}

/* Many processes ----------------------------------------------------------------------------- */

static int child_main(struct supervisor *parent, unsigned proc, pid_t parent_pid)
{
	static struct process process;
	sigset_t set;
	int signal, err;

	/* Whoever kills the parent ends all of them; the second check is for one already dead. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent_pid)
		return GEN_EXIT_BROKEN;
	if (open_process(&process, parent->config, proc, parent->truth.fd)) {
		log_error("%s", process.error.text);
		return GEN_EXIT_BROKEN;
	}
	err = gen_worker_settle(&process.worker);
	if (err)
		return err == -ECANCELED ? 0 : broken(&process.truth, &process, err);
	atomic_fetch_add(&parent->rendezvous->ready, 1);
	kill(parent_pid, SIGUSR1);
	wanted_signals(&set, true);
	while ((signal = sigwaitinfo(&set, NULL)) != SIGUSR1)
		if (is_stop(signal))
			return 0;
	err = run_pattern(&process, parent->rendezvous->ready_ns);
	if (!err)
		err = measure(&process);
	return err ? broken(&process.truth, &process, err) : 0;
}

static void signal_children(const struct supervisor *parent, int signal)
{
	for (unsigned i = 0; i < parent->config->processes; i++)
		if (parent->pids[i] > 0)
			kill(parent->pids[i], signal);
}

static void fail(struct supervisor *parent, int code)
{
	if (parent->exit_code == 0)
		parent->exit_code = code;
}

static int fork_children(struct supervisor *parent)
{
	pid_t self = getpid();

	for (unsigned proc = 0; proc < parent->config->processes; proc++) {
		pid_t pid = fork();
		int err;

		if (pid < 0) {
			log_error("--processes=%u: cannot fork process %u: %s; ask for fewer or "
				  "raise the limit on processes",
				parent->config->processes, proc, strerror(errno));
			return -EAGAIN;
		}
		if (pid == 0)
			_exit(child_main(parent, proc, self));
		parent->pids[proc] = pid;
		parent->alive++;
		err = gen_truth_process(&parent->truth, parent->config, clock_mono_ns(), proc, pid);
		if (err) {
			broken(&parent->truth, NULL, err);
			return err;
		}
	}
	return 0;
}

/* Also reaps orphans that the kernel gives to process 1 of a container. */
static void reap(struct supervisor *parent)
{
	int status, err;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		unsigned proc = 0;

		while (proc < parent->config->processes && parent->pids[proc] != pid)
			proc++;
		if (proc == parent->config->processes)
			continue;
		parent->pids[proc] = 0;
		parent->alive--;
		if (WIFSIGNALED(status))
			fail(parent, 128 + WTERMSIG(status));
		else if (WEXITSTATUS(status) != 0)
			fail(parent, WEXITSTATUS(status));
		err = gen_truth_exited(&parent->truth, clock_mono_ns(), proc, pid, status);
		if (err)
			fail(parent, broken(&parent->truth, NULL, err));
		/* Before the start, a run with a process missing is not the run asked for. */
		if (!parent->started && !parent->stop) {
			parent->stop = true;
			signal_children(parent, SIGTERM);
		}
	}
}

static void start_when_ready(struct supervisor *parent)
{
	int err;

	if (parent->started || parent->stop ||
		atomic_load(&parent->rendezvous->ready) < parent->config->processes)
		return;
	parent->started = true;
	parent->rendezvous->ready_ns = clock_mono_ns();
	err = gen_truth_ready(&parent->truth, parent->rendezvous->ready_ns);
	if (err) {
		fail(parent, broken(&parent->truth, NULL, err));
		signal_children(parent, SIGTERM);
	}
	signal_children(parent, SIGUSR1);
}

static void supervise(struct supervisor *parent)
{
	sigset_t set;

	wanted_signals(&set, true);
	while (parent->alive > 0) {
		int signal = sigwaitinfo(&set, NULL);

		if (is_stop(signal)) {
			parent->stop = true;
			signal_children(parent, SIGTERM);
		}
		start_when_ready(parent);
		reap(parent);
	}
}

static int run_many(const struct gen_config *config, int fd)
{
	struct supervisor parent = { .config = config };
	const char *reason = "duration";
	int err;

	gen_truth_init(&parent.truth, fd, NULL);
	parent.pids = calloc(config->processes, sizeof(*parent.pids));
	parent.rendezvous = mmap(NULL, sizeof(*parent.rendezvous), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!parent.pids || parent.rendezvous == MAP_FAILED) {
		log_error("out of memory before the start");
		free(parent.pids);
		return GEN_EXIT_BROKEN;
	}
	err = gen_truth_start(&parent.truth, config, clock_mono_ns());
	if (err)
		parent.exit_code = broken(&parent.truth, NULL, err);
	else if (fork_children(&parent))
		parent.exit_code = GEN_EXIT_BROKEN;
	if (parent.exit_code) {
		parent.stop = true;
		signal_children(&parent, SIGTERM);
	}
	supervise(&parent);
	if (parent.exit_code)
		reason = "error";
	else if (parent.stop)
		reason = "signal";
	err = gen_truth_end(&parent.truth, clock_mono_ns(), reason, cpu_ns());
	if (err)
		fail(&parent, broken(&parent.truth, NULL, err));
	munmap(parent.rendezvous, sizeof(*parent.rendezvous));
	free(parent.pids);
	return parent.exit_code;
}

int gen_run(const struct gen_config *config, int fd)
{
	setup_signals();
	return config->processes == 1 ? run_single(config, fd) : run_many(config, fd);
}
