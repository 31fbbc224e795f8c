/* SPDX-License-Identifier: Apache-2.0
 * What belongs to the whole process and a plugin's loading must not change: compared, and put back.
 */
#ifndef CORE_PLUGIN_GUARD_H
#define CORE_PLUGIN_GUARD_H

#include <fenv.h>
#include <signal.h>
#include <stdint.h>
#include <sys/types.h>

#define GUARD_SIGNALS 32

typedef struct guard {
    fenv_t floats;
    uint32_t float_modes;
    sigset_t blocked;
    struct sigaction actions[GUARD_SIGNALS];
    char *locale;
    mode_t umask;
    int folder; /* a descriptor of the working directory, -1: it could not be opened */
} guard;

void guard_take(guard *g);

/* Puts back what changed and warns of it, naming `who`. Ends the guard. */
void guard_restore(guard *g, const char *who);

#endif
