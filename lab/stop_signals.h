/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LEAKLAB_LAB_STOP_SIGNALS_H
#define LEAKLAB_LAB_STOP_SIGNALS_H

/*
 * Blocks the signals by which people and service managers end a command, so that it comes to clean
 * up the host, and ignores SIGPIPE, for whoever reads its output may leave (`| head`).
 * Returns a signalfd of them that does not block, or a negative errno; the caller closes it.
 */
int stop_signals_open(void);

#endif
