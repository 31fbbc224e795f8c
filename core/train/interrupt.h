/* SPDX-License-Identifier: Apache-2.0
 * SIGINT and SIGTERM as a wish that long work asks for between steps. */
#ifndef CORE_TRAIN_INTERRUPT_H
#define CORE_TRAIN_INTERRUPT_H

/* From now on the first of the two signals is only remembered; a second one ends the process. */
void interrupt_install(void);

/* The signal that came, or 0. */
int interrupt_signal(void);

#endif
