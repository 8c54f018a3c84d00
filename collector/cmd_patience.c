// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/commands.h"
#include "collector/detect/detect.h"
#include "lib/units.h"

/* The bounds as people read them, beside the numbers that they are. */
#define MIN_TEXT "128s"
#define MAX_TEXT "1h"
_Static_assert(DETECT_PATIENCE_MIN_NS == 128000000000ULL, MIN_TEXT);
_Static_assert(DETECT_PATIENCE_MAX_NS == 3600000000000ULL, MAX_TEXT);

uint64_t cmd_parse_patience(struct argp_state *state, const char *text)
{
	uint64_t ns = 0;

	if (units_parse_duration(text, &ns) || ns < DETECT_PATIENCE_MIN_NS ||
		ns > DETECT_PATIENCE_MAX_NS)
		argp_error(state,
			"--patience=%s: not a time from " MIN_TEXT " to " MAX_TEXT
			" (examples: 224s, 10min)",
			text);
	return ns;
}
