/* SPDX-License-Identifier: Apache-2.0
 * Lets the allocations of one loaded plugin fail, one by one: its calls of malloc and the like are
 * led here, those of the host and of libraries are not. In a process that is thrown away. */
#ifndef CORE_CHECK_STARVE_H
#define CORE_CHECK_STARVE_H

#include <stdbool.h>

/* Leads the calls of the object that was loaded from this path here. false: none of its imports
 * could be replaced, for it has none, or this machine's are not known. */
bool starve_attach(const char *path);

/* The number-th allocation from now on fails, once; 0: none does. */
void starve_at(int number);

/* How many there were since. */
int starve_count(void);

#endif
