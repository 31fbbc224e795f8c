/* SPDX-License-Identifier: Apache-2.0
 * What tests of devices and of graphs share: opening device modules by their paths.
 *
 * Paths of the device modules of this build come in KINDRED_TEST_DEVICES, separated by colons. */
#ifndef TESTS_HARNESS_H
#define TESTS_HARNESS_H

#include "check/eager.h"
#include "check/numbers.h"

#define TEST_MAX_DEVICES 8

/* Opens a module by its path, with the defaults of its options. fails with KD_E_UNSUPPORTED when
 * this machine cannot run it. */
bool test_device_open(const char *path, check_device *ret, kd_error *err);
void test_device_close(check_device *d);

/* Opens all of KINDRED_TEST_DEVICES; a device that this machine cannot open is printed and left
 * out. Ends the test when the list is missing or a module cannot be loaded. Returns their number.
 */
int test_devices_open(check_device ret[TEST_MAX_DEVICES]);
void test_devices_close(check_device *devices, int count);

/* The device of that name among those, or NULL. */
check_device *test_device_find(check_device *devices, int count, const char *name);

#endif
