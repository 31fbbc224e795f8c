/* SPDX-License-Identifier: Apache-2.0
 * A library whose soname is not its file's name, so that no linker finds it again. */
extern int absent_library(void);

int absent_library(void) {
    return 1;
}
