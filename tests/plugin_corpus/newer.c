/* SPDX-License-Identifier: Apache-2.0
 * A C library of the future, to link to. */
int breaks_from_newer(void);
int breaks_from_newer(void) {
    return 0;
}
