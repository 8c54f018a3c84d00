// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/soak/soak_load.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/child.h"
#include "lab/problems.h"
#include "lab/rundir/run_files.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#define STOP_TIMEOUT_NS (90 * NS_PER_S)
#define FILES_MAX 16

enum { EXIT_CODE_PASS = 0, EXIT_CODE_GATE = 1 };

int soak_load_init(struct soak_load *load, const struct soak_plan *plan, const char *dir,
	const char *memgen, uint64_t seed, unsigned next)
{
	*load = (struct soak_load){
		.plan = plan,
		.dir = dir,
		.memgen = memgen,
		.seed = seed,
		.round.number = next - 1,
		.pidfd = -1,
		.next_churn_ns = clock_mono_ns(),
	};
	return readlink("/proc/self/exe", load->leaklab, sizeof(load->leaklab) - 1) < 0 ? -errno
											: 0;
}

/* Rounds ---------------------------------------------------------------------------------- */

static void round_path(const struct soak_load *load, const char *suffix, char *buf, size_t size)
{
	snprintf(buf, size, "%s/rounds/%05u%s", load->dir, load->round.number, suffix);
}

/* setpriv sees to it that the round is told to end when the soak is killed. */
static void round_command(const struct soak_load *load, struct args *args)
{
	char runs[PATH_MAX];

	round_path(load, "", runs, sizeof(runs));
	args_add_all(args, "setpriv", "--pdeathsig=TERM", "--", load->leaklab, "run", NULL);
	args_add(args, load->plan->paths[(load->round.number - 1) % load->plan->rounds_count]);
	args_addf(args, "--seed=%" PRIu64, load->round.seed);
	args_addf(args, "--runs=%s", runs);
}

static int open_log(const struct soak_load *load, struct problems *problems)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/rounds", load->dir);
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return problems_add(problems, "%s: cannot be made: %m", path);
	round_path(load, ".log", path, sizeof(path));
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	return fd >= 0 ? fd : problems_add(problems, "%s: cannot be written: %m", path);
}

int soak_load_begin(struct soak_load *load, struct problems *problems)
{
	_cleanup_args_ struct args args = { 0 };
	_cleanup_close_ int log_fd = -1;
	unsigned number = load->round.number + 1;
	int err;

	load->round = (struct soak_round){
		.number = number,
		.seed = load->seed + number - 1,
		.leaks = -1,
		.leaks_growing = -1,
		.leaks_leak = -1,
		.healthy = -1,
		.healthy_false = -1,
	};
	snprintf(load->round.scenario, sizeof(load->round.scenario), "%s",
		load->plan->rounds[(number - 1) % load->plan->rounds_count]);
	log_fd = open_log(load, problems);
	if (log_fd < 0)
		return -EINVAL;
	round_command(load, &args);
	err = child_spawn(
		&(struct child_spec){
			.args = &args, .pass_fd = -1, .stdout_fd = log_fd, .stderr_fd = log_fd },
		&load->pid);
	if (err < 0)
		return problems_add(problems,
			"a round cannot be started: setpriv: %s; install util-linux",
			strerror(-err));
	load->pidfd = pidfd_open(load->pid, 0);
	return 0;
}

/* The walk of nftw() has no context; one round ends at a time. */
static char found_score[PATH_MAX];

static int find_score(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	if (type == FTW_F && strcmp(path + ftw->base, "score.json") == 0)
		snprintf(found_score, sizeof(found_score), "%s", path);
	return 0;
}

/* What was recorded is large; a score, a report and logs are small. */
static int remove_bulk(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	const char *name = path + ftw->base;

	(void)st;
	if (type == FTW_F &&
		(strcmp(name, "samples.jsonl") == 0 || strcmp(name, "detections.jsonl") == 0 ||
			strstr(path, "/truth/")))
		unlink(path);
	return 0;
}

void soak_load_remove_bulk(const char *dir, unsigned number)
{
	const struct soak_load load = { .dir = dir, .round.number = number };
	char path[PATH_MAX];

	round_path(&load, "", path, sizeof(path));
	nftw(path, remove_bulk, FILES_MAX, FTW_PHYS);
}

static void get_share(const json_t *parent, const char *key, int *ret_k, int *ret_n)
{
	const json_t *share = json_object_get(parent, key);
	uint64_t k, n;

	if (run_get_u64(share, "k", &k) && run_get_u64(share, "n", &n)) {
		*ret_k = (int)k;
		*ret_n = (int)n;
	}
}

static void read_score(struct soak_round *round, const char *path)
{
	json_t *score = json_load_file(path, 0, NULL);
	const json_t *summary = json_object_get(score, "summary");
	const json_t *leak = json_object_get(summary, "leak");

	get_share(json_object_get(summary, "growing"), "tpr", &round->leaks_growing, &round->leaks);
	get_share(leak, "tpr", &round->leaks_leak, &round->leaks);
	get_share(json_object_get(leak, "benign_pooled"), "fpr", &round->healthy_false,
		&round->healthy);
	json_decref(score);
}

static void conclude(struct soak_load *load, int exit_code, bool told)
{
	struct soak_round *round = &load->round;
	char dir[PATH_MAX];

	if (told && exit_code != EXIT_CODE_PASS && exit_code != EXIT_CODE_GATE)
		round->outcome = SOAK_ROUND_CUT;
	else if (exit_code == EXIT_CODE_PASS)
		round->outcome = SOAK_ROUND_PASS;
	else
		round->outcome = exit_code == EXIT_CODE_GATE ? SOAK_ROUND_GATE : SOAK_ROUND_BROKEN;
	load->any_whole |= round->outcome == SOAK_ROUND_PASS || round->outcome == SOAK_ROUND_GATE;
	load->broken_in_row = round->outcome == SOAK_ROUND_BROKEN ? load->broken_in_row + 1 : 0;
	round_path(load, "", dir, sizeof(dir));
	*found_score = '\0';
	nftw(dir, find_score, FILES_MAX, FTW_PHYS);
	if (*found_score)
		read_score(round, found_score);
	soak_load_remove_bulk(load->dir, round->number);
	if (load->pidfd >= 0)
		close(load->pidfd);
	load->pidfd = -1;
	load->pid = 0;
	load->next_round_ns = clock_mono_ns() + load->plan->pause_ns;
}

const char *soak_load_last_words(const struct soak_load *load, char *buf, size_t size)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[PATH_MAX], text[4096];
	size_t len;

	*buf = '\0';
	round_path(load, ".log", path, sizeof(path));
	f = fopen(path, "re");
	if (!f)
		return buf;
	/* A log that is shorter than that is read from its beginning. */
	if (fseek(f, -(long)(sizeof(text) - 1), SEEK_END) < 0)
		rewind(f);
	len = fread(text, 1, sizeof(text) - 1, f);
	text[len] = '\0';
	snprintf(buf, size, "%s", child_last_line(text));
	return buf;
}

void soak_load_ended(struct soak_load *load)
{
	int status = 0;

	while (waitpid(load->pid, &status, 0) < 0 && errno == EINTR)
		;
	conclude(load, child_exit_code(status), false);
}

/* Churn ----------------------------------------------------------------------------------- */

/* Returns false when there is no room or no process to be had. */
static bool start_short(struct soak_load *load)
{
	_cleanup_args_ struct args args = { 0 };

	for (size_t i = 0; i < SOAK_CHURN_ALIVE_MAX; i++) {
		if (load->churn[i])
			continue;
		args_add(&args, load->memgen);
		for (unsigned k = 0; k < load->plan->churn_args_count; k++)
			args_add(&args, load->plan->churn_args[k]);
		return child_spawn(&(struct child_spec){ .args = &args,
					   .pass_fd = -1,
					   .stdout_fd = -1,
					   .stderr_fd = -1 },
			       &load->churn[i]) == 0;
	}
	return false;
}

void soak_load_churn(struct soak_load *load, uint64_t now_ns)
{
	uint64_t every_ns;

	for (size_t i = 0; i < SOAK_CHURN_ALIVE_MAX; i++)
		if (load->churn[i] && waitpid(load->churn[i], NULL, WNOHANG) != 0)
			load->churn[i] = 0;
	if (!load->plan || !load->plan->churn_per_s)
		return;
	every_ns = NS_PER_S / load->plan->churn_per_s;
	/* What a busy host made it miss is not made up for. */
	if (now_ns > load->next_churn_ns + NS_PER_S)
		load->next_churn_ns = now_ns;
	for (; load->next_churn_ns <= now_ns; load->next_churn_ns += every_ns)
		load->churned += start_short(load);
}

uint64_t soak_load_churn_due_ns(const struct soak_load *load)
{
	return load->plan && load->plan->churn_per_s ? load->next_churn_ns : UINT64_MAX;
}

/* The end --------------------------------------------------------------------------------- */

void soak_load_stop(struct soak_load *load, struct problems *problems)
{
	int status = 0;

	for (size_t i = 0; i < SOAK_CHURN_ALIVE_MAX; i++) {
		if (!load->churn[i])
			continue;
		kill(-load->churn[i], SIGKILL);
		waitpid(load->churn[i], NULL, 0);
		load->churn[i] = 0;
	}
	if (load->pid == 0)
		return;
	kill(load->pid, SIGTERM);
	if (child_wait(load->pid, STOP_TIMEOUT_NS, &status) < 0) {
		problems_add(problems,
			"round %u did not end within 90 s and was killed; remove what it left with "
			"`leaklab clean`",
			load->round.number);
		status = SIGKILL;
	}
	conclude(load, child_exit_code(status), true);
}
