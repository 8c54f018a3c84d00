// SPDX-License-Identifier: GPL-2.0-or-later
/* `memgrowth replay` and nothing else, so that it is soon built with other compilers and flags. */
#include "collector/commands.h"
#include "lib/log.h"

int main(int argc, char **argv)
{
	log_init("memgrowth", false);
	return cmd_replay(argc, argv);
}
