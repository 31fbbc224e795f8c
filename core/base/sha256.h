/* SPDX-License-Identifier: Apache-2.0
 * SHA-256 as 64 lower-case hexadecimal digits, of bytes in memory and of files. */
#ifndef CORE_BASE_SHA256_H
#define CORE_BASE_SHA256_H

#include <kindred/error.h>

#define SHA256_HEX 65 /* digits and an ending 0 */

void sha256_bytes(const void *data, size_t bytes, char ret_hex[SHA256_HEX]);
bool sha256_file(const char *path, char ret_hex[SHA256_HEX], kd_error *err);

#endif
