// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/recorder.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "collector/lag.h"
#include "collector/ledger.h"
#include "collector/output/notices.h"
#include "collector/session.h"
#include "collector/tracker.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

/* How often samples are taken out of the ring; births and deaths wake the loop at once. */
#define DRAIN_NS (50 * NS_PER_MS)
#define TICK_NS (500 * NS_PER_MS)
/* Between two slices of polling, so that those of many cgroups leave time for events. */
#define SLICE_GAP_NS (DRAIN_NS / 2)
/*
 * The last change of a process that falls silent is seen after this time, or after a longer one
 * where there are so many tasks to look at that this would cost more than one part in SWEEP_SHARE
 * of a CPU...
 */
#define SWEEP_NS (200 * NS_PER_MS)
#define SWEEP_MAX_NS NS_PER_S
#define SWEEP_SHARE 200
/* ...and a process that no hook reported, after this. */
#define FULL_SWEEP_NS (5 * NS_PER_S)
/* A limit that is changed while it binds is known after this time... */
#define LIMITS_NS NS_PER_S
/* ...a cgroup whose birth or death nobody told, after this, or the shorter one where none is. */
#define WALK_NS (30 * NS_PER_S)
#define WALK_UNTOLD_NS NS_PER_S
#define REAP_NS (30 * NS_PER_S)
/* After losses both are done at once, but not so often that the time they take loses more... */
#define RECOVERY_GAP 10
/* ...and the walk once more, past the time that a walk gives to what was born just now. */
#define REWALK_NS (1200 * NS_PER_MS)
/* Memory is given back when so many processes and cgroups are gone, and half of all. */
#define TRIM_LEAST 256

struct recorder {
	const struct recorder_options *options;
	struct capture *capture;
	struct tracker *tracker;
	struct session *session;
	struct ledger *ledger;
	struct lag lag;
	uint64_t records, events, lost;
	uint64_t most_tracked; /* processes and cgroups, since memory was given back */
	uint64_t start_ns;
	uint64_t next_tick_ns, next_sweep_ns, next_full_sweep_ns, next_limits_ns, next_reap_ns;
	uint64_t next_walk_ns;
	uint64_t next_slice_ns, next_recovery_ns;
	bool refreshing; /* limits are being read, and not all are yet */
	bool more;	 /* the ring was not emptied in the last turn */
	bool reap_due;	 /* records were lost: an exit may be among them, or a cgroup */
	int error;	 /* the first errno of writing or memory; ends the loop */
	const char *failed;
};

static void fail(struct recorder *recorder, int err, const char *what)
{
	if (recorder->error)
		return;
	recorder->error = err;
	recorder->failed = what;
}

static void put_record(void *ctx, const struct record *record)
{
	struct recorder *recorder = ctx;
	int err;

	recorder->records++;
	if (recorder->options->samples) {
		err = record_write(recorder->options->samples, record);
		if (err)
			fail(recorder, err, "samples");
	}
	err = session_put(recorder->session, record);
	if (err)
		fail(recorder, err, err == -ENOMEM ? "memory" : "detections");
	if (ledger_learn(recorder->ledger, record))
		fail(recorder, -ENOMEM, "memory");
}

static enum ledger_pace pace_of(void *ctx, uint64_t cgroup)
{
	return session_pace(((const struct recorder *)ctx)->session, cgroup);
}

static void on_event(void *ctx, const struct rss_event *event)
{
	struct recorder *recorder = ctx;
	uint64_t now_ns = clock_mono_ns();
	int err;

	recorder->events += event->updates;
	lag_add(&recorder->lag, now_ns > event->t_ns ? now_ns - event->t_ns : 0);
	err = tracker_put(recorder->tracker, event);
	if (err)
		fail(recorder, err, "memory");
}

static void on_cgroup(void *ctx, const struct cgroup_event *event)
{
	struct recorder *recorder = ctx;
	int err = tracker_put_cgroup(recorder->tracker, event);

	if (err)
		fail(recorder, err, "memory");
}

static void on_oom(void *ctx, const struct oom_event *event)
{
	struct recorder *recorder = ctx;
	int err = tracker_put_oom(recorder->tracker, event);

	if (err)
		fail(recorder, err, "memory");
}

/* A line among the detections, for those who watch. */
static void say_limit_changed(
	void *ctx, const struct cgroup_node *node, uint64_t old_bytes, uint64_t t_ns)
{
	const struct recorder *recorder = ctx;

	if (recorder->options->for_people)
		notices_limit_changed(
			recorder->options->detections, node, old_bytes, t_ns - recorder->start_ns);
}

static void put_header(struct recorder *recorder)
{
	const struct capture_settings *capture = &recorder->options->capture;
	struct utsname host;

	uname(&host);
	put_record(recorder,
		&(struct record){
			.type = RECORD_HEADER,
			.t_ns = recorder->start_ns,
			.header = {
				.source = capture_source_name(recorder->capture),
				.kernel = host.release,
				.scope = capture->scope_path,
				.wall_ns = clock_wall_ns(),
				.page_bytes = (uint64_t)sysconf(_SC_PAGESIZE),
				.cpus = (uint64_t)sysconf(_SC_NPROCESSORS_ONLN),
				.interval_ns = capture->interval_ns,
				.threshold_bytes = capture->threshold_bytes,
			},
		});
}

static void put_end(struct recorder *recorder, const char *reason)
{
	struct capture_load load = capture_load(recorder->capture);

	put_record(recorder,
		&(struct record){
			.type = RECORD_END,
			.t_ns = clock_mono_ns(),
			.end = {
				.reason = reason,
				.records = recorder->records,
				.events = recorder->events,
				.lost = recorder->lost,
				.overflow = capture_stats(recorder->capture).overflow,
				.lag_p50_ns = lag_quantile_ns(&recorder->lag, 0.5),
				.lag_p99_ns = lag_quantile_ns(&recorder->lag, 0.99),
				.lag_max_ns = recorder->lag.max_ns,
				.looks = load.looks,
				.ring_bytes = load.ring_bytes,
				.ring_peak_bytes = load.ring_peak_bytes,
			},
		});
}

static void report_losses(struct recorder *recorder, uint64_t now_ns)
{
	uint64_t lost = capture_stats(recorder->capture).lost;

	if (lost <= recorder->lost)
		return;
	put_record(recorder,
		&(struct record){
			.type = RECORD_LOSS, .t_ns = now_ns, .lost = lost - recorder->lost });
	recorder->lost = lost;
	recorder->reap_due = true;
}

/* So that a reader, or a crash, finds all that is older than a tick. */
static void flush_files(struct recorder *recorder)
{
	if (recorder->options->samples && fflush(recorder->options->samples))
		fail(recorder, -errno, "samples");
	if (recorder->options->detections && fflush(recorder->options->detections))
		fail(recorder, -errno, "detections");
}

static bool is_due(uint64_t *next_ns, uint64_t period_ns, uint64_t now_ns)
{
	if (now_ns < *next_ns)
		return false;
	*next_ns = now_ns + period_ns;
	return true;
}

static void walk(struct recorder *recorder, uint64_t now_ns)
{
	int err = tracker_walk(recorder->tracker, now_ns);

	if (err)
		fail(recorder, err, "walking the cgroups");
}

/* A slice of what is read again and again; births and deaths of others bring more turns. */
static void poll_files(struct recorder *recorder, uint64_t now_ns)
{
	ledger_poll(recorder->ledger, now_ns);
	if (is_due(&recorder->next_limits_ns, LIMITS_NS, now_ns))
		recorder->refreshing = true;
	if (recorder->refreshing)
		recorder->refreshing = !tracker_refresh_limits(recorder->tracker, now_ns);
}

/* Looks for births and deaths that nobody told: now and then, and after records were lost. */
static void find_missed(struct recorder *recorder, uint64_t now_ns)
{
	uint64_t walk_ns =
		capture_tells(recorder->capture, CAPTURE_CGROUPS) ? WALK_NS : WALK_UNTOLD_NS;
	bool lost = recorder->reap_due && now_ns >= recorder->next_recovery_ns;
	uint64_t end_ns;

	if (is_due(&recorder->next_walk_ns, walk_ns, now_ns) || lost)
		walk(recorder, now_ns);
	if (is_due(&recorder->next_reap_ns, REAP_NS, now_ns) || lost) {
		capture_reap(recorder->capture);
		tracker_reap(recorder->tracker, now_ns, lost);
	}
	if (!lost)
		return;
	recorder->reap_due = false;
	end_ns = clock_mono_ns();
	recorder->next_recovery_ns = end_ns + RECOVERY_GAP * (end_ns - now_ns);
	/* A walk does not miss the newborn: once more when they are no longer. */
	recorder->next_walk_ns = end_ns + REWALK_NS;
}

/* After a crowd has left, its memory. */
static void give_back(struct recorder *recorder)
{
	uint64_t tracked =
		tracker_count(recorder->tracker) + tracker_cgroup_stats(recorder->tracker).live;

	if (tracked > recorder->most_tracked)
		recorder->most_tracked = tracked;
	if (recorder->most_tracked - tracked < TRIM_LEAST || tracked > recorder->most_tracked / 2)
		return;
	session_trim(recorder->session);
	malloc_trim(0);
	recorder->most_tracked = tracked;
}

/* Looks at all tasks for what was not sent, and decides when the next time is. */
static void sweep(struct recorder *recorder, uint64_t now_ns)
{
	uint64_t before_ns = clock_cpu_ns(), wait_ns;
	int err = capture_sweep(recorder->capture, false);

	if (err)
		fail(recorder, err, "sweeping processes");
	wait_ns = SWEEP_SHARE * (clock_cpu_ns() - before_ns);
	if (wait_ns < SWEEP_NS)
		wait_ns = SWEEP_NS;
	if (wait_ns > SWEEP_MAX_NS)
		wait_ns = SWEEP_MAX_NS;
	recorder->next_sweep_ns = now_ns + wait_ns;
	recorder->next_full_sweep_ns = now_ns + FULL_SWEEP_NS;
}

/* The work of one turn. Events first, so that a tick never overtakes what it waits for. */
static void turn(struct recorder *recorder)
{
	uint64_t now_ns;
	int err = capture_poll(recorder->capture);

	if (err < 0)
		fail(recorder, err, "reading samples");
	recorder->more = err == CAPTURE_MORE;
	now_ns = clock_mono_ns();
	if (now_ns >= recorder->next_full_sweep_ns ||
		(now_ns >= recorder->next_sweep_ns && capture_has_unsent(recorder->capture)))
		sweep(recorder, now_ns);
	if (is_due(&recorder->next_slice_ns, SLICE_GAP_NS, now_ns))
		poll_files(recorder, now_ns);
	if (is_due(&recorder->next_tick_ns, TICK_NS, now_ns)) {
		report_losses(recorder, now_ns);
		put_record(recorder, &(struct record){ .type = RECORD_TICK, .t_ns = now_ns });
		flush_files(recorder);
		give_back(recorder);
	}
	find_missed(recorder, now_ns);
}

static int watch_fd(int epoll, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

static int open_signals(void)
{
	sigset_t mask;
	int fd;

	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &mask, NULL))
		return -errno;
	fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

static int open_timer(uint64_t period_ns)
{
	struct timespec period = {
		.tv_sec = (time_t)(period_ns / NS_PER_S),
		.tv_nsec = (long)(period_ns % NS_PER_S),
	};
	struct itimerspec spec = { .it_interval = period, .it_value = period };
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd < 0)
		return -errno;
	if (timerfd_settime(fd, 0, &spec, NULL)) {
		close(fd);
		return -errno;
	}
	return fd;
}

/* For epoll_wait(): until @again_ns, 0 being never. */
static int wait_ms(uint64_t again_ns)
{
	uint64_t now_ns = clock_mono_ns();

	if (!again_ns)
		return -1;
	return again_ns > now_ns ? (int)((again_ns - now_ns) / NS_PER_MS) + 1 : 0;
}

/* Turns until a signal, the end of the duration or an error. Sets the reason of the end. */
static int loop(struct recorder *recorder, int signals, const char **ret_reason)
{
	_cleanup_close_ int epoll = epoll_create1(EPOLL_CLOEXEC);
	_cleanup_close_ int timer = open_timer(DRAIN_NS);
	uint64_t duration_ns = recorder->options->duration_ns, ticks;
	uint64_t again_ns = 0; /* when to look for births and deaths that woke nobody */
	int ring = capture_fd(recorder->capture);

	if (epoll < 0 || timer < 0)
		return -EMFILE;
	if (watch_fd(epoll, signals) || watch_fd(epoll, timer) ||
		(ring >= 0 && watch_fd(epoll, ring)))
		return -errno;
	*ret_reason = "duration";
	while (!recorder->error) {
		struct epoll_event ready[4];
		int n = epoll_wait(epoll, ready, 4, wait_ms(again_ns));

		if (clock_mono_ns() >= again_ns)
			again_ns = 0;
		for (int i = 0; i < n; i++) {
			/* Read to disarm; how many periods have passed does not matter. */
			if (ready[i].data.fd == timer && read(timer, &ticks, sizeof(ticks)) < 0)
				continue;
			if (ready[i].data.fd == signals)
				*ret_reason = "signal";
			if (ready[i].data.fd == ring)
				again_ns = clock_mono_ns() + RSS_WAKEUP_GAP_NS;
		}
		turn(recorder);
		if (recorder->more)
			again_ns = clock_mono_ns();
		if (strcmp(*ret_reason, "signal") == 0)
			break;
		if (duration_ns && clock_mono_ns() >= recorder->start_ns + duration_ns)
			break;
	}
	return 0;
}

static void say_ready(const struct recorder_options *options)
{
	static const char ready[] = "ready\n";

	if (options->ready_fd < 0)
		return;
	/* Whoever waited may be gone by now; that is not the recorder's trouble. */
	if (write(options->ready_fd, ready, sizeof(ready) - 1) < 0)
		errno = 0;
	close(options->ready_fd);
}

static int run_opened(struct recorder *recorder, const char **ret_reason)
{
	/* From here on a signal ends the loop, not the process. */
	_cleanup_close_ int signals = open_signals();
	int err;

	if (signals < 0)
		return signals;
	recorder->start_ns = clock_mono_ns();
	recorder->next_reap_ns = recorder->start_ns + REAP_NS;
	recorder->next_limits_ns = recorder->start_ns + LIMITS_NS;
	recorder->next_sweep_ns = recorder->start_ns + SWEEP_NS;
	recorder->next_full_sweep_ns = recorder->start_ns + FULL_SWEEP_NS;
	recorder->next_walk_ns = recorder->start_ns + WALK_UNTOLD_NS;
	put_header(recorder);
	walk(recorder, recorder->start_ns);
	err = capture_sweep(recorder->capture, true);
	if (err) {
		fail(recorder, err, "finding the processes that run already");
		return err;
	}
	flush_files(recorder);
	if (recorder->options->on_ready)
		recorder->options->on_ready(tracker_count(recorder->tracker));
	say_ready(recorder->options);
	err = loop(recorder, signals, ret_reason);
	/* The last changes of processes that are silent by now. */
	if (!err && !recorder->error) {
		capture_poll(recorder->capture);
		capture_sweep(recorder->capture, false);
		/* What came during the sweep: its births and deaths. */
		capture_poll(recorder->capture);
	}
	report_losses(recorder, clock_mono_ns());
	return err;
}

static struct ledger *open_ledger(struct recorder *recorder)
{
	struct ledger_settings settings = {
		.sink = put_record,
		.pace = pace_of,
		.ctx = recorder,
		.max_files = ledger_raise_files(),
	};

	memcg_source_init(recorder->options->capture.host, &settings.source);
	return ledger_new(&settings);
}

int recorder_run(const struct recorder_options *options, struct recorder_result *ret, char *error,
	size_t error_size)
{
	struct recorder recorder = { .options = options };
	struct capture_settings settings = options->capture;
	const char *reason = "error";
	int err;

	settings.on_cgroup = on_cgroup;
	settings.on_oom = on_oom;
	err = capture_open(&settings, on_event, &recorder, &recorder.capture, error, error_size);
	if (err)
		return err;
	recorder.tracker = tracker_new(&(struct tracker_settings){
		.host = settings.host,
		.scope = settings.scope_path,
		.sink = put_record,
		.limit_changed = say_limit_changed,
		.ctx = &recorder,
	});
	recorder.session = session_new(&(struct session_options){
		.out = options->detections,
		.for_people = options->for_people,
		.patience_ns = options->patience_ns,
	});
	recorder.ledger = open_ledger(&recorder);
	if (!recorder.tracker || !recorder.session || !recorder.ledger)
		fail(&recorder, -ENOMEM, "memory");
	else
		err = run_opened(&recorder, &reason);
	if (recorder.session && recorder.tracker && recorder.ledger) {
		put_end(&recorder, recorder.error ? "error" : reason);
		if (session_finish(recorder.session))
			fail(&recorder, -EIO, "detections");
		flush_files(&recorder);
	}
	if (recorder.error) {
		err = recorder.error;
		snprintf(error, error_size, "%s: %s", recorder.failed, strerror(-err));
	} else if (err) {
		snprintf(error, error_size, "event loop: %s", strerror(-err));
	}
	if (recorder.session && recorder.tracker && recorder.ledger) {
		struct session_counts counts = session_counts(recorder.session);

		*ret = (struct recorder_result){
			.records = recorder.records,
			.events = recorder.events,
			.lost = recorder.lost,
			.overflow = capture_stats(recorder.capture).overflow,
			.detections = counts.detections,
			.processes = counts.processes,
			.ledger = ledger_stats(recorder.ledger),
			.cgroups = tracker_cgroup_stats(recorder.tracker),
			.cgroups_told = capture_tells(recorder.capture, CAPTURE_CGROUPS),
			.source = capture_source_name(recorder.capture),
		};
		memcpy(ret->skipped, counts.skipped, sizeof(ret->skipped));
	}
	ledger_free(recorder.ledger);
	session_free(recorder.session);
	tracker_free(recorder.tracker);
	capture_close(recorder.capture);
	return err;
}
