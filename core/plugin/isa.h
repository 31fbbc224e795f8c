/* SPDX-License-Identifier: Apache-2.0
 * The instruction sets that a plugin's build can need, and which of them this machine has. */
#ifndef CORE_PLUGIN_ISA_H
#define CORE_PLUGIN_ISA_H

/* How much of the machine an isa text asks for: 0 for "" (the baseline), more for more; -1 for a
 * text that this host does not know. Levels of one architecture include the lower ones. */
int isa_rank(const char *isa);

/* The best level that the CPU has and the operating system saves: "", "x86-64-v2", ... */
const char *isa_of_this_cpu(void);

#endif
