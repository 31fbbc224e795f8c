/* SPDX-License-Identifier: Apache-2.0
 * The one global of the host: a signal handler can reach nothing else. */
#include "train/interrupt.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t came;

static void remember(int number) {
    came = number;
}

void interrupt_install(void) {
    /* RESETHAND: the second signal finds the default action, which ends the process. */
    struct sigaction action = {.sa_handler = remember, .sa_flags = SA_RESTART | (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

int interrupt_signal(void) {
    return came;
}
