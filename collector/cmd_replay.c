// SPDX-License-Identifier: GPL-2.0-or-later
/* `memgrowth replay`: the detector over a recording, without privileges. */
#include <argp.h>
#include <errno.h>
#include <string.h>

#include "collector/commands.h"
#include "collector/session.h"
#include "lib/cleanup.h"
#include "lib/log.h"

struct arguments {
	const char *input;
	const char *output;
	bool for_people;
	uint64_t patience_ns;
};

enum option_key {
	OPT_PATIENCE = 0x100,
};

static const struct argp_option options[] = {
	{ "output", 'o', "FILE", 0, "Detections go here (default: standard output)", 0 },
	{ "text", 't', 0, 0, "Lines for people instead of JSON", 0 },
	CMD_PATIENCE(OPT_PATIENCE),
	{ 0 },
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct arguments *args = state->input;

	switch (key) {
	case 'o':
		args->output = arg;
		break;
	case 't':
		args->for_people = true;
		break;
	case OPT_PATIENCE:
		args->patience_ns = cmd_parse_patience(state, arg);
		break;
	case ARGP_KEY_ARG:
		cmd_recording_argument(&args->input, arg, state);
		break;
	case ARGP_KEY_END:
		if (!args->input)
			argp_error(state, "which recording? Give its samples.jsonl, or - for "
					  "standard input");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static int replay(struct record_reader *reader, struct session *session, const char *name)
{
	uint64_t first_skipped;
	int err, ret = cmd_recording_read(reader, session, "writing detections", &first_skipped);

	if (ret != EXIT_OK)
		return ret;
	if (record_reader_line(reader) <= 1) {
		log_error("%s: empty; a recording begins with a header (`memgrowth record` writes "
			  "one)",
			name);
		return EXIT_BAD_INPUT;
	}
	cmd_recording_warn(reader, session, name, first_skipped);
	err = session_finish(session);
	if (err)
		log_error("writing detections: %s", strerror(-err));
	return err ? EXIT_BROKEN : EXIT_OK;
}

int cmd_replay(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse_option,
		.args_doc = "SAMPLES",
		.doc = "Runs the detector over a recording and writes its detections.\v"
		       "Examples:\n"
		       "  memgrowth replay samples.jsonl\n"
		       "  memgrowth replay --patience 10min samples.jsonl\n"
		       "  memgrowth record -d 30s | memgrowth replay --text -\n",
	};
	struct arguments args = {};
	_cleanup_fclose_ FILE *in = NULL;
	_cleanup_fclose_ FILE *out = NULL;
	struct record_reader *reader;
	struct session *session;
	int ret = EXIT_BROKEN;

	argp_parse(&argp, argc, argv, 0, NULL, &args);
	in = cmd_recording_open(args.input);
	if (!in)
		return EXIT_BAD_INPUT;
	out = args.output ? fopen(args.output, "we") : fdopen(STDOUT_FILENO, "w");
	if (!out) {
		log_error("%s: cannot be written: %m", args.output ? args.output : "stdout");
		return EXIT_BROKEN;
	}
	reader = record_reader_new(in, args.input);
	session = session_new(&(struct session_options){
		.out = out, .for_people = args.for_people, .patience_ns = args.patience_ns });
	if (reader && session)
		ret = replay(reader, session, args.input);
	else
		log_error("no memory");
	session_free(session);
	record_reader_free(reader);
	return ret;
}
