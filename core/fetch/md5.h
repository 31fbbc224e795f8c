/* SPDX-License-Identifier: Apache-2.0
 * MD5 of a file as 32 lower-case hexadecimal digits: what most sets are published with. It tells a
 * whole download from a broken one, and nothing about who made it. */
#ifndef CORE_FETCH_MD5_H
#define CORE_FETCH_MD5_H

#include <kindred/error.h>

#define MD5_HEX 33 /* digits and an ending 0 */

bool md5_file(const char *path, char ret_hex[MD5_HEX], kd_error *err);

#endif
