/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LEAKLAB_LIB_REVISION_H
#define LEAKLAB_LIB_REVISION_H

/* The git revision of the sources that this program was built from, or "unknown". */
const char *revision(void);

#endif
