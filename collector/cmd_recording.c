// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/commands.h"
#include "lib/log.h"

#include <string.h>
#include <unistd.h>

void cmd_report_skipped(
	const char *name, const uint64_t skipped[SESSION_SKIPS], uint64_t first_line)
{
	unsigned long long sum = 0;

	for (int why = 0; why < SESSION_SKIPS; why++)
		sum += skipped[why];
	if (!sum)
		return;
	if (first_line)
		log_warn("%s: records left out: %llu, the first in line %llu:", name, sum,
			(unsigned long long)first_line);
	else
		log_warn("%s: records left out of the detections: %llu", name, sum);
	for (int why = 0; why < SESSION_SKIPS; why++)
		if (skipped[why])
			log_warn("%s: %llu %s", name, (unsigned long long)skipped[why],
				session_skip_meaning((enum session_skip)why));
}

void cmd_recording_argument(const char **ret, const char *arg, struct argp_state *state)
{
	if (*ret)
		argp_error(state, "one recording at a time; \"%s\" is a second one", arg);
	*ret = arg;
}

FILE *cmd_recording_open(const char *path)
{
	FILE *in = strcmp(path, "-") == 0 ? fdopen(STDIN_FILENO, "r") : fopen(path, "re");

	if (!in)
		log_error("%s: cannot be read: %m", path);
	return in;
}

int cmd_recording_read(struct record_reader *reader, struct session *session, const char *failing,
	uint64_t *ret_first_skipped_line)
{
	struct record record;
	uint64_t first_line = 0;
	int err;

	while ((err = record_read(reader, &record)) > 0) {
		err = session_put(session, &record);
		if (err) {
			log_error("%s: %s", failing, strerror(-err));
			return EXIT_BROKEN;
		}
		if (!first_line && session_skipped(session))
			first_line = record_reader_line(reader);
	}
	if (err < 0) {
		log_error("%s", record_reader_error(reader));
		return EXIT_BAD_INPUT;
	}
	*ret_first_skipped_line = first_line;
	return EXIT_OK;
}

void cmd_recording_warn(const struct record_reader *reader, const struct session *session,
	const char *name, uint64_t first_skipped_line)
{
	struct session_counts counts = session_counts(session);

	if (record_reader_truncated(reader))
		log_warn("%s: the last line was cut short and is left out", name);
	cmd_report_skipped(name, counts.skipped, first_skipped_line);
}
