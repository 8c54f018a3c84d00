// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/soak/soak_run.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "lab/problems.h"
#include "lab/runner/checks.h"
#include "lab/soak/soak_load.h"
#include "lab/soak/soak_probe.h"
#include "lab/soak/soak_record.h"
#include "lab/soak/soak_watch.h"
#include "lab/stop_signals.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/units.h"

/* Rounds that may break one after the other; when the first of a session does, that ends it. */
#define BROKEN_IN_ROW_MAX 3
/* A round that could hardly begin is not begun. */
#define ROUND_MIN_NS (5 * NS_PER_S)
#define STEP_MAX_NS NS_PER_S

struct soak {
	const struct soak_run_options *options;
	struct problems *problems;
	struct lab_host host;
	struct soak_watch watch;
	struct soak_load load;
	struct soak_session session;
	int signal_fd;
	uint64_t started_ns, end_ns, next_sample_ns;
	bool stop;
	enum soak_end end;
};

static void soak_break(struct soak *soak, enum soak_end end, const char *reason)
{
	if (soak->stop)
		return;
	soak->stop = true;
	soak->end = end;
	snprintf(soak->session.reason, sizeof(soak->session.reason), "%s", reason);
}

static void check_record(struct soak *soak, int err)
{
	if (err == 0 || soak->stop)
		return;
	problems_add(soak->problems, "%s/" SOAK_FILE ": cannot be written: %s", soak->options->dir,
		strerror(-err));
	soak_break(soak, SOAK_END_BROKEN, "the record cannot be written");
}

/* A full disk would end the collector too: say that, not what follows from it. */
static void check_room(struct soak *soak)
{
	uint64_t free_bytes = check_free_bytes(soak->options->dir);
	char have[UNITS_TEXT_SIZE];

	if (soak->stop || free_bytes >= CHECKS_DISK_STOP_BYTES)
		return;
	problems_add(soak->problems,
		"%s: only %s of disk are left; make room, then go on with the same --dir",
		soak->options->dir, units_format_size((double)free_bytes, have, sizeof(have)));
	soak_break(soak, SOAK_END_BROKEN, "the disk is full");
}

static double since_start_s(const struct soak *soak)
{
	return (double)(clock_mono_ns() - soak->started_ns) / NS_PER_S;
}

static void take_own(void *ctx, const char *tier, const char *state)
{
	struct soak *soak = ctx;

	check_record(soak, soak_record_own(soak->options->record_fd, soak->session.number,
				   since_start_s(soak), tier, state));
}

static void take_sample(struct soak *soak)
{
	struct soak_sample sample = {
		.session = soak->session.number,
		.t_s = since_start_s(soak),
		.churned = soak->load.churned,
	};
	int err;

	check_room(soak);
	soak_watch_read(&soak->watch, take_own, soak);
	sample.records = atomic_load(&soak->watch.records);
	sample.lost = atomic_load(&soak->watch.lost);
	sample.detections = soak->watch.verdicts_count;
	err = soak_probe("/proc", soak->host.cgroup.mount, soak->watch.pid, &sample);
	/* That it is gone is told by its pidfd. */
	if (err == -ESRCH || err == -ENOENT)
		return;
	if (err < 0) {
		problems_add(soak->problems, "/proc/%d: cannot be read: %s", soak->watch.pid,
			strerror(-err));
		soak_break(soak, SOAK_END_BROKEN, "the collector cannot be looked at");
		return;
	}
	check_record(soak, soak_record_sample(soak->options->record_fd, &sample,
				   atomic_load(&soak->watch.self_seen)));
}

static void tell_progress(struct soak *soak)
{
	double left_s = (double)(soak->end_ns - clock_mono_ns()) / NS_PER_S;

	soak->options->progress("soak: %.0f s, %.0f s are left, round %u, %" PRIu64
				" records, %" PRIu64 " lost",
		since_start_s(soak), left_s, soak->load.round.number,
		atomic_load(&soak->watch.records), atomic_load(&soak->watch.lost));
}

static void begin_round(struct soak *soak)
{
	struct soak_round *round = &soak->load.round;

	if (soak_load_begin(&soak->load, soak->problems) < 0) {
		soak_break(soak, SOAK_END_BROKEN, "a round of load could not be started");
		return;
	}
	round->session = soak->session.number;
	round->t_s = since_start_s(soak);
	soak->options->note(
		"round %u: %s, seed %" PRIu64, round->number, round->scenario, round->seed);
	check_record(soak, soak_record_round(soak->options->record_fd, round));
}

static void note_round(struct soak *soak)
{
	soak->load.round.ended_s = since_start_s(soak);
	check_record(soak, soak_record_round(soak->options->record_fd, &soak->load.round));
}

static void end_round(struct soak *soak)
{
	const struct soak_round *round = &soak->load.round;
	char words[256];

	soak_load_ended(&soak->load);
	note_round(soak);
	if (round->outcome != SOAK_ROUND_BROKEN)
		return;
	soak_load_last_words(&soak->load, words, sizeof(words));
	if (soak->load.any_whole && soak->load.broken_in_row < BROKEN_IN_ROW_MAX) {
		soak->options->note("round %u broke: %s; see %s/rounds/%05u.log", round->number,
			words, soak->options->dir, round->number);
		return;
	}
	problems_add(soak->problems, "round %u of load broke: %s; see %s/rounds/%05u.log",
		round->number, words, soak->options->dir, round->number);
	soak_break(soak, SOAK_END_BROKEN, "the load broke");
}

static void take_signal(struct soak *soak)
{
	struct signalfd_siginfo info;
	char reason[SOAK_TEXT_SIZE];

	while (read(soak->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		snprintf(reason, sizeof(reason), "stopped by %s", strsignal((int)info.ssi_signo));
		soak->options->note("%s: ending the session, please wait", reason);
		soak_break(soak, SOAK_END_INTERRUPTED, reason);
	}
}

/* Does what is due; returns when something is due again. */
static uint64_t do_due(struct soak *soak)
{
	uint64_t now_ns = clock_mono_ns(), due_ns = now_ns + STEP_MAX_NS;
	uint64_t interval_ns = (uint64_t)(soak->options->history->interval_s * NS_PER_S);

	soak_load_churn(&soak->load, now_ns);
	if (now_ns >= soak->next_sample_ns) {
		take_sample(soak);
		while (soak->next_sample_ns <= now_ns)
			soak->next_sample_ns += interval_ns;
	}
	if (soak->load.plan && soak->load.pid == 0 && now_ns >= soak->load.next_round_ns &&
		now_ns + ROUND_MIN_NS < soak->end_ns)
		begin_round(soak);
	if (soak_load_churn_due_ns(&soak->load) < due_ns)
		due_ns = soak_load_churn_due_ns(&soak->load);
	if (soak->next_sample_ns < due_ns)
		due_ns = soak->next_sample_ns;
	return soak->end_ns < due_ns ? soak->end_ns : due_ns;
}

static void step(struct soak *soak, uint64_t due_ns)
{
	struct pollfd fds[] = {
		{ .fd = soak->signal_fd, .events = POLLIN },
		{ .fd = soak->watch.pidfd, .events = POLLIN },
		{ .fd = soak->load.pidfd, .events = POLLIN },
	};
	uint64_t now_ns = clock_mono_ns();
	int wait_ms = due_ns > now_ns ? (int)((due_ns - now_ns) / NS_PER_MS) + 1 : 0;

	if (poll(fds, 3, wait_ms) <= 0)
		return;
	if (fds[0].revents)
		take_signal(soak);
	if (fds[1].revents && !soak->stop) {
		soak->session.collector_died = true;
		soak_break(soak, SOAK_END_COLLECTOR, "the collector ended by itself");
	}
	if (fds[2].revents)
		end_round(soak);
}

static void loop(struct soak *soak)
{
	while (!soak->stop) {
		uint64_t due_ns = do_due(soak);

		if (clock_mono_ns() >= soak->end_ns)
			soak_break(soak, SOAK_END_DURATION, "duration");
		else if (!soak->stop)
			step(soak, due_ns);
		tell_progress(soak);
	}
	soak->options->progress(NULL);
}

/* The last look is taken under load; then the load ends, and the collector sees that too. */
static void conclude(struct soak *soak)
{
	bool open = soak->load.pid != 0;

	if (!soak->session.collector_died)
		take_sample(soak);
	soak->session.watched_s = since_start_s(soak);
	soak_load_stop(&soak->load, soak->problems);
	if (open)
		note_round(soak);
	soak_watch_stop(&soak->watch);
	soak_watch_read(&soak->watch, take_own, soak);
	soak->session.collector_exit = soak->watch.exit_code;
	soak->session.records = atomic_load(&soak->watch.records);
	soak->session.lost = atomic_load(&soak->watch.lost);
	soak->session.overflow = atomic_load(&soak->watch.overflow);
	check_record(soak, soak_record_end(soak->options->record_fd, &soak->session));
	soak_watch_done(&soak->watch);
}

static int begin(struct soak *soak)
{
	const struct soak_history *history = soak->options->history;
	double left_s = history->duration_s - soak_watched_s(history);
	unsigned next = 1;
	int err;

	soak->signal_fd = stop_signals_open();
	if (soak->signal_fd < 0)
		return problems_add(soak->problems, "signals: %s", strerror(-soak->signal_fd));
	if (check_root(soak->problems) < 0 || check_programs(&soak->host, soak->problems) < 0 ||
		check_cgroup(&soak->host, soak->problems) < 0 ||
		check_disk(soak->options->dir, soak->problems) < 0)
		return -EINVAL;
	for (size_t i = 0; i < history->rounds_count; i++)
		if (history->rounds[i].outcome == SOAK_ROUND_OPEN)
			soak_load_remove_bulk(soak->options->dir, history->rounds[i].number);
	if (history->rounds_count)
		next = history->rounds[history->rounds_count - 1].number + 1;
	err = soak_load_init(&soak->load, soak->options->plan, soak->options->dir,
		soak->host.memgen, history->seed, next);
	if (err < 0)
		return problems_add(soak->problems, "/proc/self/exe: %s", strerror(-err));
	soak->session.number = (unsigned)history->sessions_count + 1;
	soak->session.wall_ns = clock_wall_ns();
	err = soak_watch_start(&soak->watch, soak->host.memgrowth, soak->options->dir,
		soak->session.number, soak->problems);
	if (err < 0)
		return err;
	soak->started_ns = soak->next_sample_ns = clock_mono_ns();
	soak->end_ns = soak->started_ns + (uint64_t)(left_s * NS_PER_S);
	check_record(soak, soak_record_session(soak->options->record_fd, &soak->session,
				   history->duration_s, soak->watch.pid));
	return 0;
}

int soak_run(const struct soak_run_options *options, struct problems *problems, enum soak_end *ret)
{
	struct soak soak = { .options = options, .problems = problems, .signal_fd = -1 };
	int err = begin(&soak);

	if (err == 0) {
		options->note("session %u: the collector watches this host, %s of soak in %s",
			soak.session.number,
			units_format_duration((double)(soak.end_ns - soak.started_ns) / NS_PER_S,
				(char[UNITS_TEXT_SIZE]){ 0 }, UNITS_TEXT_SIZE),
			options->dir);
		loop(&soak);
		conclude(&soak);
		*ret = soak.end;
	}
	if (soak.signal_fd >= 0)
		close(soak.signal_fd);
	lab_host_done(&soak.host);
	return err;
}
