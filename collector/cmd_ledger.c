// SPDX-License-Identifier: GPL-2.0-or-later
/* `memgrowth ledger`: both ledgers side by side, of this host now or at a recording's end. */
#include <argp.h>
#include <errno.h>
#include <string.h>

#include "collector/capture/capture.h"
#include "collector/commands.h"
#include "collector/ledger.h"
#include "collector/ledger_show.h"
#include "collector/scope.h"
#include "collector/session.h"
#include "collector/tracker.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/log.h"

struct arguments {
	const char *input; /* NULL: this host */
	const char *cgroup;
	enum ledger_form form;
};

static const struct argp_option options[] = {
	{ "cgroup", 'c', "PATH", 0, "Show this memory cgroup and all below it (default: all)", 0 },
	{ "json", 'j', 0, 0, "One JSON object a line instead of a table", 0 },
	{ "wide", 'w', 0, 0, "Every column, and the paths of containers", 0 },
	{ 0 },
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct arguments *args = state->input;

	switch (key) {
	case 'c':
		args->cgroup = cmd_parse_cgroup(state, arg);
		break;
	case 'j':
		args->form = LEDGER_JSON;
		break;
	case 'w':
		args->form = LEDGER_WIDE;
		break;
	case ARGP_KEY_ARG:
		cmd_recording_argument(&args->input, arg, state);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static int show(const struct arguments *args, const struct session *session, const char *top)
{
	uint64_t cgroups = 0;
	int err = ledger_show(session, top, args->form, stdout, &cgroups);

	if (err == -ENOENT) {
		log_error("%s: no cgroup %s%s%s was charged; record with this version of memgrowth",
			args->input ? args->input : "this host", top ? "at or below \"" : "",
			top ? top : "at all", top ? "\"" : "");
		return EXIT_BAD_INPUT;
	}
	if (!err && fflush(stdout))
		err = -errno;
	if (err)
		log_error("writing the table: %s", strerror(-err));
	return err ? EXIT_BROKEN : EXIT_OK;
}

/* A recording ---------------------------------------------------------------------------------- */

static int show_recording(const struct arguments *args, struct session *session)
{
	_cleanup_fclose_ FILE *in = cmd_recording_open(args->input);
	struct record_reader *reader;
	uint64_t first_skipped;
	int ret;

	if (!in)
		return EXIT_BAD_INPUT;
	reader = record_reader_new(in, args->input);
	if (!reader) {
		log_error("no memory");
		return EXIT_BROKEN;
	}
	ret = cmd_recording_read(reader, session, args->input, &first_skipped);
	if (ret == EXIT_OK)
		cmd_recording_warn(reader, session, args->input, first_skipped);
	record_reader_free(reader);
	return ret == EXIT_OK ? show(args, session, args->cgroup) : ret;
}

/* This host ------------------------------------------------------------------------------------ */

/* One sweep over the processes and one poll of the cgroups. */
struct live {
	struct session *session;
	struct ledger *ledger;
	struct tracker *tracker;
	struct capture *capture;
	int error; /* the first one */
};

static void put_record(void *ctx, const struct record *record)
{
	struct live *live = ctx;
	int err = session_put(live->session, record);

	if (!err)
		err = ledger_learn(live->ledger, record);
	if (err && !live->error)
		live->error = err;
}

static void on_event(void *ctx, const struct rss_event *event)
{
	struct live *live = ctx;
	int err = tracker_put(live->tracker, event);

	if (err && !live->error)
		live->error = err;
}

static int take_picture(struct live *live, const struct cgroup_host *host, char *error, size_t size)
{
	struct capture_settings capture = { .source = CAPTURE_PROC, .host = host };
	struct ledger_settings ledger = { .sink = put_record, .ctx = live };
	int err = capture_open(&capture, on_event, live, &live->capture, error, size);
	uint64_t now_ns;

	if (err)
		return err;
	memcg_source_init(host, &ledger.source);
	live->ledger = ledger_new(&ledger);
	live->tracker = tracker_new(
		&(struct tracker_settings){ .host = host, .sink = put_record, .ctx = live });
	if (!live->ledger || !live->tracker)
		err = -ENOMEM;
	if (!err)
		err = tracker_walk(live->tracker, clock_mono_ns());
	if (!err)
		err = capture_sweep(live->capture, true);
	now_ns = clock_mono_ns();
	while (!err && ledger_poll(live->ledger, now_ns))
		;
	err = err ? err : live->error;
	if (err)
		snprintf(error, size, "reading processes and cgroups: %s", strerror(-err));
	return err;
}

static int show_host(const struct arguments *args, struct session *session)
{
	struct live live = { .session = session };
	char scope[CGROUP_PATH_SIZE], error[512];
	struct cgroup_host host;
	int err = cgroup_host_open("/proc", &host), ret = EXIT_BROKEN;

	if (err) {
		log_error("no memory cgroup hierarchy is mounted (%s); mount cgroup2 at "
			  "/sys/fs/cgroup",
			strerror(-err));
		return EXIT_BROKEN;
	}
	err = args->cgroup ? scope_spell(&host, args->cgroup, scope, sizeof(scope)) : 0;
	if (err) {
		log_error("--cgroup=%s: no such memory cgroup below %s (%s); give its path there, "
			  "such as /system.slice",
			args->cgroup, host.mount, strerror(-err));
		ret = EXIT_USAGE;
	} else if (take_picture(&live, &host, error, sizeof(error))) {
		log_error("%s", error);
	} else {
		ret = show(args, session, args->cgroup ? scope : NULL);
	}
	tracker_free(live.tracker);
	ledger_free(live.ledger);
	capture_close(live.capture);
	cgroup_host_close(&host);
	return ret;
}

int cmd_ledger(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse_option,
		.args_doc = "[SAMPLES]",
		.doc = "Shows what the kernel charges to each memory cgroup, what its processes "
		       "have mapped of it, and what is left: on this host, or at the end of a "
		       "recording. Sizes are in MiB; a cgroup counts all below it. What is charged "
		       "as anon and is not resident was copied after a fork; such shmem is a file "
		       "in memory (tmpfs) or shared memory that nobody maps.\v"
		       "Examples:\n"
		       "  memgrowth ledger\n"
		       "  memgrowth ledger --json samples.jsonl\n",
	};
	struct arguments args = {};
	struct session *session;
	int ret;

	argp_parse(&argp, argc, argv, 0, NULL, &args);
	session = session_new(&(struct session_options){});
	if (!session) {
		log_error("no memory");
		return EXIT_BROKEN;
	}
	ret = args.input ? show_recording(&args, session) : show_host(&args, session);
	session_free(session);
	return ret;
}
