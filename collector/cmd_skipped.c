// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/commands.h"
#include "lib/log.h"

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
