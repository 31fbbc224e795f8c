/* SPDX-License-Identifier: Apache-2.0
 * Completion for shells, from the tables of commands. */
#ifndef CORE_CLI_WRITE_COMPLETION_H
#define CORE_CLI_WRITE_COMPLETION_H

void print_bash(void);
void print_zsh(void);
void print_fish(void);

#endif
